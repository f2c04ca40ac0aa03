/**
 * The test run: static checks, then vitest. During the static checks, the images for the container tests are made, and the registry is
 * asked for advisories.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { auditPackages } from './audit-packages.mjs';
import { canTestElectron, ensureTestElectron } from './electron.mjs';
import { canTestHelm, ensureHelm } from './helm.mjs';
import { root, runAside, runShown } from './tools.mjs';

const VITEST = 'node_modules/vitest/vitest.mjs';
const SETUP = join(root, 'scripts/docker-test-setup.sh');

/** Runs the tests that the arguments name, or all. Resolves with the exit code. */
export async function runTests(args) {
  // Anybody but root hears from the tests themselves what is missing.
  const isWhole = args.length === 0 && process.getuid?.() === 0;
  const images = isWhole ? runAside(SETUP, ['up']) : undefined;
  // As above: fetched while the sources are checked; the test run tries again.
  const electron =
    args.length === 0 && canTestElectron ? ensureTestElectron().catch(() => undefined) : undefined;
  const helm = args.length === 0 && canTestHelm ? ensureHelm().catch(() => undefined) : undefined;
  const audit = args.length === 0 ? auditPackages() : undefined;
  const check = await runShown(process.execPath, ['scripts/check-static.mjs']);
  const made = await images;
  await electron;
  await helm;
  const { code: known = 0, text: advisories = '' } = (await audit) ?? {};
  process.stdout.write(advisories);
  if (check !== 0 || known !== 0) {
    if (isWhole) await runAside(SETUP, ['down']);
    return check || known;
  }
  // The test run tries again, and says what failed in its own words.
  if (made !== undefined && made.code !== 0) process.stdout.write(made.text);
  return await runShown(process.execPath, [VITEST, 'run', ...args], {
    env: args.length === 0 ? { FLASHGRID_TEST_RARE_PATHS: emptyFile('rare-paths.ndjson') } : {},
  });
}

/** An empty file that the run writes, where the build is. */
function emptyFile(name) {
  const path = join(root, 'out', name);
  mkdirSync(join(root, 'out'), { recursive: true });
  writeFileSync(path, '');
  return path;
}

/** The test run: static checks, then vitest. Images for the container tests are made during the static checks. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { canTestElectron, ensureTestElectron } from './electron.mjs';
import { root, runShown } from './tools.mjs';

const VITEST = 'node_modules/vitest/vitest.mjs';
const SETUP = join(root, 'scripts/docker-test-setup.sh');

/** Runs the tests that the arguments name, or all. Resolves with the exit code. */
export async function runTests(args) {
  // Anybody but root hears from the tests themselves what is missing.
  const isWhole = args.length === 0 && process.getuid?.() === 0;
  const images = isWhole ? inBackground(SETUP, ['up']) : undefined;
  // As above: fetched while the sources are checked; the test run tries again.
  const electron =
    args.length === 0 && canTestElectron ? ensureTestElectron().catch(() => undefined) : undefined;
  const check = await runShown('npm', ['run', '--silent', 'check:static']);
  const made = await images;
  await electron;
  if (check !== 0) {
    if (isWhole) await inBackground(SETUP, ['down']);
    return check;
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

/** Runs a program beside another; what it printed is given at its end. */
async function inBackground(program, args) {
  const path = emptyFile('docker-test-setup.log');
  const output = openSync(path, 'w');
  try {
    const code = await runShown(program, args, { output });
    return { code, text: readFileSync(path, 'utf8') };
  } finally {
    closeSync(output);
  }
}

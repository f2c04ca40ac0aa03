/**
 * The whole test run in a sensible order for two cores. The containers' tests mostly wait for containers, so they run beside the others; speed is
 * measured at the end, with the machine to itself. Each part writes a report, and the last line counts them all.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root, runShown } from './tools.mjs';

const VITEST = 'node_modules/vitest/vitest.mjs';
const SETUP = 'scripts/docker-test-setup.sh';
const REPORTS = join(root, 'out/test-reports');

const checkStatic = () => runShown('npm', ['run', '--silent', 'check:static']);

/** The tests that the arguments name. */
export async function testSome(args) {
  const check = await checkStatic();
  return check === 0 ? await runShown(process.execPath, [VITEST, 'run', ...args]) : check;
}

/** Every test. Resolves with the exit code of the first part that failed. */
export async function testAll() {
  rmSync(REPORTS, { recursive: true, force: true });
  mkdirSync(REPORTS, { recursive: true });
  // The images take a minute to make on a fresh machine, while the sources are checked. Anybody but root hears from the tests what is missing.
  const isRoot = process.getuid?.() === 0;
  const images = isRoot ? inBackground('images', join(root, SETUP), ['up']) : undefined;
  const check = await checkStatic();
  const imagesLog = await images;
  if (check !== 0) {
    if (isRoot) await inBackground('images-down', join(root, SETUP), ['down']);
    return check;
  }
  if (imagesLog !== undefined && imagesLog.code !== 0) process.stdout.write(imagesLog.text);

  const beside = inBackground('docker', process.execPath, vitestArgs('docker'));
  const codes = [await runShown(process.execPath, vitestArgs('unit', 'engines'))];
  const docker = await beside;
  process.stdout.write(docker.text);
  codes.push(docker.code, await runShown(process.execPath, vitestArgs('speed')));
  codes.push(
    await runShown(process.execPath, [
      VITEST,
      'run',
      `--merge-reports=${REPORTS}/parts`,
      '--reporter=minimal',
    ]),
  );
  return codes.find((code) => code !== 0) ?? 0;
}

function vitestArgs(...projects) {
  return [
    ...[VITEST, 'run', ...projects.map((project) => `--project=${project}`)],
    ...[
      '--reporter=default',
      '--reporter=blob',
      `--outputFile.blob=${REPORTS}/parts/${projects.join('-')}.json`,
    ],
  ];
}

/** Runs a program beside others; what it printed is given at its end, in one piece. */
async function inBackground(name, program, args) {
  const path = join(REPORTS, `${name}.log`);
  const output = openSync(path, 'w');
  try {
    const code = await runShown(program, args, { output });
    return { code, text: readFileSync(path, 'utf8') };
  } finally {
    closeSync(output);
  }
}

#!/usr/bin/env node
/**
 * All checks that run nothing of the program: format, types, lint, imports, unused code. Two at a time, since each keeps one core
 * busy. All are run, whichever fails, and each shows what it found at its end.
 */
import process from 'node:process';
import { runAside } from './setup/tools.mjs';

const AT_ONCE = 2;
const FOLDERS = ['contract', 'control', 'electron', 'cli', 'web', 'renderer', 'services'];
/** The longest first. */
const checks = [
  ['prettier', '--check', '--log-level', 'warn', '.'],
  ['oxlint'],
  // By its place: TypeScript 6, through which depcruise reads files, has a `tsc` as well.
  ['../typescript-7/bin/tsc', '-p', '.'],
  ['../typescript-7/bin/tsc', '-p', 'renderer'],
  ['knip'],
  ['depcruise', '--config', '.dependency-cruiser.cjs', ...FOLDERS],
];

/** Runs one check after the other until none is left. */
async function runChecks() {
  for (let check = checks.shift(); check; check = checks.shift()) {
    const [program, ...args] = check;
    const { code, text } = await runAside(`node_modules/.bin/${program}`, args);
    process.stdout.write(text);
    if (code === 0) continue;
    console.error(`✗ ${check.join(' ')} ended with code ${code}`);
    process.exitCode = 1;
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, runChecks));

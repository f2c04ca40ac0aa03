/** Helpers of the set-up. Plain Node only: no package is installed yet. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';

/** The project's folder. */
export const root = dirname(dirname(import.meta.dirname));

/** Prints one line of the set-up. */
export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** Path of a program (or with another `mode` a library) in PATH or in the given folders; `undefined` if there is none. */
export function findProgram(name, folders = [], mode = constants.X_OK) {
  for (const folder of [...folders.flatMap(expand), ...(process.env.PATH ?? '').split(delimiter)]) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, mode);
      return path;
    } catch {
      // Not here: the next folder.
    }
  }
  return undefined;
}

/** A folder with one `*` part becomes all that match, newest version first. */
function expand(folder) {
  const at = folder.indexOf('*');
  if (at === -1) return [folder];
  const [head, tail] = [folder.slice(0, at), folder.slice(at + 1)];
  try {
    return readdirSync(head)
      .sort((a, b) => b.localeCompare(a, undefined, { numeric: true }))
      .map((entry) => head + entry + tail);
  } catch {
    return [];
  }
}

/**
 * Runs a program quietly; its output is shown only when it fails.
 * @throws Error with the last lines of its output
 */
export function runQuietly(program, args, { env = {}, limitMs = 20 * 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-8_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => child.kill('SIGTERM'), limitMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${program} could not be started: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else
        reject(
          new Error(
            `${[program, ...args].join(' ')} ended with ${signal ?? `code ${code}`}:\n${output.trim().split('\n').slice(-25).join('\n')}`,
          ),
        );
    });
  });
}

/**
 * Fetches an npm package that no dependency may be, for its size or its scripts, into an empty folder, below `package`.
 * @throws Error when it can't be fetched, or is not what it was
 */
export async function fetchPackage(name, integrity, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const [packed] = JSON.parse(
    await runQuietly('npm', ['pack', name, '--pack-destination', folder, '--json', '--loglevel=error']),
  );
  const archive = join(folder, packed.filename);
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found !== integrity) throw new Error(`${name} is not what it was: ${found}`);
  await runQuietly('tar', ['-xzf', archive, '-C', folder]);
}

/** Whether a program runs and succeeds. */
export function succeeds(program, args) {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 15_000 }).status === 0;
}

/**
 * Runs a program to its end; forwards signals. Its output is shown, or written to the file descriptor `output`.
 * Resolves with its exit code.
 */
export function runShown(program, args, { env = {}, output } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: output === undefined ? 'inherit' : ['ignore', output, output],
      env: { ...process.env, ...env },
    });
    // The terminal signals the child too; only signals to this process alone must be forwarded.
    const onInterrupt = () => {
      if (!process.stdin.isTTY) child.kill('SIGINT');
    };
    const onTerminate = () => child.kill('SIGTERM');
    process.on('SIGINT', onInterrupt);
    process.on('SIGTERM', onTerminate);
    const finish = (code) => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      resolve(code);
    };
    child.on('error', (error) => {
      say(`${program} could not be started: ${error.message}`);
      finish(6);
    });
    child.on('exit', (code, signal) => finish(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** Runs a program beside others; resolves with its exit code and what it printed. */
export async function runAside(program, args) {
  const folder = mkdtempSync(join(tmpdir(), 'flashgrid-aside-'));
  const path = join(folder, 'output');
  const output = openSync(path, 'w');
  try {
    const code = await runShown(program, args, { output });
    return { code, text: readFileSync(path, 'utf8') };
  } finally {
    closeSync(output);
    rmSync(folder, { recursive: true });
  }
}

/** The lock that keeps a second control centre from a data folder. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FailureError } from '../../contract/failure.ts';
import { identify, isAlive, type ProcessIdentity } from '../processes/process-table.ts';
import { parseJson } from '../../services/shared/parse-json.ts';

const MAX_TRIES = 20;
const holderSchema = z.object({ pid: z.number().int().positive(), startedAt: z.string(), key: z.string() });

/**
 * Acquires the lock of a data folder, also when its holder has died.
 * @returns the function that releases it
 * @throws FailureError `dataDir.locked` while another control centre holds it
 */
export function acquireLock(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, 'lock');
  const key = randomBytes(8).toString('hex');
  const own = `${path}.${key}`;
  const self = identify(process.pid) ?? { pid: process.pid, startedAt: '' };
  // Written under another name and linked: the lock never appears without its content.
  writeFileSync(own, JSON.stringify({ ...self, key }), { mode: 0o600 });
  try {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (tryLink(own, path)) return () => release(path, key);
      const seen = readText(path);
      if (seen === undefined) continue;
      // A full disk left half a file: nobody holds such a lock.
      const holder = parseJson(seen, holderSchema);
      if (holder && isAlive(holder)) throw lockedError(dataDir, holder.pid);
      removeStale(path, seen, `${own}.stale`);
    }
    throw lockedError(dataDir, undefined);
  } finally {
    rmSync(own, { force: true });
  }
}

/** The living process that holds the lock of a data folder; `undefined` when none does. */
export function lockHolder(dataDir: string): ProcessIdentity | undefined {
  const holder = parseJson(readText(join(dataDir, 'lock')) ?? '', holderSchema);
  return holder && isAlive(holder) ? holder : undefined;
}

/**
 * Removes a dead holder's lock. Another process may have done so and locked anew in between: then its lock is
 * put back.
 */
function removeStale(path: string, seen: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if (readText(aside) !== seen) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function release(path: string, key: string): void {
  if (parseJson(readText(path) ?? '', holderSchema)?.key === key) rmSync(path, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function lockedError(dataDir: string, pid: number | undefined): FailureError {
  const holder = pid === undefined ? 'another process' : `process ${pid}`;
  return new FailureError({
    code: 'dataDir.locked',
    message: `The data folder ${dataDir} is in use by ${holder}.`,
    fix: 'Use the FlashGrid that is already open, end it, or choose another data folder.',
  });
}

import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FailureError } from '../../contract/failure.ts';
import { acquireLock } from './data-dir-lock.ts';

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'flashgrid-lock-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test('a second control centre is refused, and told who holds the folder', () => {
  const release = acquireLock(dataDir);
  let failure: unknown;
  try {
    acquireLock(dataDir);
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(FailureError);
  expect(String(failure)).toContain(`process ${process.pid}`);
  release();
  acquireLock(dataDir)();
  expect(readdirSync(dataDir)).toEqual([]);
});

test('the lock of a process that has died is taken over', () => {
  const dead = spawnSync('true').pid;
  writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: dead, startedAt: '1@x', key: 'k' }));
  acquireLock(dataDir)();
});

test('the lock of a process whose pid belongs to somebody else now is taken over', () => {
  writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: process.pid, startedAt: '1@x', key: 'k' }));
  acquireLock(dataDir)();
});

test('half a lock file is taken over', () => {
  writeFileSync(join(dataDir, 'lock'), '{"pid": 1');
  acquireLock(dataDir)();
});

test('giving back a lock that somebody else holds by now does nothing', () => {
  const release = acquireLock(dataDir);
  const other = JSON.stringify({ pid: 1, startedAt: 'x', key: 'other' });
  writeFileSync(join(dataDir, 'lock'), other);
  release();
  expect(readdirSync(dataDir)).toEqual(['lock']);
});

test('of several processes that find a stale lock at once, exactly one gets it', async () => {
  writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: 1, startedAt: 'stale', key: 'k' }));
  const script = `
    import { acquireLock } from ${JSON.stringify(join(import.meta.dirname, 'data-dir-lock.ts'))};
    while (Date.now() < Number(process.argv[1])) {}
    try { acquireLock(${JSON.stringify(dataDir)}); console.log('mine'); } catch (error) { console.log(error.failure.code); }
    setTimeout(() => {}, 2000);`;
  const startAt = String(Date.now() + 1_500);
  const answers = await Promise.all(
    Array.from({ length: 3 }, () =>
      promisify(execFile)(process.execPath, [
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        script,
        startAt,
      ]),
    ),
  );
  const said = answers.map((answer) => answer.stdout.trim()).sort();
  expect(said).toEqual(['dataDir.locked', 'dataDir.locked', 'mine']);
}, 20_000);

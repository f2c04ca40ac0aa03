import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import process from 'node:process';
import { expect, it } from 'vitest';
import { lowerPriority } from './priority.ts';

const BELOW_NORMAL = constants.priority.PRIORITY_BELOW_NORMAL;

it('ranks a child below its parent, in its session too, and lets one be that is gone', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], {
    detached: true,
    stdio: 'ignore',
  });
  const ended = new Promise((done) => child.once('exit', done));
  try {
    lowerPriority(child.pid);
    // A run that itself was told to give way starts children that do.
    const own = getPriority(process.pid);
    expect(getPriority(child.pid)).toBe(Math.max(own, BELOW_NORMAL));
    const session = `/proc/${child.pid}/autogroup`;
    if (own < BELOW_NORMAL && existsSync(session))
      await expect.poll(() => readFileSync(session, 'utf8'), { timeout: 5_000 }).toMatch(/nice 10$/m);
    // Never up again.
    if (own < 15 && child.pid !== undefined) {
      setPriority(child.pid, 15);
      lowerPriority(child.pid);
      expect(getPriority(child.pid)).toBe(15);
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  expect(() => lowerPriority(child.pid)).not.toThrow();
  expect(() => lowerPriority(undefined)).not.toThrow();
});

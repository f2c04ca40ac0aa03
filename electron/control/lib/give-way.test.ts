import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import process from 'node:process';
import { expect, it } from 'vitest';
import { giveWay } from './give-way.ts';

it('ranks a child below its parent, in its session too, and lets one be that is gone', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], {
    detached: true,
    stdio: 'ignore',
  });
  const ended = new Promise((done) => child.once('exit', done));
  try {
    giveWay(child.pid);
    expect(getPriority(child.pid)).toBe(constants.priority.PRIORITY_BELOW_NORMAL);
    expect(getPriority(process.pid)).toBeLessThan(constants.priority.PRIORITY_BELOW_NORMAL);
    const session = `/proc/${child.pid}/autogroup`;
    if (existsSync(session))
      await expect.poll(() => readFileSync(session, 'utf8'), { timeout: 5_000 }).toMatch(/nice 10$/m);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  expect(() => giveWay(child.pid)).not.toThrow();
  expect(() => giveWay(undefined)).not.toThrow();
});

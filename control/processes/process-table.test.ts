import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { identify, isAlive, listProcesses, parseProcStat } from './process-table.ts';

test('a name with spaces and parentheses does not shift the fields of /proc/<pid>/stat', () => {
  const fields = Array.from({ length: 30 }, (_, index) => String(index + 4));
  const stat = parseProcStat(`42 (my (odd) name) S ${fields.join(' ')}`);
  expect(stat).toEqual({
    name: 'my (odd) name',
    state: 'S',
    parentPid: 4,
    cpuTicks: 14 + 15,
    childTicks: 16 + 17,
    startTicks: '22',
  });
  expect(parseProcStat('nonsense')).toBeUndefined();
  expect(parseProcStat('42 (short) S 1')).toBeUndefined();
});

test('a process is alive under its own start time, and under no other', async () => {
  const child = spawn('sleep', ['60']);
  const identity = identify(child.pid ?? 0);
  if (!identity) throw new Error('not found');
  expect(isAlive(identity)).toBe(true);
  // As if the pid had gone to another process.
  expect(isAlive({ ...identity, startedAt: '1@other' })).toBe(false);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(isAlive(identity)).toBe(false);
  expect(identify(identity.pid)).toBeUndefined();
});

test('the list shows a child with its parent, command line, environment and working folder', () => {
  const child = spawn('sleep', ['60'], { env: { MARK: 'here' }, cwd: '/' });
  try {
    const facts = listProcesses().find((one) => one.pid === child.pid);
    expect(facts).toMatchObject({ parentPid: process.pid, name: 'sleep', commandLine: 'sleep 60' });
    if (process.platform === 'linux')
      expect(facts).toMatchObject({ environment: ['MARK=here'], workingDir: '/' });
  } finally {
    child.kill('SIGKILL');
  }
});

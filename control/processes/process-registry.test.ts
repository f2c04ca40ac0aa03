import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OWNER_VARIABLE, ProcessRegistry, stopProcess } from './process-registry.ts';
import { identify } from './process-table.ts';

let dataDir = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'flashgrid-registry-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dataDir, { recursive: true, force: true });
});

function start(command: string, args: string[], env: Record<string, string> = {}) {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], ...env },
    detached: true,
    stdio: 'ignore',
  });
  children.push(child);
  return { child, pid: child.pid ?? 0 };
}

/** What a control centre that has died since would have put into a child's environment. */
function orphanEnvironment(registry: ProcessRegistry, role: string): Record<string, string> {
  return { ...registry.environment(role), [OWNER_VARIABLE]: '999999999 1@gone' };
}

test('a recorded process is found by the next registry of the folder, with role and fingerprint', () => {
  const { pid } = start('sleep', ['60']);
  new ProcessRegistry(dataDir).record({ pid, role: 'redis', command: 'sleep 60', fingerprint: 'abc' });
  const found = new ProcessRegistry(dataDir).findProcesses();
  expect(found).toMatchObject([{ pid, role: 'redis', fingerprint: 'abc', isOwned: true, isBackend: true }]);
});

test('a process that was never recorded is found by the mark in its environment', () => {
  const registry = new ProcessRegistry(dataDir);
  const { pid } = start('sleep', ['60'], registry.environment('worker-1'));
  expect(registry.findProcesses()).toMatchObject([
    { pid, role: 'worker-1', isOwned: true, isBackend: false },
  ]);
});

test('leftovers are those whose control centre is dead: they are stopped, others are not', async () => {
  const registry = new ProcessRegistry(dataDir);
  const orphan = start('sleep', ['60'], orphanEnvironment(registry, 'gateway-1'));
  const kept = start('sleep', ['60'], orphanEnvironment(registry, 'kept'));
  const owned = start('sleep', ['60'], registry.environment('gateway-2'));
  const stranger = start('sleep', ['60']);
  const cleared = await registry.clearLeftovers((found) => found.role === 'kept');
  expect(cleared.map((one) => one.pid)).toEqual([orphan.pid]);
  expect(identify(orphan.pid)).toBeUndefined();
  for (const { pid } of [kept, owned, stranger]) expect(identify(pid)).toBeDefined();
});

test('a record whose pid belongs to another process now is never acted upon', async () => {
  const { pid } = start('sleep', ['60']);
  const registry = new ProcessRegistry(dataDir);
  registry.record({ pid, role: 'redis', command: 'redis-server' });
  const path = join(dataDir, 'processes.json');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replaceAll(/"startedAt": "[^"]*"/g, '"startedAt": "1@long-ago"'));
  expect(registry.records()).toHaveLength(1);
  expect(await registry.clearLeftovers()).toEqual([]);
  expect(identify(pid)).toBeDefined();
});

test('a copy of the folder is another cluster: it does not touch the processes of the original', () => {
  const original = new ProcessRegistry(dataDir);
  const { pid } = start('sleep', ['60'], original.environment('redis'));
  original.record({ pid, role: 'redis', command: 'sleep 60' });
  const copyDir = mkdtempSync(join(tmpdir(), 'flashgrid-copy-'));
  try {
    cpSync(dataDir, copyDir, { recursive: true });
    const copy = new ProcessRegistry(copyDir);
    expect(copy.id).not.toBe(original.id);
    expect(copy.findProcesses()).toEqual([]);
  } finally {
    rmSync(copyDir, { recursive: true, force: true });
  }
});

test('a process that ignores the polite signal is killed, with what it started', async () => {
  const script = 'trap "" TERM; sleep 61 & wait; sleep 61';
  const registry = new ProcessRegistry(dataDir);
  const { child, pid } = start('sh', ['-c', script], registry.environment('redis'));
  const identity = registry.record({ pid, role: 'redis', command: 'sh' });
  if (!identity) throw new Error('not recorded');
  const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  await registry.stopAll([identity], { limitMs: 300 });
  expect(await exited).toBe('SIGKILL');
  expect(registry.records()).toEqual([]);
  expect(registry.findProcesses()).toEqual([]);
});

test('stopping what has already ended is done at once', async () => {
  const { child, pid } = start('true', []);
  await new Promise((resolve) => child.once('exit', resolve));
  await stopProcess({ pid, startedAt: 'whenever' }, { limitMs: 10_000 });
  expect(new ProcessRegistry(dataDir).record({ pid, role: 'redis', command: 'true' })).toBeUndefined();
});

test('a damaged registry is begun anew, and writing leaves no half files', () => {
  writeFileSync(join(dataDir, 'processes.json'), '{"clusterId": "fg-');
  const registry = new ProcessRegistry(dataDir);
  expect(registry.records()).toEqual([]);
  const { pid } = start('sleep', ['60']);
  const identity = registry.record({ pid, role: 'redis', command: 'sleep' });
  expect(registry.records()).toHaveLength(1);
  if (identity) registry.remove(identity);
  expect(registry.records()).toEqual([]);
  expect(readdirSync(dataDir).sort()).toEqual(['cluster-id.json', 'processes.json']);
});

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { BackendPrograms } from '../cluster/native/find-programs.ts';
import type { BackendState } from '../../contract/backends.ts';
import { findingSchema } from '../../contract/state.ts';
import { backendFindings, runDoctor } from './doctor.ts';

const nothing: BackendPrograms = {
  searched: { redis: ['/a', '/a', '/b'], postgres: ['/c'], rabbitmq: ['/d'] },
  problems: { rabbitmq: 'RabbitMQ is in /r, but Erlang (erl) is missing' },
};

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'flashgrid-doctor-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test('every finding that is not ok says what to do, and every backend where it was looked for', async () => {
  const findings = await runDoctor({ dataDir, find: () => Promise.resolve(nothing) });
  z.array(findingSchema).parse(findings);
  for (const finding of findings) expect(finding.fix !== undefined).toBe(finding.status !== 'ok');
  const byId = new Map(findings.map((finding) => [finding.id, finding]));
  expect(byId.get('backend.redis')).toMatchObject({ status: 'missing', detail: 'Not found in /a, /b' });
  expect(byId.get('backend.rabbitmq')?.detail).toMatch(/Erlang/);
  expect(byId.get('node')).toMatchObject({ status: 'ok', version: process.versions.node });
  expect([...byId.keys()]).toEqual(
    expect.arrayContaining(['openFiles', 'cores', 'memory', 'disk', 'dataDir']),
  );
});

test('a backend that is there is told with version and path', async () => {
  const find = () =>
    Promise.resolve({ ...nothing, redis: { server: '/usr/bin/redis-server', version: '7.0.15' } });
  const findings = await runDoctor({ dataDir, find });
  const redis = findings.find((finding) => finding.id === 'backend.redis');
  expect(redis).toMatchObject({ status: 'ok', version: '7.0.15', path: '/usr/bin/redis-server' });
});

test('the data folder is looked at, not made', async () => {
  const of = async (dir: string) =>
    (await runDoctor({ dataDir: dir, find: () => Promise.resolve(nothing) })).find(
      (one) => one.id === 'dataDir',
    );
  expect(await of(dataDir)).toMatchObject({ status: 'ok', detail: 'Can be written' });
  expect(await of(join(dataDir, 'new', 'deeper'))).toMatchObject({
    status: 'ok',
    detail: `Will be created in ${dataDir}`,
  });
  expect(readdirSync(dataDir)).toEqual([]);
  writeFileSync(join(dataDir, 'file'), '');
  expect(await of(join(dataDir, 'file', 'below'))).toMatchObject({ status: 'missing' });
});

test('members are told with who leads, and one that is away with what to do', () => {
  const member = (number: number) => ({ name: `redis-${number}`, state: 'running' as const });
  const membersOf = (...members: BackendState['members'] & {}) =>
    backendFindings({ state: 'running', backends: [{ role: 'redis', state: 'running', members }] })[1];
  expect(membersOf({ ...member(1), isLeader: true }, member(2))).toMatchObject({
    status: 'ok',
    detail: 'redis-1 leads; 2 of 2 run.',
  });
  expect(membersOf(member(1), { ...member(2), state: 'failed', detail: 'ended by SIGKILL' })).toMatchObject({
    status: 'warning',
    detail: 'Nobody leads; 1 of 2 run. redis-2 is failed: ended by SIGKILL.',
    fix: expect.stringContaining('FlashGrid starts members again') as string,
  });
  expect(backendFindings({ state: 'running', backends: [{ role: 'redis', state: 'running' }] })).toHaveLength(
    1,
  );
});

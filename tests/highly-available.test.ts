import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import type { BackendRole, MemberState } from '../contract/backends.ts';
import { BackendKeeper } from '../control/cluster/backend-keeper.ts';
import { probePostgres, probeRabbitmq, withPostgres } from '../control/cluster/probes.ts';
import { connectBroker } from '../services/shared/amqp/broker-nodes.ts';
import { declareTopology } from '../services/shared/amqp/topology.ts';
import { newCluster, processesOf, removeClusters, until } from './support/native-clusters.ts';

afterEach(removeClusters);

const ROLES = ['rabbitmq', 'redis', 'postgres'] as const;
const FAILOVER_LIMIT_MS = 20_000;
const RETURN_LIMIT_MS = 45_000;

test('three brokers, a Redis and a Postgres that fail over: each leader is killed at once, another one leads, all come back, and a stop leaves nothing', async () => {
  const keeper = new BackendKeeper({
    step: async (_id, _title, work) => work({ done: () => undefined } as never),
    onChange: () => undefined,
    onLog: () => undefined,
  });
  const { cluster, dataDir } = newCluster({
    highlyAvailable: true,
    onBackend: (backend) => keeper.handle(backend),
  });
  const { amqpUrl, redisUrl, postgresUrl } = await cluster.start(AbortSignal.timeout(120_000));
  keeper.watch(cluster);
  await Promise.all([probeRabbitmq(amqpUrl), probePostgres(postgresUrl)]);
  const stateOf = (role: BackendRole) => keeper.shown.find((backend) => backend.role === role);
  const members = (role: BackendRole): readonly MemberState[] => stateOf(role)?.members ?? [];
  const leader = (role: BackendRole) => members(role).find(({ isLeader }) => isLeader)?.name;
  const isWhole = (role: BackendRole) => members(role).every(({ state }) => state === 'running');

  const broker = await connectBroker(amqpUrl, { timeout: 5_000 });
  broker.on('error', () => undefined);
  const { queue } = await declareTopology(broker, 'fg', amqpUrl);
  const channel = await broker.createConfirmChannel();
  channel.sendToQueue(queue, Buffer.from('kept'));
  await channel.waitForConfirms();
  await broker.close();
  await withPostgres(postgresUrl, (client) => client.query('CREATE TABLE kept AS SELECT 1 AS one'));
  const redisOf = (name: string | undefined) => {
    const port = members('redis').find((member) => member.name === name)?.port ?? 0;
    const password = /:([^:@]+)@/.exec(redisUrl)?.[1] ?? '';
    return new Redis({ host: '127.0.0.1', port, password });
  };
  await until('every backend has a leader', () => ROLES.every((role) => leader(role) !== undefined));
  const first = redisOf(leader('redis'));
  expect(await first.set('kept', '1')).toBe('OK');
  expect(await first.wait(2, 5_000)).toBe(2);
  first.disconnect();

  const before = new Map(ROLES.map((role) => [role, leader(role)]));
  await Promise.all(ROLES.map((role) => cluster.kill(role, 'leader')));
  const hasAnother = (role: BackendRole) => ![undefined, before.get(role)].includes(leader(role));
  await until('another member leads each backend', () => ROLES.every(hasAnother), FAILOVER_LIMIT_MS);
  // One member less ends neither the backend nor an attack.
  expect(ROLES.map((role) => stateOf(role)?.state)).toEqual(['running', 'running', 'running']);
  expect(stateOf('redis')?.detail).toMatch(/^2 of 3 members run/);

  const rows = await withPostgres(postgresUrl, (client) => client.query('SELECT one FROM kept'));
  expect(rows.rowCount).toBe(1);
  const second = redisOf(leader('redis'));
  expect(await second.get('kept')).toBe('1');
  second.disconnect();
  const survivor = await connectBroker(amqpUrl, { timeout: 5_000 });
  survivor.on('error', () => undefined);
  const reader = await survivor.createChannel();
  expect(await reader.get(queue, { noAck: true })).toMatchObject({ content: Buffer.from('kept') });
  await survivor.close();

  await until('all members are back', () => ROLES.every(isWhole), RETURN_LIMIT_MS);
  expect(ROLES.map((role) => stateOf(role)?.restarts)).toEqual([1, 1, 1]);
  await until(
    'the old primary is a standby',
    () => members('postgres').some(({ detail }) => detail === 'synchronous standby'),
    FAILOVER_LIMIT_MS,
  );

  await keeper.unwatch();
  await cluster.stop();
  expect(processesOf(dataDir)).toEqual([]);
}, 180_000);

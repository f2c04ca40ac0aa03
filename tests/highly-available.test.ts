import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import type { BackendRole, MemberState } from '../contract/backends.ts';
import { BackendKeeper } from '../control/cluster/backend-keeper.ts';
import { probePostgres, probeRabbitmq, withPostgres } from '../control/cluster/probes.ts';
import { BrokerLink } from '../services/gateway/broker-link.ts';
import { connectBroker } from '../services/shared/amqp/broker-nodes.ts';
import { rareCounts } from '../services/shared/rare-paths.ts';
import { declareTopology } from '../services/shared/amqp/topology.ts';
import { newCluster, processesOf, removeClusters, until } from './support/native-clusters.ts';

let keeper: BackendKeeper | undefined;
afterEach(async () => {
  await keeper?.unwatch();
  await removeClusters();
});

const ROLES = ['rabbitmq', 'redis', 'postgres'] as const;
const FAILOVER_LIMIT_MS = 20_000;
const RETURN_LIMIT_MS = 45_000;

test('three brokers, a Redis and a Postgres that fail over: each leader is killed at once, another one leads, all come back, and a stop leaves nothing', async () => {
  const own = new BackendKeeper({
    step: async (_id, _title, work) => work({ done: () => undefined } as never),
    onChange: () => undefined,
    onLog: () => undefined,
  });
  keeper = own;
  const { cluster, dataDir, backends } = newCluster({
    highlyAvailable: true,
    onBackend: (backend) => own.handle(backend),
  });
  const { amqpUrl, redisUrl, postgresUrl } = await cluster.start(AbortSignal.timeout(120_000));
  own.watch(cluster);
  backends.length = 0;
  await Promise.all([probeRabbitmq(amqpUrl), probePostgres(postgresUrl)]);
  const stateOf = (role: BackendRole) => own.shown.find((backend) => backend.role === role);
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

  // A gateway's link on the node that is about to die.
  const link = new BrokerLink({
    url: amqpUrl,
    namespace: 'fg',
    name: 'test',
    confirmTimeoutMs: 2_000,
    rare: rareCounts('gateway'),
    log: { warn: () => undefined, info: () => undefined },
    onFlushDue: () => undefined,
  });
  link.start();
  expect(await link.whenUp(10_000)).toBe(true);
  const publish = () =>
    new Promise<string>((settle) =>
      link.publish({ id: 'x', count: 1, body: Buffer.from('x'), headers: { v: 1, n: 1, t: 0 }, settle }),
    );
  expect(await publish()).toBe('confirmed');

  const before = new Map(ROLES.map((role) => [role, leader(role)]));
  await Promise.all(ROLES.map((role) => cluster.kill(role, 'leader')));
  const restarted = (role: BackendRole) => stateOf(role)?.restarts !== undefined;
  let tookFrames: string | undefined;
  void (async () => {
    while ((await publish()) !== 'confirmed') await sleep(50);
    tookFrames = restarted('rabbitmq') ? 'when the dead node was back' : 'without it';
  })();
  const hasAnother = (role: BackendRole) => ![undefined, before.get(role)].includes(leader(role));
  await until('another member leads each backend', () => ROLES.every(hasAnother), FAILOVER_LIMIT_MS);
  await until('RabbitMQ takes frames again', () => tookFrames !== undefined, FAILOVER_LIMIT_MS);
  expect(tookFrames).toBe('without it');
  // One member less ends neither the backend nor an attack.
  expect(new Set(backends.map(({ state }) => state))).toEqual(new Set(['running']));
  expect(backends.map(({ detail }) => detail)).toContainEqual(expect.stringMatching(/^2 of 3 members run/));

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

  await link.close();
  await until('all members are back', () => ROLES.every(isWhole), RETURN_LIMIT_MS);
  expect(ROLES.map((role) => stateOf(role)?.restarts)).toEqual([1, 1, 1]);
  await until(
    'the old primary is a standby',
    () => members('postgres').some(({ detail }) => detail === 'synchronous standby'),
    FAILOVER_LIMIT_MS,
  );

  await own.unwatch();
  await cluster.stop();
  expect(processesOf(dataDir)).toEqual([]);
}, 180_000);

/**
 * Redis of several servers as an external backend: a primary with replicas and Sentinels, and a Redis Cluster. A failover in the middle loses
 * nothing that was granted and sells nothing twice, also where the replica that takes over lacks the last writes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { externalFindings } from '../control/cluster/external/external-cluster.ts';
import { saleKeys } from '../services/shared/keys.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { createRedis, primariesOf } from '../services/shared/redis.ts';
import { testEndpoints } from './support/backends.ts';
import { Fleet, expectChecks } from './support/fleet.ts';
import { startPrivateRedis } from './support/private-redis.ts';
import { RedisTopology } from './support/redis-topology.ts';
import { WorkerWorld, newBuyers, waitFor } from './support/worker-world.ts';

const undo = new ReleaseStack();
let sentinel: RedisTopology;
let cluster: RedisTopology;
beforeAll(async () => {
  [sentinel, cluster] = await Promise.all([RedisTopology.sentinel(), RedisTopology.cluster()]);
  for (const one of [sentinel, cluster]) undo.add('servers', () => one.close());
});
afterAll(() => undo.release());

/** A world, as long as `use` runs. */
async function inWorld(redisUrl: string, use: (world: WorkerWorld) => Promise<void>): Promise<void> {
  const world = await new WorkerWorld({ redisUrl }).open();
  try {
    await use(world);
  } finally {
    await world.close();
  }
}

/** Where each server is reached when it is told as 127.0.0.1. */
const behindNat = ({ url, servers }: RedisTopology) =>
  `${url}${url.includes('?') ? '&' : '?'}natMap=${servers.map(({ port }) => `127.0.0.1:${port}>127.0.0.2:${port}`).join(',')}`;

/** 4,000 buyers over four seconds, with an incident after each of some numbers of answers. */
async function attack(
  redisUrl: string,
  stock: number,
  incidents: (sale: string, namespace: string) => Parameters<Fleet['attack']>[2],
): Promise<void> {
  const env = { FLASHGRID_MAX_FRAME: '32', FLASHGRID_PREFETCH: '8' };
  const fleet = await Fleet.open({ gateways: 1, workers: 2, backends: { redisUrl }, env });
  try {
    const sale = { id: 'failover', stock, perBuyerLimit: 1 };
    await fleet.openSale(sale);
    const outcome = await fleet.attack(
      sale.id,
      { profile: 'sustained', ratePerSec: 1_000, durationSec: 4, connections: 100, stock },
      incidents(sale.id, fleet.namespace),
    );
    expect(outcome.load).toMatchObject({ accepted: 4_000, rejected: 0, unknown: 0 });
    const found = await fleet.audit(sale, outcome);
    expectChecks(found);
    expect(found).toMatchObject({ sold: stock, granted: stock, pending: 0, oversold: 0, lost: 0 });
    expect(await fleet.epoch(sale.id)).toBeGreaterThan(0);
    await waitFor('a client that knows the primaries', async () => {
      const answers = await Promise.allSettled(primariesOf(fleet.redis).map((node) => node.ping()));
      return answers.every(({ status }) => status === 'fulfilled');
    });
  } catch (error) {
    throw new Error(`the log of the services:\n${fleet.log.slice(-30).join('\n')}`, { cause: error });
  } finally {
    await fleet.close();
  }
}

describe('Redis with Sentinel', () => {
  it('is reached behind NAT where its addresses are mapped', async () => {
    const client = createRedis(behindNat(sentinel), { role: 'control' });
    expect(await client.client('INFO')).toContain(`laddr=127.0.0.2:${(await sentinel.primary()).port}`);
    client.disconnect();
  });

  it('loses its primary in the middle of an attack, and the attack passes', async () => {
    await attack(sentinel.url, 3_000, () => [
      { afterAnswers: 800, act: async () => (await sentinel.primary()).process.kill('SIGKILL') },
    ]);
  });

  it('sells exactly the stock although the replica that took over lacks the last grants', async () => {
    await sentinel.whenReplicated(1);
    await inWorld(sentinel.url, async (world) => {
      await world.openSale('sale', 40);
      await world.startWorker();
      await world.publish('sale', newBuyers(10));
      await world.settled();
      await sentinel.stopReplication();
      const late = newBuyers(20);
      const held = await world.publish('sale', late);
      await world.settled();
      const before = await sentinel.primary();
      before.process.kill('SIGKILL');
      // Some ask again, others are new, and the frame that the new primary does not know comes again.
      await world.publish('sale', [...late.slice(0, 5), ...newBuyers(5)]);
      await world.publish('sale', late, { id: held.id });
      await world.publish('sale', newBuyers(20));
      // Not by what is published: a subscriber may reach the new primary later than the worker.
      await waitFor('all outcomes', async () => {
        const outcomes = await Promise.all(
          world.published.slice(1).map((frame) => world.outcome(frame, 0).catch(() => undefined)),
        );
        return outcomes.every(Boolean) && (await world.tickets('sale')).length === 40;
      });
      expect((await sentinel.primary()).port).not.toBe(before.port);
      expect(await world.audit('sale', 40)).toHaveLength(40);
    });
  });

  it('has a warning of the doctor when no replica is left, and when a Sentinel is away', async () => {
    sentinel.sentinels[2]?.process.kill('SIGKILL');
    const findings = await externalFindings({ ...testEndpoints(), redisUrl: sentinel.url });
    const found = findings.find(({ id }) => id === 'external.redis');
    expect(found).toMatchObject({ status: 'warning' });
    expect(found?.detail).toMatch(
      /^Redis serves, but not at 127\.0\.0\.1:\d+ \(nothing listens.*; no replica follows/,
    );
    const other = sentinel.url.replace(/\/shop/, '/another');
    const wrong = await externalFindings({ ...testEndpoints(), redisUrl: other });
    expect(wrong.find(({ id }) => id === 'external.redis')).toMatchObject({
      status: 'missing',
      detail: expect.stringContaining('Sentinel knows no primary of that name') as string,
    });
  });
});

describe('a Redis Cluster', () => {
  it('is reached behind NAT where its addresses are mapped', async () => {
    const client = createRedis(behindNat(cluster), { role: 'control' });
    await client.ping();
    const told = await Promise.all(primariesOf(client).map((node) => node.client('INFO')));
    expect(told).toHaveLength(3);
    for (const text of told) expect(text).toContain('laddr=127.0.0.2:');
    client.disconnect();
  });

  it('is heard at another node when the one of a subscriber does not answer', async () => {
    const subscriber = createRedis(cluster.url, { role: 'subscriber' });
    const heard: string[] = [];
    subscriber.on('message', (_: string, text: string) => heard.push(text));
    await subscriber.subscribe('news');
    const first = cluster.servers.find(
      ({ port }) => 'port' in subscriber.options && port === subscriber.options.port,
    );
    first?.process.kill('SIGSTOP');
    const other = cluster.servers.find((one) => one !== first);
    await waitFor('the news', async () => {
      await other?.client.publish('news', 'here');
      return heard.length > 0;
    });
    first?.process.kill('SIGCONT');
    expect(first).toBeDefined();
    subscriber.disconnect();
    await waitFor('three primaries', async () => (await cluster.primaries()).length === 3);
    await cluster.whenReplicated(1);
  });

  it('sells on while the slot of a sale moves to another node', async () => {
    await inWorld(cluster.url, async (world) => {
      await world.openSale('sale', 60);
      await world.startWorker();
      await world.publish('sale', newBuyers(10));
      await world.settled();
      const key = saleKeys(world.namespace, 'sale').sale;
      const from = await cluster.primary(key);
      const primaries = await cluster.primaries();
      const to = primaries.find((one) => one !== from);
      if (!to) throw new Error('the Cluster has one primary');
      const slot = await from.client.cluster('KEYSLOT', key);
      const [fromId, toId] = await Promise.all([from, to].map(({ client }) => client.cluster('MYID')));
      await to.client.cluster('SETSLOT', slot, 'IMPORTING', String(fromId));
      await from.client.cluster('SETSLOT', slot, 'MIGRATING', String(toId));
      await world.publish('sale', newBuyers(10));
      await cluster.moveKeys(from, to, slot);
      for (const { client } of primaries) await client.cluster('SETSLOT', slot, 'NODE', String(toId));
      await world.publish('sale', newBuyers(50));
      await world.settled();
      expect((await cluster.primary(key)).port).toBe(to.port);
      expect(await world.audit('sale', 60)).toHaveLength(60);
    });
  });

  it('loses the primary of a sale in an attack, and its replica lacks the last grants: the attack passes', async () => {
    await attack(cluster.url, 3_000, (sale, namespace) => [
      { afterAnswers: 400, act: () => cluster.stopReplication() },
      {
        afterAnswers: 1_200,
        act: async () => (await cluster.primary(saleKeys(namespace, sale).sale)).process.kill('SIGKILL'),
      },
    ]);
  });
});

it('sees that a primary was replaced, took over what the other had, and is the primary again', async () => {
  const [first, second] = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
  undo.add('first', () => first.close());
  undo.add('second', () => second.close());
  await inWorld(first.url, async (world) => {
    const other = createRedis(second.url, { role: 'control' });
    for (const client of [world.redis, other]) await client.config('SET', 'repl-diskless-sync-delay', '0');
    world.onClose('other', () => other.disconnect());
    const follow = async (client: typeof other, url: string) => {
      await client.call('REPLICAOF', '127.0.0.1', new URL(url).port);
      await waitFor('the link', async () =>
        (await client.info('replication')).includes('master_link_status:up'),
      );
    };
    await world.openSale('sale', 30);
    const worker = await world.startWorker();
    await world.publish('sale', newBuyers(10));
    await world.settled();
    await follow(other, first.url);
    await other.call('REPLICAOF', 'NO', 'ONE');
    const late = newBuyers(10);
    const held = await world.publish('sale', late);
    await world.settled();
    await worker.stop();
    await follow(world.redis, second.url);
    await world.redis.call('REPLICAOF', 'NO', 'ONE');
    expect((await world.store.readSale('sale'))?.counters.remaining).toBe(20);
    await world.startWorker();
    await world.publish('sale', [...late, ...newBuyers(20)]);
    await world.publish('sale', late, { id: held.id });
    await world.settled();
    await waitFor('the repeat', async () => (await world.outcome(held, 0)) !== undefined);
    expect(await world.audit('sale', 30)).toHaveLength(30);
  });
});

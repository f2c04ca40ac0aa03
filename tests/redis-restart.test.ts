/**
 * A Redis that starts again: from all that it held, from nothing, or from an older append-only file, which knows less than buyers were
 * granted. The sale's epoch is the same as before in each of them; only the term's id tells.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { SaleAdmin } from '../services/gateway/sale-admin.ts';
import { StoreReader } from '../services/gateway/store-reader.ts';
import { BackendWatch } from '../services/shared/backend-watch.ts';
import { idempotencyDigest } from '../services/shared/idempotency.ts';
import { keyedId } from '../services/shared/ids.ts';
import { outcomeChannel, saleKeys } from '../services/shared/keys.ts';
import { createPrisma } from '../services/shared/prisma.ts';
import { rareCounts } from '../services/shared/rare-paths.ts';
import { createRedis } from '../services/shared/redis.ts';
import { SaleStore, type OpeningFacts } from '../services/shared/sale-store.ts';
import { WorkerCounters } from '../services/worker/counters.ts';
import { FrameProcessor } from '../services/worker/frame-processor.ts';
import { TicketWriter } from '../services/worker/ticket-writer.ts';
import { expectTaken } from './support/expect-taken.ts';
import type { SaleFacts } from '../services/shared/sales.ts';
import { startPrivateRedis, type PrivateRedis } from './support/private-redis.ts';
import { WorkerWorld, newBuyers, waitFor } from './support/worker-world.ts';

let redis: PrivateRedis;
let world: WorkerWorld;
beforeAll(async () => {
  redis = await startPrivateRedis('disk');
});
afterAll(() => redis.close());
beforeEach(async () => {
  world = await new WorkerWorld({ redisUrl: redis.url }).open();
});
afterEach(() => world.close());

async function restart(from?: 'copy' | 'nothing'): Promise<void> {
  await redis.kill();
  await redis.start(from);
  const channel = outcomeChannel(world.namespace);
  await waitFor('the subscription', async () => (await world.redis.pubsub('NUMSUB', channel))[1] === 1);
}

/** How often each sale was rebuilt: its epoch in Postgres, less the first. */
async function rebuilds(saleId = 'sale'): Promise<number> {
  const { rows } = await world.pool.query<{ epoch: number }>('SELECT epoch FROM sales WHERE id = $1', [
    saleId,
  ]);
  return (rows[0]?.epoch ?? Number.NaN) - 1;
}

/** Redis and Postgres agree about a sale that was rebuilt since Redis started again. */
const isPresent = async () => {
  const held = await world.store.readEpoch('sale');
  return held?.isRestarted === false && held.epoch === (await rebuilds()) + 1;
};

describe('a Redis that comes back from an older file', () => {
  it('lets no buyer pass the limit, and no holder be refused: each sale is rebuilt once, however many workers', async () => {
    await world.openSale('sale', 60);
    await Promise.all([world.startWorker(), world.startWorker(), world.startWorker()]);
    const early = newBuyers(10);
    await world.publish('sale', early);
    await world.settled();
    redis.copyFile();
    const late = newBuyers(20);
    const held = await world.publish('sale', late);
    await world.settled();
    await restart('copy');
    // The same buyers ask again, and the frame that the file does not know comes again.
    for (let at = 0; at < 20; at += 5)
      await world.publish('sale', [...late.slice(at, at + 5), ...newBuyers(1)]);
    await world.publish('sale', late, { id: held.id });
    await world.publish('sale', early);
    await world.settled();
    await waitFor('the repeat', async () => (await world.outcome(held, 0)) !== undefined);
    expect(await world.outcome(held, 0)).toMatchObject({ status: 'granted' });
    expect(await rebuilds()).toBe(1);
    // The record of a frame that was granted before the copy was made is one of an older epoch, and stays readable.
    expect(await world.audit('sale', 60)).toHaveLength(34);
  });

  it('is not taken for the present one by a call that was on its way when it went', async () => {
    await world.openSale('sale', 9);
    const client = createRedis(redis.url, { role: 'worker' });
    world.onClose('client', () => client.disconnect());
    const store = new SaleStore(client, world.namespace);
    const ask = (id: string) =>
      store.decideFrame({ id, saleId: 'sale', generation: 1, count: 1, body: 'a\n', digests: [] });
    redis.copyFile();
    expect(await ask('gwtest-first')).toMatchObject({ record: '1|G|0:1' });
    // It holds the call and does not answer. The client writes it again to the one that comes back.
    redis.freeze();
    const again = ask('gwtest-again');
    await restart('copy');
    expect(await again).toEqual({ status: 'unknownSale', staleEpoch: 1 });
  });

  it('voids what a rebuild had loaded: its epoch may have granted units that the file lacks', async () => {
    await world.openSale('sale', 9);
    const none = { unitsByUser: new Map(), grantsByField: new Map(), freeUnits: [] };
    const facts: OpeningFacts = {
      id: 'sale',
      title: 'sale',
      stock: 9,
      perBuyerLimit: 1,
      mode: 'queue',
      status: 'open',
      generation: 1,
    };
    const next = { epoch: 2, tickets: 0, nextUnit: 1, grantedReservations: 0 };
    await world.store.loadTickets('sale', 'token', { number: 1, tickets: 0, ...none });
    await restart();
    expect(await world.store.startEpoch(facts, 'token', next)).toBe('incomplete');
    await world.store.loadTickets('sale', 'other', { number: 1, tickets: 0, ...none });
    // The client sends a call again whose answer was lost.
    for (let times = 1; times <= 2; times++)
      expect(await world.store.startEpoch(facts, 'other', next)).toBe('rebuilt');
    expect(await world.store.startEpoch(facts, 'late', { ...next, epoch: 1 })).toBe('superseded');
  });

  it('is rebuilt without any frame that asks for it, and answers lookups from Postgres until then', async () => {
    await world.openSale('sale', 9);
    const worker = await world.startWorker();
    redis.copyFile();
    await world.publish('sale', newBuyers(9));
    await world.settled();
    await restart('copy');
    await waitFor('the rebuild', isPresent);
    expect((await world.store.readSale('sale'))?.counters).toMatchObject({ remaining: 0, granted: 9 });
    expectTaken(worker.sample().rarePaths, 'redisRestarted', 'saleRebuilt');
    await worker.stop();
    await restart();
    expect(await world.store.readEpoch('sale')).toMatchObject({ isRestarted: true });
    expect(await world.store.readFacts('sale')).toBeUndefined();
    expect(await world.store.readSale('sale')).toBeDefined();
  });
});

describe('a gateway whose Redis holds older facts than Postgres', () => {
  it('takes facts and keyed grants from Postgres, and announces no older ones', async () => {
    const { pool, store, namespace: schema } = world;
    const prisma = createPrisma({ pool, schema });
    world.onClose('prisma', () => prisma.$disconnect());
    const announced: SaleFacts[] = [];
    const admin = new SaleAdmin({
      prisma: () => Promise.resolve(prisma),
      schema,
      store,
      onChanged: (facts) => announced.push(facts),
      onError: () => undefined,
    });
    await admin.create({ id: 'sale', title: 'sale', stock: 2, perBuyerLimit: 1, mode: 'queue' });
    const worker = await world.startWorker();
    redis.copyFile();
    const digest = idempotencyDigest('won', 'winner', 1);
    await world.publish('sale', [{ userId: 'winner', quantity: 1, digest }]);
    await world.settled();
    await worker.stop();
    await admin.change('sale', { status: 'closed' });
    await restart('copy');
    expect(await admin.view('sale')).toMatchObject({ status: 'open' });
    const watch = () => new BackendWatch({ operate: () => Promise.resolve() });
    const stores = { pool, redisWatch: watch(), postgresWatch: watch() };
    const reader = new StoreReader(store, stores, rareCounts('gateway'));
    expect(await reader.fromRedis('sale')).toBeUndefined();
    const facts = await reader.fromPostgres('sale');
    expect(facts).toMatchObject({ status: 'closed' });
    if (!facts) throw new Error('Postgres has the sale');
    expect(await reader.isGranted(facts, keyedId('sale', digest))).toBe(true);
    expect(await admin.change('sale', { title: 'another' })).toMatchObject({
      status: 'closed',
      title: 'another',
    });
    expect(announced.at(-1)).toMatchObject({ status: 'closed', title: 'another' });
  });
});

describe('a Redis that loses its data between a decision and its publication', () => {
  it('is asked once more after it was published, by all frames of a moment together', async () => {
    const asked = async () =>
      Number(/cmdstat_get:calls=(\d+)/.exec(await world.redis.info('commandstats'))?.[1] ?? 0);
    const before = await asked();
    const others: Promise<void>[] = [];
    const get = world.redis.get.bind(world.redis);
    const ask = vi.spyOn(world.redis, 'get').mockImplementationOnce((key) => {
      const answer = get(key);
      // The first question is on its way: what is published from here on is told by the next one alone.
      others.push(...Array.from({ length: 100 }, () => world.store.whenDelivered()));
      return answer;
    });
    await Promise.all([world.store.whenDelivered(), world.store.whenDelivered()]);
    await Promise.all(others);
    expect(others).toHaveLength(100);
    ask.mockRestore();
    expect((await asked()) - before).toBe(2);
    await world.store.whenDelivered();
    expect((await asked()) - before).toBe(3);
  });

  it('has the record of the frame nevertheless before it is acked', async () => {
    await world.openSale('sale', 1);
    const client = createRedis(redis.url, { role: 'worker' });
    world.onClose('client', () => client.disconnect());
    let isLost = false;
    class Store extends SaleStore {
      override async publishOutcome(event: string): Promise<void> {
        if (!isLost) await restart('nothing');
        isLost = true;
        await super.publishOutcome(event);
      }
    }
    const counters = new WorkerCounters();
    const retry = { signal: new AbortController().signal };
    const processor = new FrameProcessor({
      store: new Store(client, world.namespace),
      pool: world.pool,
      writer: new TicketWriter(world.pool, 1, retry, counters.rare),
      counters,
      retry,
      onRebuild: () => undefined,
    });
    await world.pool.query('UPDATE sales SET status = $1', ['closed']);
    await world.store.changeSale('sale', { status: 'closed' });
    const closedAtMs = Date.now();
    const body = Buffer.from('late\n');
    const frame = {
      id: 'gwtest-late',
      saleId: 'sale',
      generation: 1,
      count: 1,
      closedAtMs,
      isReplayed: false,
      entries: [],
    };
    await processor.process({ ...frame, body }, false);
    expect(await world.outcome(frame, 0)).toEqual({ status: 'refused', reason: 'sale_closed' });
  });
});

describe('a Redis that is emptied without a restart', () => {
  it('knows the sale again although no frame comes any more', async () => {
    await world.openSale('sale', 5);
    await world.startWorker();
    await world.publish('sale', newBuyers(3));
    await world.settled();
    await world.redis.flushall();
    await waitFor('the sale', async () => (await world.store.readSale('sale'))?.counters.remaining === 2);
    expect(await rebuilds()).toBe(1);
  });
});

describe('a Redis that comes back with all that it held', () => {
  it('still knows every refusal, and every key; a rebuild that it cut short need not wait for its own lock', async () => {
    await world.openSale('sale', 2);
    await world.startWorker();
    const key = (name: string, userId: string) => ({
      userId,
      quantity: 1,
      digest: idempotencyDigest(name, userId, 1),
    });
    const winner = key('won', 'winner');
    const loser = key('lost', 'loser');
    const frame = await world.publish('sale', [winner, ...newBuyers(3), loser]);
    const refused = await world.publish('sale', newBuyers(3));
    await world.settled();
    const before = await world.store.readSale('sale');
    const keyed = (digest: string) => world.store.readKeyed({ kind: 'keyed', saleId: 'sale', digest }, 1);
    const codeOf = (record: string | undefined) => record?.split('|')[1];
    expect(await world.store.acquireLock('sale', 'mine', 60_000)).toBe(true);
    await restart();
    expect(await world.store.acquireLock('sale', 'mine', 60_000)).toBe(true);
    expect(await world.store.acquireLock('sale', 'another', 60_000)).toBe(false);
    await world.store.releaseLock('sale', 'mine');
    await waitFor('the rebuild', isPresent);
    expect(await rebuilds()).toBe(1);
    expect(await world.store.readSale('sale')).toEqual(before);
    for (let index = 0; index < 3; index++)
      expect(await world.outcome(refused, index)).toEqual({ status: 'refused', reason: 'sold_out' });
    expect(codeOf(await keyed(winner.digest))).toBe('G');
    expect(codeOf(await keyed(loser.digest))).toBe('S');
    // Repeats get the answers of before, in the new epoch.
    await world.publish('sale', [loser, winner]);
    await world.publish('sale', refused.entries, { id: refused.id });
    await world.settled();
    await waitFor('the repeat', async () => (await world.outcome(refused, 0)) !== undefined);
    expect(codeOf(await keyed(winner.digest))).toBe('G');
    expect(codeOf(await keyed(loser.digest))).toBe('S');
    expect(await world.outcome(frame, 4)).toMatchObject({ status: 'refused' });
    expect((await world.store.readSale('sale'))?.counters).toEqual(before?.counters);
    expect(await world.audit('sale', 2)).toHaveLength(2);
  });

  it('serves a user who may not ask for its term: it sells on, and restarts go unseen', async () => {
    await world.openSale('sale', 9);
    const user = world.namespace;
    const permit = () =>
      world.redis.call('ACL', 'SETUSER', user, 'on', '>word', '~*', '&*', '+@all', '-info');
    await permit();
    const url = Object.assign(new URL(redis.url), { username: user, password: 'word' }).href;
    await world.startWorker({ FLASHGRID_REDIS_URL: url });
    await world.publish('sale', newBuyers(3));
    await world.settled();
    await restart();
    await permit();
    await world.publish('sale', newBuyers(3));
    await world.settled();
    expect(await rebuilds()).toBe(0);
    expect(await world.audit('sale', 9)).toHaveLength(6);
    expect(await world.redis.hget(saleKeys(world.namespace, 'sale').sale, 'server')).toMatch(
      /^master_replid:/,
    );
  });
});

/** What the worker makes of a Redis that forgets or is wrong: rebuilds and epochs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SaleAdmin } from '../services/gateway/sale-admin.ts';
import { createPrisma } from '../services/shared/prisma.ts';
import { RECORD_RETENTION_MS, frameKey, saleKeys } from '../services/shared/keys.ts';
import { rareCounts } from '../services/shared/rare-paths.ts';
import { rebuildSale } from '../services/shared/rebuild.ts';
import { TicketWriter } from '../services/worker/ticket-writer.ts';
import { expectTaken } from './support/expect-taken.ts';
import { removeKeys } from './support/redis-keys.ts';
import { WorkerWorld, newBuyers, waitFor } from './support/worker-world.ts';

let world: WorkerWorld;
beforeEach(async () => {
  world = await new WorkerWorld().open();
});
afterEach(() => world.close());

describe('a Redis that forgets', () => {
  it('is rebuilt from Postgres in the middle of a sale, by several workers, and nothing is sold twice', async () => {
    await world.openSale('sale', 60);
    await Promise.all([world.startWorker(), world.startWorker(), world.startWorker()]);
    const buyers = newBuyers(40);
    const keys = Object.values(saleKeys(world.namespace, 'sale'));
    for (let round = 0; round < 6; round++) {
      // The same buyers come again: what they hold must not be forgotten either.
      for (let frame = 0; frame < 4; frame++)
        await world.publish('sale', buyers.slice(frame * 10, frame * 10 + 10).concat(newBuyers(2)));
      // All at once: a rebuild between two of them would lose half of its work, as no loss of memory does.
      await world.redis.del(...keys);
    }
    await world.publish('sale', newBuyers(1));
    await world.settled();
    expect((await world.audit('sale', 60)).length).toBeGreaterThanOrEqual(60);
  });

  it('is rebuilt with buyers, gaps and expiry as they should be', async () => {
    await world.openSale('sale', 9, 3);
    await world.pool.query(
      `INSERT INTO tickets (sale_id, unit_no, generation, stock, reservation_id, item_no, user_id) VALUES
        ('sale', 2, 1, 9, 'sale.gwaaaa-1.0', 1, 'a'), ('sale', 5, 1, 9, 'sale.gwaaaa-1.0', 2, 'a'),
        ('sale', 4, 1, 9, 'sale.k.${'k'.repeat(22)}', 1, 'b')`,
    );
    const request = { saleId: 'sale', generation: 1, staleEpoch: 1 };
    const results = await Promise.all([1, 2, 3].map(() => rebuildSale(world.store, world.pool, request)));
    expect(results.sort()).toEqual(['current', 'current', 'rebuilt']);
    const keys = saleKeys(world.namespace, 'sale');
    expect(await world.redis.hgetall(keys.buyers)).toEqual({ a: '2', b: '1' });
    expect(await world.redis.hgetall(keys.granted)).toEqual({
      'gwaaaa-1': '0:2;0:5',
      [`k.${'k'.repeat(11)}`]: `${'k'.repeat(11)}4`,
    });
    expect(await world.redis.lrange(keys.returned, 0, -1)).toEqual(['1', '3']);
    for (const key of [keys.sale, keys.buyers, keys.granted, keys.returned])
      expect(await world.redis.ttl(key), key).toBe(-1);
    expect(await world.redis.exists(keys.lock)).toBe(0);
    expect((await world.store.readSale('sale'))?.counters).toMatchObject({ remaining: 6, granted: 2 });
  });

  it('and whose sale Postgres does not know either, is told so', async () => {
    const request = { saleId: 'never', generation: 1 };
    expect(await rebuildSale(world.store, world.pool, request)).toBe('unknownSale');
  });

  it('does not make a frame anew whose record expired while a worker hung on to it', async () => {
    await world.openSale('sale', 5);
    const entries = newBuyers(2);
    const doomed = world.forkWorker();
    await doomed.ready();
    const release = await world.holdTickets('EXCLUSIVE');
    const longAgo = { closedAtMs: Date.now() - RECORD_RETENTION_MS };
    const frame = await world.publish('sale', entries, longAgo);
    await waitFor('an insert that waits', async () => (await world.waitingInserts()).length > 0);
    await doomed.kill();
    await release();
    await waitFor('the orphaned insert', async () => (await world.tickets('sale')).length === 2);
    await world.redis.del(frameKey(world.namespace, 'sale', frame.id));
    const heir = await world.startWorker();
    await world.settled();
    expect(await world.audit('sale', 5)).toHaveLength(2);
    expectTaken(heir.sample().rarePaths, 'oldFrameRecalled');
  });

  it.each([
    ['as a new message', -RECORD_RETENTION_MS],
    ['handed out again, by a gateway whose clock is an hour ahead', 3_600_000],
  ])('tells a frame that comes after its retention what it got: %s', async (_, aheadMs) => {
    await world.openSale('sale', 2);
    const first = await world.startWorker();
    const entries = newBuyers(3);
    const frame = await world.publish('sale', entries);
    await world.settled();
    await first.stop();
    await world.redis.del(frameKey(world.namespace, 'sale', frame.id));
    world.events.length = 0;
    await world.publish('sale', entries, { id: frame.id, closedAtMs: Date.now() + aheadMs });
    if (aheadMs > 0) {
      const message = await world.channel.get(world.topology.queue);
      if (message) world.channel.nack(message, false, true);
    }
    const heir = await world.startWorker();
    await world.settled();
    expect(await world.audit('sale', 2)).toHaveLength(2);
    expect(await world.outcome(frame, 1)).toMatchObject({ status: 'granted', units: [2] });
    expectTaken(heir.sample().rarePaths, 'oldFrameRecalled');
  });

  it('frees the units of a frame whose record expired before its tickets were written', async () => {
    await world.openSale('sale', 5);
    const doomed = world.forkWorker();
    await doomed.ready();
    const release = await world.holdTickets('EXCLUSIVE');
    const frame = await world.publish('sale', newBuyers(2), { closedAtMs: Date.now() - RECORD_RETENTION_MS });
    const inserts = async () => await world.waitingInserts();
    await waitFor('an insert that waits', async () => (await inserts()).length > 0);
    await doomed.kill();
    for (const pid of await inserts()) await world.pool.query('SELECT pg_terminate_backend($1)', [pid]);
    await waitFor('no insert', async () => (await inserts()).length === 0);
    await release();
    await world.redis.del(frameKey(world.namespace, 'sale', frame.id));
    await world.startWorker();
    await world.settled();
    expect(await world.audit('sale', 5)).toHaveLength(2);
    expect((await world.store.readSale('sale'))?.counters.remaining).toBe(3);
  });
});

describe('a rebuild', () => {
  it('changes nothing when Redis holds a later epoch by then, and no other worker repeats it', async () => {
    await world.openSale('sale', 5);
    const workers = [await world.startWorker({ FLASHGRID_PREFETCH: '1' })];
    await removeKeys(world.redis, `${world.namespace}:{sale}`);
    const release = await world.holdTickets();
    await world.publish('sale', newBuyers(1));
    await waitFor('a rebuild that waits', async () => (await postgresEpoch()) === 2);
    workers.push(await world.startWorker({ FLASHGRID_PREFETCH: '1' }));
    await world.publish('sale', newBuyers(2));
    await waitFor('another that waits for it', () => workers[1]?.counters.rare.saleUnknown === 1);
    const facts = { id: 'sale', title: 'sale', stock: 5, perBuyerLimit: 1 } as const;
    await world.store.openSale({ ...facts, mode: 'queue', status: 'open', generation: 1 }, 3);
    await release();
    await world.settled();
    expect(await world.audit('sale', 5)).toHaveLength(3);
    expect(await world.store.readEpoch('sale')).toMatchObject({ epoch: 3 });
    expectTaken(workers[0]?.sample().rarePaths ?? {}, 'rebuildGaveWay');
    expectTaken(workers[1]?.sample().rarePaths ?? {}, 'rebuildNotNeeded');
  });
});

async function postgresEpoch(): Promise<number> {
  const { rows } = await world.pool.query<{ epoch: number }>("SELECT epoch FROM sales WHERE id = 'sale'");
  return rows[0]?.epoch ?? 0;
}

describe('a Redis that is wrong', () => {
  it('is corrected when Postgres refuses a unit that it grants', async () => {
    await world.openSale('sale', 4);
    await world.pool.query(
      `INSERT INTO tickets (sale_id, unit_no, generation, stock, reservation_id, user_id)
       VALUES ('sale', 2, 1, 4, 'sale.gwaaaa-1.0', 'behind'), ('sale', 3, 1, 4, 'sale.gwaaaa-1.1', 'its back')`,
    );
    const worker = await world.startWorker();
    const frame = await world.publish('sale', newBuyers(5));
    await world.settled();
    expect(await world.audit('sale', 4)).toHaveLength(4);
    expect(worker.counters.rebuilds).toBe(1);
    expectTaken(worker.sample().rarePaths, 'unitTaken', 'saleRebuilt', 'outcomeKept');
    expect(await world.outcome(frame, 0)).toEqual({ status: 'granted', units: [1] });
    expect(await world.outcome(frame, 1)).toEqual({ status: 'granted', units: [4] });
    expect(await world.outcome(frame, 2)).toEqual({ status: 'refused', reason: 'sold_out' });
  });

  it('is corrected when it missed a reset', async () => {
    await world.openSale('sale', 4);
    await world.pool.query("UPDATE sales SET generation = 2, stock = 2 WHERE id = 'sale'");
    await world.startWorker();
    const late = await world.publish('sale', newBuyers(3));
    const timely = await world.publish('sale', newBuyers(3), { generation: 2 });
    await world.settled();
    expect(await world.outcome(late, 0)).toEqual({ status: 'refused', reason: 'sale_reset' });
    expect(await world.audit('sale', 2)).toHaveLength(2);
    expect((await world.outcome(timely, 2))?.status).toBe('refused');
  });

  it('can not have grants of a life recorded that was rebuilt meanwhile', async () => {
    await world.openSale('sale', 4);
    const rare = rareCounts('worker');
    const writer = new TicketWriter(world.pool, 1, { signal: new AbortController().signal }, rare);
    const batch = (epoch: number, unit: number, reservation = unit) => ({
      saleId: 'sale',
      generation: 1,
      stock: 4,
      epoch,
      tickets: [{ unit, reservationId: `sale.gwaaaa-1.${reservation}`, item: 1, userId: 'u' }],
    });
    expect(await writer.write(batch(1, 1))).toBe('committed');
    await rebuildSale(world.store, world.pool, { saleId: 'sale', generation: 1, staleEpoch: 1 });
    expect(await writer.write(batch(1, 2))).toBe('stale');
    expect(await writer.write(batch(1, 1))).toBe('committed');
    expect(await writer.write(batch(2, 2))).toBe('committed');
    expect(await world.tickets('sale')).toHaveLength(2);
    expectTaken(rare, 'epochStale', 'ticketsPresent');
    // The second and third wait for the first, and then share an INSERT.
    const shared = [batch(2, 3), batch(2, 4), batch(2, 3, 5)].map((one) => writer.write(one));
    expect(await Promise.all(shared)).toEqual(['committed', 'committed', 'stale']);
    expectTaken(rare, 'insertSplit', 'unitTaken');
  });
});

describe('the epoch of a sale', () => {
  it('rises over resets and losses of Redis, so that no grant of an earlier life is ever recorded', async () => {
    const { store, pool, namespace: schema } = world;
    const prisma = createPrisma({ pool, schema });
    world.onClose('prisma', () => prisma.$disconnect());
    const admin = new SaleAdmin({
      prisma: () => Promise.resolve(prisma),
      schema,
      store,
      onChanged: () => undefined,
      onError: () => undefined,
    });
    await admin.create({ id: 'sale', title: 'sale', stock: 9, perBuyerLimit: 1, mode: 'queue' });
    const postgresEpoch = async () => {
      const { rows } = await pool.query<{ epoch: number }>("SELECT epoch FROM sales WHERE id = 'sale'");
      return rows[0]?.epoch ?? 0;
    };
    const writer = new TicketWriter(pool, 2, { signal: new AbortController().signal });
    const batch = (generation: number, epoch: number) => ({
      saleId: 'sale',
      generation,
      stock: 9,
      epoch,
      tickets: [{ unit: 1, reservationId: `sale.gwaaaa-${generation}.0`, item: 1, userId: 'u' }],
    });
    let lastEpoch = 0;
    for (let generation = 1; generation <= 4; generation++) {
      const life = await store.readEpoch('sale');
      expect(life).toEqual({ epoch: await postgresEpoch(), generation, status: 'open', isRestarted: false });
      const granted = life?.epoch ?? 0;
      expect(granted).toBeGreaterThan(lastEpoch);
      await removeKeys(world.redis, `${world.namespace}:{sale}`);
      expect(await rebuildSale(store, pool, { saleId: 'sale', generation })).toBe('rebuilt');
      expect(await writer.write(batch(generation, granted))).toBe('stale');
      lastEpoch = await postgresEpoch();
      expect(lastEpoch).toBeGreaterThan(granted);
      await admin.change('sale', { reset: {} });
    }
    expect(await world.tickets('sale')).toEqual([]);
  });

  it('is raised once by a rebuild that takes longer than its lock, however many wait for it', async () => {
    await world.openSale('sale', 5_000);
    await world.pool.query(
      `INSERT INTO tickets (sale_id, unit_no, generation, stock, reservation_id, user_id)
       SELECT 'sale', n, 1, 5000, 'sale.gwaaaa-1.' || n, 'u' || n FROM generate_series(1, 5000) n`,
    );
    const lockMs = 150;
    const slow = new Proxy(world.store, {
      get(store, name) {
        if (name !== 'loadTickets') {
          const value: unknown = Reflect.get(store, name);
          return typeof value === 'function' ? value.bind(store) : value;
        }
        return async (...page: Parameters<typeof store.loadTickets>) => {
          await sleep(2 * lockMs);
          await store.loadTickets(...page);
        };
      },
    });
    const request = { saleId: 'sale', generation: 1, staleEpoch: 1 };
    const results = await Promise.all(
      ['a', 'b', 'c'].map((token) => rebuildSale(slow, world.pool, request, { lockExpiryMs: lockMs, token })),
    );
    expect(results.sort()).toEqual(['current', 'current', 'rebuilt']);
    expect(await world.store.readEpoch('sale')).toMatchObject({ epoch: 2 });
    expect((await world.pool.query('SELECT epoch FROM sales')).rows).toEqual([{ epoch: 2 }]);
  });
});

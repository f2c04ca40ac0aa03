import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idempotencyDigest } from '../services/shared/idempotency.ts';
import { keyedId } from '../services/shared/ids.ts';
import { expectTaken } from './support/expect-taken.ts';
import { WorkerWorld, newBuyers, waitFor } from './support/worker-world.ts';

let world: WorkerWorld;
beforeEach(async () => {
  world = await new WorkerWorld().open();
});
afterEach(() => world.close());

describe('the worker', () => {
  it('sells exactly the stock to distinct buyers, with several workers at once, and tells every outcome', async () => {
    await world.openSale('sale', 20);
    const workers = [await world.startWorker(), await world.startWorker(), await world.startWorker()];
    for (let frame = 0; frame < 40; frame++) await world.publish('sale', newBuyers(25));
    await world.settled();
    expect(await world.audit('sale', 20)).toHaveLength(20);
    const sum = (key: 'decided' | 'granted' | 'ticketsCommitted' | 'frames') =>
      workers.reduce((total, worker) => total + worker.counters[key], 0);
    await waitFor('all frames counted', () => sum('frames') === 40);
    expect([sum('decided'), sum('granted'), sum('ticketsCommitted')]).toEqual([1_000, 20, 20]);
    expect(world.events.reduce((total, event) => total + event.count, 0)).toBe(1_000);
    expect((await world.store.readSale('sale'))?.counters).toMatchObject({
      decided: 1_000,
      granted: 20,
      refused: { sold_out: 980 },
    });
  });

  it('records a sale in which everyone wins', async () => {
    await world.openSale('sale', 2_000);
    await world.startWorker();
    for (let frame = 0; frame < 10; frame++) await world.publish('sale', newBuyers(200));
    await world.settled();
    expect(await world.audit('sale', 2_000)).toHaveLength(2_000);
  });

  it('gives a frame that comes twice the same answers, and counts it once', async () => {
    await world.openSale('sale', 5);
    const worker = await world.startWorker();
    const entries = newBuyers(3);
    const frame = await world.publish('sale', entries);
    await world.settled();
    await world.publish('sale', entries, { id: frame.id });
    await waitFor('the repeat', () => worker.counters.repeatedFrames === 1);
    expect(await world.audit('sale', 5)).toHaveLength(3);
    expect((await world.store.readSale('sale'))?.counters).toMatchObject({ decided: 3, granted: 3 });
    await waitFor('both events', () => world.events.length === 2);
    expect(world.events.map((event) => [event.isRepeated, event.record])).toEqual([
      [false, '1|*G|0:1;1:2;2:3'],
      [true, '1|*G|0:1;1:2;2:3'],
    ]);
  });

  it('records a keyed reservation once, however often it comes', async () => {
    await world.openSale('sale', 9, 9);
    const worker = await world.startWorker();
    const digest = 'k'.repeat(22);
    const keyed = { userId: 'keyed', quantity: 2, digest };
    await world.publish('sale', [keyed, ...newBuyers(1), keyed]);
    await world.publish('sale', [...newBuyers(1), keyed]);
    await world.settled();
    const tickets = await world.audit('sale', 9, 9);
    expect(tickets).toHaveLength(4);
    expect(tickets.filter((ticket) => ticket.reservation_id === keyedId('sale', digest))).toHaveLength(2);
    expectTaken(worker.sample().rarePaths, 'keyKnownToWorker');
  });

  it('knows from Postgres what a key was granted, and for what, when Redis has lost the sale', async () => {
    await world.openSale('sale', 9, 4);
    const worker = await world.startWorker();
    const keyed = { userId: 'a', quantity: 2, digest: idempotencyDigest('order-17', 'a', 2) };
    await world.publish('sale', [...newBuyers(1), keyed]);
    await world.settled();
    const lost = await world.redis.keys(`${world.namespace}:{sale}:*`);
    // The frame's record stays for the audit below.
    await world.redis.del(...lost.filter((key) => !key.includes(':f:')));
    const other = { ...keyed, userId: 'b', digest: idempotencyDigest('order-17', 'b', 2) };
    const frame = await world.publish('sale', [keyed, other]);
    await world.settled();
    expect(await world.outcome(frame, 0)).toEqual({ status: 'granted', units: [2, 3] });
    expect(await world.outcome(frame, 1)).toEqual({ status: 'refused', reason: 'key_reused' });
    expect(await world.audit('sale', 9, 4)).toHaveLength(3);
    expectTaken(worker.sample().rarePaths, 'saleUnknown', 'saleRebuilt', 'keyRefusedByWorker');
  });

  it('keeps a buyer named NULL, and every other sign that an id may have', async () => {
    await world.openSale('sale', 9);
    await world.startWorker();
    const users = ['NULL', 'null', 'a@b.c', 'A-_.:+=~z', '-1'];
    await world.publish(
      'sale',
      users.map((userId) => ({ userId, quantity: 1 })),
    );
    await world.settled();
    expect((await world.audit('sale', 9)).map((ticket) => ticket.user_id)).toEqual(users);
  });

  it('refuses frames of a closed sale, and frames of an earlier generation after a reset', async () => {
    await world.openSale('sale', 5);
    const worker = await world.startWorker();
    await world.publish('sale', newBuyers(2));
    await world.settled();
    await world.store.changeSale('sale', { status: 'closed' });
    const closed = await world.publish('sale', newBuyers(2));
    await world.settled();
    expect(await world.outcome(closed, 0)).toEqual({ status: 'refused', reason: 'sale_closed' });
    await world.pool.query('DELETE FROM tickets');
    await world.pool.query('UPDATE sales SET generation = 2, stock = 3, epoch = 2');
    const facts = { id: 'sale', title: 'sale', stock: 3, perBuyerLimit: 1 } as const;
    await world.store.openSale({ ...facts, mode: 'queue', status: 'open', generation: 2 }, 2);
    const late = await world.publish('sale', newBuyers(2));
    const timely = await world.publish('sale', newBuyers(2), { generation: 2 });
    await world.settled();
    expect(await world.outcome(late, 0)).toEqual({ status: 'refused', reason: 'sale_reset' });
    expect(await world.outcome(timely, 1)).toEqual({ status: 'granted', units: [2] });
    expect((await world.tickets('sale')).map((ticket) => ticket.unit_no)).toEqual([1, 2]);
    expectTaken(worker.sample().rarePaths, 'frameOfClosedSale', 'frameOfResetSale');
  });

  it('dead-letters what can never be decided, and goes on', async () => {
    await world.openSale('sale', 5);
    const worker = await world.startWorker();
    const headers = { v: 1, n: 1, sale: 'sale', gen: 1, t: Date.now() };
    const poison: [Buffer, string, Record<string, unknown>][] = [
      [Buffer.from('not a frame'), 'nonsense', {}],
      [Buffer.from('user\n'), 'gwtest-x1', { ...headers, v: 99 }],
      [Buffer.from('user\n'), 'gwtest-x2', { ...headers, n: 2 }],
      [Buffer.from("user' OR 1=1\n"), 'gwtest-x3', headers],
      [Buffer.from('us\0er\n'), 'gwtest-x4', headers],
      [Buffer.from('user\t11\n'), 'gwtest-x5', headers],
      [Buffer.from('user\n'), 'gwtest-x6', { ...headers, sale: 'no-such-sale' }],
      [Buffer.from('user\n'), 'gwtest-x7', { ...headers, gen: 2 }],
    ];
    for (const message of poison) await world.publishRaw(...message);
    await world.publish('sale', newBuyers(2));
    await world.settled();
    await waitFor('all poison dead-lettered', async () => (await world.deadLength()) === poison.length);
    expect(worker.counters.deadLettered).toBe(poison.length);
    expectTaken(worker.sample().rarePaths, 'frameDeadLettered');
    expect(await world.audit('sale', 5)).toHaveLength(2);
  });

  it('tells health, readiness and figures over HTTP', async () => {
    await world.openSale('sale', 1);
    const worker = await world.startWorker();
    await world.publish('sale', newBuyers(3));
    await world.settled();
    await waitFor('the frame counted', () => worker.counters.frames === 1);
    const get = (path: string) => fetch(`http://127.0.0.1:${worker.port}${path}`);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    expect((await get('/nothing')).status).toBe(404);
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toMatch(/^flashgrid_worker_reservations_decided_total 3$/m);
    expect(metrics).toMatch(/^flashgrid_worker_tickets_committed_total 1$/m);
    expect(metrics).toMatch(/^flashgrid_worker_rare_paths_total\{path="saleRebuilt"\} 0$/m);
  });
});

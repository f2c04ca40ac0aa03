/** What can be done with frames that could not be decided. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeadLetters } from '../control/sales/dead-letters.ts';
import { RECORD_RETENTION_MS, frameKey } from '../services/shared/keys.ts';
import { expectTaken } from './support/expect-taken.ts';
import { WorkerWorld, newBuyers, waitFor, type TestFrame } from './support/worker-world.ts';

let world: WorkerWorld;
let dead: DeadLetters;
beforeEach(async () => {
  world = await new WorkerWorld().open();
  const { namespace, endpoints, store } = world;
  dead = new DeadLetters({
    deployment: () => ({ ...endpoints, namespace, postgresSchema: namespace }),
    findSale: (id) => store.readSale(id),
  });
});
afterEach(() => world.close());

/** Moves the next frame from the queue to the dead-letter queue, as a worker that rejects it does. */
async function reject(): Promise<void> {
  const message = await world.channel.get(world.topology.queue);
  if (!message) throw new Error('the queue is empty');
  const before = await world.deadLength();
  world.channel.reject(message, false);
  await waitFor('the dead letter', async () => (await world.deadLength()) === before + 1);
}

/** Redis has granted the frame, and no ticket was written. */
async function decideAndReject(frame: TestFrame): Promise<void> {
  const decision = await world.store.decideFrame({
    id: frame.id,
    saleId: frame.saleId,
    generation: 1,
    count: frame.entries.length,
    body: frame.entries.map(({ userId }) => `${userId}\n`).join(''),
    digests: [],
  });
  expect(decision).toMatchObject({ granted: frame.entries.length });
  await reject();
}

describe('the dead-letter queue', () => {
  it('lists each frame with its sale, size, age and the reason', async () => {
    await world.openSale('sale', 5);
    const headers = { v: 1, n: 1, sale: 'sale', gen: 1, t: Date.now() };
    await world.publishRaw(Buffer.from('not a frame'), '', {});
    await world.publishRaw(Buffer.from('user\n'), 'gwtest-v9', { ...headers, v: 9 });
    await world.publishRaw(Buffer.from('user\t11\n'), 'gwtest-q1', headers);
    await world.publishRaw(Buffer.from('user\n'), 'gwtest-s1', { ...headers, sale: 'no-such-sale' });
    await world.publishRaw(Buffer.from('user\n'), 'gwtest-g2', { ...headers, gen: 2 });
    await world.publish('sale', newBuyers(3), { id: 'gwtest-ok' });
    for (let frame = 0; frame < 6; frame++) await reject();
    const { total, frames } = await dead.list(100);
    expect(total).toBe(6);
    expect(frames.map(({ id, reason, canReplay }) => [id.slice(0, 9), canReplay, reason])).toEqual([
      ['unnamed-' + frames[0]?.id.slice(8, 9), false, 'The frame is malformed: messageId is not a frame id.'],
      ['gwtest-v9', false, 'The frame is malformed: v is 9, this worker reads versions 1 and 2.'],
      ['gwtest-q1', false, 'The frame is malformed: reservation 0 has no valid quantity.'],
      ['gwtest-s1', true, 'There is no sale no-such-sale.'],
      ['gwtest-g2', true, 'Sale sale has generation 1; the frame is for 2.'],
      ['gwtest-ok', true, 'A worker rejected it; the log of the worker names the frame and the reason.'],
    ]);
    expect(frames[5]).toMatchObject({ saleId: 'sale', reservations: 3 });
    expect(Math.abs((frames[5]?.diedAtMs ?? 0) - Date.now())).toBeLessThan(10_000);
    expect((await dead.list(2)).frames).toHaveLength(2);
  });

  it('can be looked at as often as one likes', async () => {
    await world.openSale('sale', 5);
    await world.publish('sale', newBuyers(1));
    await reject();
    // RabbitMQ 4 gives a message up after 20 deliveries unless it is told otherwise.
    for (let look = 0; look < 25; look++) expect((await dead.list(10)).total).toBe(1);
  });

  it('gives chosen frames back, and keeps what can never be decided', async () => {
    await world.openSale('sale', 9);
    const granted = await world.publish('sale', newBuyers(2));
    await decideAndReject(granted);
    const undecided = await world.publish('sale', newBuyers(3));
    await reject();
    await world.publishRaw(Buffer.from('not a frame'), 'nonsense', {});
    await reject();
    const worker = await world.startWorker();
    expect(await dead.replay([undecided.id])).toEqual({ replayed: 1, kept: 0 });
    await waitFor('the first', async () => (await world.tickets('sale')).length === 3);
    expect(await dead.replay()).toEqual({ replayed: 1, kept: 1 });
    await world.settled();
    expect(await world.audit('sale', 9)).toHaveLength(5);
    expectTaken(worker.sample().rarePaths, 'frameReplayed');
    expect((await dead.list(10)).frames).toMatchObject([{ id: 'nonsense', canReplay: false }]);
    expect(await dead.drop()).toEqual({ dropped: 1 });
    expect(await world.deadLength()).toBe(0);
  });

  it('gives back a message of several sales, which a worker of an earlier version rejected', async () => {
    for (const sale of ['sale', 'other']) await world.openSale(sale, 9);
    const parts = ['sale', 'other'].map((saleId) => ({ saleId, entries: newBuyers(2) }));
    await world.publishSeveral(parts);
    await reject();
    const [listed] = (await dead.list(10)).frames;
    expect(listed).toMatchObject({ reservations: 4, canReplay: true });
    expect(listed?.reason).toMatch(/^A worker rejected it/);
    expect(listed).not.toHaveProperty('saleId');
    const worker = await world.startWorker();
    expect(await dead.replay()).toEqual({ replayed: 1, kept: 0 });
    await world.settled();
    for (const sale of ['sale', 'other']) expect(await world.audit(sale, 9)).toHaveLength(2);
    expect(worker.sample().rarePaths).toMatchObject({ frameReplayed: 2 });
  });

  it('gives back a frame so old that Redis has forgotten its grants, without refusing its buyers', async () => {
    await world.openSale('sale', 3);
    const frame = await world.publish('sale', newBuyers(3), { closedAtMs: Date.now() - RECORD_RETENTION_MS });
    await decideAndReject(frame);
    await world.redis.del(frameKey(world.namespace, 'sale', frame.id));
    await world.startWorker();
    await dead.replay([frame.id]);
    await world.settled();
    expect(await world.audit('sale', 3)).toHaveLength(3);
  });

  it('puts the units of a dropped frame on sale again', async () => {
    await world.openSale('sale', 3);
    const frame = await world.publish('sale', newBuyers(3));
    await decideAndReject(frame);
    expect((await world.store.readSale('sale'))?.counters.remaining).toBe(0);
    expect(await dead.drop([frame.id])).toEqual({ dropped: 1 });
    expect((await world.store.readSale('sale'))?.counters.remaining).toBe(3);
    expect(await world.deadLength()).toBe(0);
  });
});

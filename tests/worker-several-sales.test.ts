/** One message with the frames of several sales, from RabbitMQ to the ack. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { expectTaken } from './support/expect-taken.ts';
import { WorkerWorld, newBuyers, waitFor } from './support/worker-world.ts';

let world: WorkerWorld;
beforeEach(async () => {
  world = await new WorkerWorld().open();
});
afterEach(() => world.close());

const SALES = Array.from({ length: 12 }, (_, at) => `sale-${at}`);
const STOCK = 3;

async function openSales(): Promise<void> {
  for (const saleId of SALES) await world.openSale(saleId, STOCK);
}

/** Two buyers for each sale, in one message. */
const publishOne = () => world.publishSeveral(SALES.map((saleId) => ({ saleId, entries: newBuyers(2) })));

async function auditAll(): Promise<void> {
  for (const saleId of SALES) expect(await world.audit(saleId, STOCK)).toHaveLength(STOCK);
}

it('commits the orders of all sales together, publishes their outcomes at once, and acks once', async () => {
  await openSales();
  await publishOne();
  await publishOne();
  const worker = await world.startWorker({ FLASHGRID_PREFETCH: '1' });
  await world.settled();
  await waitFor('the counters', () => worker.counters.frames === 2 * SALES.length);
  expect(worker.counters).toMatchObject({ decided: 4 * SALES.length, granted: STOCK * SALES.length });
  // A transaction for each message.
  const { rows } = await world.pool.query('SELECT DISTINCT xmin FROM tickets');
  expect(rows).toHaveLength(2);
  // Refused frames are published before the commit of the others.
  expect(world.eventMessages).toBeLessThanOrEqual(4);
  await auditAll();
});

it('loses nothing and sells nothing twice when its worker is killed with several in hand', async () => {
  await openSales();
  const doomed = world.forkWorker();
  await doomed.ready();
  const release = await world.holdTickets('EXCLUSIVE');
  for (let message = 0; message < 3; message++) await publishOne();
  await waitFor('an insert that waits', async () => (await world.waitingInserts()).length > 0);
  await doomed.kill();
  await release();
  const worker = await world.startWorker();
  await world.settled();
  await auditAll();
  await waitFor('the acks', () => worker.sample().framesInHandNow === 0);
  expect(worker.counters.deadLettered).toBe(0);
  expectTaken(worker.counters.rare, 'frameRedelivered', 'frameRepeated');
});

it('dead-letters what can never be decided alone, and decides the others', async () => {
  await openSales();
  const worker = await world.startWorker();
  const good = SALES.map((saleId) => ({ saleId, entries: newBuyers(2) }));
  const unknown = { saleId: 'no-such-sale', entries: newBuyers(1) };
  const broken = { saleId: 'sale-1', entries: [{ userId: 'a user', quantity: 1 }] };
  const frames = await world.publishSeveral([...good.slice(0, 6), unknown, broken, ...good.slice(6)]);
  const poison = frames.slice(6, 8);
  world.published.splice(world.published.indexOf(frames[6]!), 2);
  await world.settled();
  await waitFor('the dead letters', async () => (await world.deadLength()) === 2);
  for (const saleId of SALES) expect(await world.audit(saleId, STOCK)).toHaveLength(2);
  const seen: unknown[] = [];
  for (let letter = 0; letter < 2; letter++) {
    const message = await world.channel.get(world.topology.deadQueue);
    if (message) seen.push([message.properties.messageId, message.properties.headers?.['n']]);
  }
  expect(seen).toEqual(expect.arrayContaining(poison.map(({ id }) => [id, 1])));
  expect(worker.counters.frames).toBe(SALES.length);
  expectTaken(worker.counters.rare, 'frameParted', 'frameDeadLettered');
});

it("gives a message that it can't read to the dead letters as it is", async () => {
  const worker = await world.startWorker();
  await world.publishRaw(Buffer.from('sale-1\t1\t2\t100\nann\n'), 'gwtest-100', {
    v: 2,
    n: 2,
    t: Date.now(),
  });
  await waitFor('the dead letter', async () => (await world.deadLength()) === 1);
  expect(worker.counters.rare.frameParted).toBe(0);
});

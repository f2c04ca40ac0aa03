/**
 * Postgres with a synchronous standby. A commit whose wait for the standby was cancelled has "succeeded", and a failover
 * loses it: so it is not told before it is known to be on the standby.
 */
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withPostgres } from '../control/cluster/probes.ts';
import { startGateway, type RunningGateway } from '../services/gateway/gateway.ts';
import { gatewayConfigSchema, parseConfig } from '../services/shared/config.ts';
import { framedId } from '../services/shared/ids.ts';
import { UnreplicatedError, createPool, openPool, quoteIdentifier } from '../services/shared/postgres.ts';
import { rebuildSale } from '../services/shared/rebuild.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import type { Worker } from '../services/worker/worker.ts';
import { expectTaken } from './support/expect-taken.ts';
import { startPostgresPair, type PostgresPair } from './support/postgres-pair.ts';
import { WorkerWorld, newBuyers, waitFor, type TestFrame } from './support/worker-world.ts';

const STOCK = 100;
const ANSWER_LIMIT_MS = 2_000;
const release = new ReleaseStack();
let pair: PostgresPair;
let world: WorkerWorld;
let worker: Worker;
let gateway: RunningGateway;

beforeAll(async () => {
  pair = await startPostgresPair(release);
  world = await new WorkerWorld({ postgresUrl: pair.url }).open();
  release.add('world', () => world.close(), 10_000);
  await world.openSale('sale', STOCK);
  worker = await world.startWorker();
  const { amqpUrl, redisUrl } = world.endpoints;
  const config = parseConfig(gatewayConfigSchema, {
    FLASHGRID_NAMESPACE: world.namespace,
    FLASHGRID_AMQP_URL: amqpUrl,
    FLASHGRID_REDIS_URL: redisUrl,
    FLASHGRID_POSTGRES_URL: pair.url,
    FLASHGRID_POSTGRES_SCHEMA: world.namespace,
    FLASHGRID_ADMIN_TOKEN: 'test-admin-token-0123456789',
  });
  gateway = await startGateway(config, pino({ level: 'silent' }));
  world.onClose('gateway', () => gateway.stop());
});
afterAll(() => release.release());

const timesTold = ({ id }: TestFrame) => world.events.filter(({ frameId }) => frameId === id).length;

/** What a buyer who asks the gateway hears. */
async function outcomeAt(frame: TestFrame): Promise<unknown> {
  const response = await fetch(`${gateway.url}/reservations/${framedId('sale', frame.id, 0)}`, {
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  }).catch(() => undefined);
  const body = (await response?.json()) as { status?: unknown } | undefined;
  return body?.status;
}

/** On the primary itself, where a commit shows as soon as its wait is over, however it ended. */
const onPrimary = <Row extends object>(sql: string) =>
  withPostgres(pair.primaryUrl, async (client) => (await client.query<Row>(sql)).rows);
const cancelWaits = () =>
  onPrimary(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`);

/** A frame whose grants are committed on the primary alone. */
async function publishUnreplicated(): Promise<TestFrame> {
  pair.stream.stall();
  const frame = await world.publish('sale', newBuyers(2));
  const table = `${quoteIdentifier(world.namespace)}.tickets`;
  const id = framedId('sale', frame.id, 0);
  await waitFor('the commit on the primary alone', async () => {
    await cancelWaits();
    return (await onPrimary(`SELECT 1 FROM ${table} WHERE reservation_id = '${id}'`)).length === 1;
  });
  return frame;
}

/** The worker asks again, a few times, and each wait of it is cancelled. */
async function asksInVain(): Promise<void> {
  const { retries } = worker.counters;
  await waitFor('asking again, in vain', async () => {
    await cancelWaits();
    return worker.counters.retries > retries + 2;
  });
}

it('a commit that the standby may not have is told to nobody, until it has it: then once', async () => {
  const before = await world.publish('sale', newBuyers(3));
  await world.settled();
  expect(await outcomeAt(before)).toBe('granted');

  const frame = await publishUnreplicated();
  await asksInVain();
  expect(await outcomeAt(frame)).not.toBe('granted');
  let rebuild: unknown;
  void rebuildSale(world.store, world.pool, { saleId: 'sale', generation: 1, staleEpoch: 1 })
    .catch((error: unknown) => error)
    .then((result) => (rebuild = result));
  await waitFor('the end of a rebuild', async () => {
    await cancelWaits();
    return rebuild !== undefined;
  });
  expect(rebuild).toBeInstanceOf(UnreplicatedError);
  // From here on the INSERT finds no sale of its epoch, and what there is is only read.
  await asksInVain();
  expect(timesTold(frame)).toBe(0);

  pair.stream.restore();
  await world.settled();
  expect(timesTold(frame)).toBe(1);
  expect(await outcomeAt(frame)).toBe('granted');
  expectTaken(worker.sample().rarePaths, 'commitRetried', 'commitAnswerLost');
});

it('a statement that runs past its limit is cancelled, and leaves nothing behind', async () => {
  const pool = createPool({
    url: pair.url,
    schema: 'public',
    max: 1,
    name: 'limit',
    statementTimeoutMs: 300,
  });
  try {
    expect(await openPool(pool)).toEqual({ isDirect: true });
    await expect(pool.query('SELECT pg_sleep(60)')).rejects.toMatchObject({ code: '57014' });
    // Several statements of one transaction, each below the limit.
    const client = await pool.connect();
    await client.query('BEGIN');
    for (let times = 0; times < 8; times++) await client.query('SELECT pg_sleep(0.1)');
    await client.query('COMMIT');
    client.release();
    const left = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'flashgrid limit' AND state = 'active'`;
    expect(await onPrimary(left)).toEqual([]);
  } finally {
    await pool.end();
  }
});

it('a connection to the server that had the address before is dropped, whatever it waits for', async () => {
  let dropped = 0;
  const pool = createPool({
    url: pair.url,
    schema: 'public',
    max: 1,
    name: 'moved',
    onDead: () => dropped++,
  });
  try {
    await openPool(pool);
    const waiting = expect(pool.query('SELECT pg_sleep(60)')).rejects.toThrow(/terminated/);
    pair.leadTo('standby');
    await waiting;
    expect(dropped).toBe(1);
    const { rows } = await pool.query('SELECT pg_is_in_recovery() AS "isStandby"');
    expect(rows).toEqual([{ isStandby: true }]);
  } finally {
    pair.leadTo('primary');
    await pool.end();
  }
});

it('a role that would not hear of such a commit is refused', async () => {
  await onPrimary('CREATE ROLE deaf LOGIN; ALTER ROLE deaf SET client_min_messages = error');
  const url = Object.assign(new URL(pair.url), { username: 'deaf' }).href;
  const pool = createPool({ url, schema: 'public', max: 1, name: 'deaf' });
  try {
    await expect(openPool(pool)).rejects.toThrow(/set it to warning/);
  } finally {
    await pool.end();
  }
});

it('a failover in the middle of a sale loses nothing that was told, and sells nothing twice', async () => {
  // The rebuild above has raised the sale's epoch: this frame gives it to Redis, too.
  await world.publish('sale', newBuyers(1));
  await world.settled();
  const lost = await publishUnreplicated();
  const others: TestFrame[] = [];
  for (let count = 0; count < 20; count++) others.push(await world.publish('sale', newBuyers(10)));
  await waitFor('commits that wait', async () => (await cancelWaits()).length > 0);
  await pair.failOver();
  await world.settled();
  expect([lost, ...others].map(timesTold).every((times) => times > 0)).toBe(true);
  expect(await outcomeAt(lost)).toBe('granted');
  expect(await world.audit('sale', STOCK)).toHaveLength(STOCK);
  expect(await world.deadLength()).toBe(0);
});

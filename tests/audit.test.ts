/** The audit on real backends: a small sale is decided and recorded as a worker would, then tampered with. */
import { connect, type Channel } from 'amqplib';
import type { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { audit, countDeadFrames } from '../control/audit/audit.ts';
import type { LoadLedger } from '../control/audit/ledger.ts';
import { readDeadLetter } from '../control/sales/read-dead-letter.ts';
import { FailureError } from '../contract/failure.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import type { CheckId } from '../contract/checks.ts';
import { auditSchema } from '../contract/run-record.ts';
import { encodeEntry } from '../services/shared/frame.ts';
import { framedId } from '../services/shared/ids.ts';
import { frameKey, saleKeys } from '../services/shared/keys.ts';
import { applyMigrations } from '../services/shared/migrations.ts';
import { parseRecord } from '../services/shared/outcomes.ts';
import { createPool } from '../services/shared/postgres.ts';
import { createRedis, type RedisClient } from '../services/shared/redis.ts';
import { SaleStore } from '../services/shared/sale-store.ts';
import { declareTopology, type Topology } from '../services/shared/amqp/topology.ts';
import { testEndpoints, uniqueName } from './support/backends.ts';
import { contradicts, isMinimal } from './support/contradiction.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';

const SALE_ID = 'night';
const STOCK = 5;
const BUYERS = 12;
const FRAME_SIZE = 4;
const userOf = (request: number) => `buyer-${request}`;
const frameOf = (request: number) => `gateway1-${Math.floor(request / FRAME_SIZE)}`;
const idOf = (request: number) => framedId(SALE_ID, frameOf(request), request % FRAME_SIZE);

let release: ReleaseStack;
let testStartedAtMs: number;
let namespace: string;
let schema: string;
let pool: Pool;
let redis: RedisClient;
let channel: Channel;
let names: Topology;

beforeEach(async () => {
  release = new ReleaseStack();
  testStartedAtMs = Date.now();
  const endpoints = testEndpoints();
  namespace = uniqueName('audit');
  schema = namespace;
  pool = createPool({ url: endpoints.postgresUrl, schema, max: 2, name: 'test' });
  release.add('pool', () => pool.end());
  await applyMigrations({ url: endpoints.postgresUrl, schema });
  release.add('schema', () => pool.query(`DROP SCHEMA "${schema}" CASCADE`));
  redis = createRedis(endpoints.redisUrl, { role: 'control' });
  release.add('redis', () => redis.disconnect());
  release.add('keys', async () => redis.del(...(await redis.keys(`${namespace}:*`))));
  const broker = await connect(endpoints.amqpUrl);
  release.add('broker', () => broker.close());
  channel = await broker.createChannel();
  names = await declareTopology(broker, namespace, endpoints.amqpUrl);
  release.add('queues', async () => {
    await channel.deleteQueue(names.queue);
    await channel.deleteQueue(names.deadQueue);
    await channel.deleteExchange(names.deadExchange);
  });
  await sell();
});

afterEach(() => release.release());

/** Opens the sale, decides every frame and records its grants: what gateway and worker do. */
async function sell(): Promise<void> {
  await pool.query('INSERT INTO sales (id, title, stock) VALUES ($1, $1, $2)', [SALE_ID, STOCK]);
  const sales = new SaleStore(redis, namespace);
  await sales.openSale(
    {
      id: SALE_ID,
      title: SALE_ID,
      stock: STOCK,
      perBuyerLimit: 1,
      mode: 'queue',
      status: 'open',
      generation: 1,
    },
    1,
  );
  for (let first = 0; first < BUYERS; first += FRAME_SIZE) {
    const id = frameOf(first);
    const requests = Array.from({ length: FRAME_SIZE }, (_, at) => first + at);
    const decision = await sales.decideFrame({
      id,
      saleId: SALE_ID,
      generation: 1,
      count: FRAME_SIZE,
      body: requests.map((request) => encodeEntry(userOf(request), 1)).join(''),
      digests: [],
    });
    if (decision.status !== 'decided') throw new Error(`frame ${id} is ${decision.status}`);
    for (const { index, units } of parseRecord(decision.record, FRAME_SIZE).grants)
      for (const unit of units) await insertTicket(unit, first + index);
  }
}

function insertTicket(unit: number, request: number, reservationId = idOf(request)) {
  return pool.query(
    'INSERT INTO tickets (sale_id, unit_no, generation, stock, reservation_id, user_id) VALUES ($1, $2, 1, $3, $4, $5)',
    [SALE_ID, unit, STOCK, reservationId, userOf(request)],
  );
}

/** What a generator saw of it: all accepted, one each ms, but for `unanswered`. */
function ledger(unanswered: readonly number[] = []): LoadLedger {
  const isKnown = (request: number) => !unanswered.includes(request);
  return {
    count: BUYERS,
    userId: userOf,
    status: (request) => (isKnown(request) ? 'accepted' : 'unknown'),
    reservationId: (request) => (isKnown(request) ? idOf(request) : undefined),
    httpStatus: (request) => (isKnown(request) ? 202 : 0),
    sentAtMs: (request) => request,
    answeredAtMs: (request) => (isKnown(request) ? request + 3 : NaN),
  };
}

const deployment = () => ({ ...testEndpoints(), namespace, postgresSchema: schema });

function runAudit(options: Partial<Parameters<typeof audit>[0]> = {}) {
  return audit({
    sale: { id: SALE_ID, stock: STOCK, perBuyerLimit: 1 },
    ledger: ledger(),
    deployment: deployment(),
    readDeadLetter: (queues) => readDeadLetter(deployment(), queues),
    drainTimeoutMs: 300,
    signal: new AbortController().signal,
    ...options,
  });
}

const dropConstraint = (name: string) => pool.query(`ALTER TABLE tickets DROP CONSTRAINT "${name}"`);

describe('the audit of a clean sale', () => {
  it('passes every check with the right figures', async () => {
    const found = await runAudit();
    expect(found.checks.filter((check) => !check.ok)).toEqual([]);
    expect(found).toMatchObject({
      stock: STOCK,
      sold: STOCK,
      granted: STOCK,
      refused: BUYERS - STOCK,
      pending: 0,
      lost: 0,
      duplicated: 0,
      oversold: 0,
      undersold: 0,
      unknownResolved: 0,
    });
    expect(auditSchema.parse(found)).toEqual(found);
  });

  it('finds the ticket of a request that got no answer', async () => {
    const found = await runAudit({ ledger: ledger([1, 11]) });
    expect(found.checks.filter((check) => !check.ok)).toEqual([]);
    expect(found).toMatchObject({ sold: STOCK, granted: STOCK - 1, refused: 6, unknownResolved: 2 });
  });

  it('leaves out what lay in the dead-letter queue before the run', async () => {
    channel.sendToQueue(names.deadQueue, Buffer.from('poison of yesterday'), { persistent: true });
    await expect.poll(() => countDeadFrames(deployment())).toBe(1);
    const found = await runAudit({ deadBefore: 1 });
    expect(found.checks.filter((check) => !check.ok)).toEqual([]);
  });
});

describe('tampering', () => {
  const cases: readonly {
    readonly what: string;
    readonly tamper: () => Promise<unknown>;
    readonly breaks: readonly CheckId[];
  }[] = [
    {
      what: 'a deleted ticket',
      tamper: () => pool.query('DELETE FROM tickets WHERE unit_no = 2'),
      breaks: ['no_undersell', 'single_outcome', 'stock_balance'],
    },
    {
      what: 'a ticket for nobody, beyond the stock',
      tamper: async () => {
        await dropConstraint('tickets_unit_no_check');
        await insertTicket(STOCK + 1, 77, framedId(SALE_ID, 'phantom1-0', 0));
      },
      breaks: ['no_oversell', 'no_phantom', 'stock_balance'],
    },
    {
      what: 'a unit sold twice in place of another',
      tamper: async () => {
        await dropConstraint('tickets_pkey');
        await pool.query('UPDATE tickets SET unit_no = 1 WHERE unit_no = 2');
      },
      breaks: ['no_oversell', 'single_outcome'],
    },
    {
      what: 'a ticket in another buyer’s name',
      tamper: () => pool.query("UPDATE tickets SET user_id = 'thief' WHERE unit_no = 3"),
      breaks: ['no_phantom'],
    },
    {
      what: 'a buyer with two tickets',
      tamper: async () => {
        await pool.query('UPDATE tickets SET user_id = $1 WHERE unit_no = 2', [userOf(0)]);
      },
      breaks: ['no_phantom', 'buyer_limit'],
    },
    {
      what: 'a record that refuses a buyer who owns a ticket',
      tamper: () => redis.set(frameKey(namespace, SALE_ID, frameOf(0)), '1|SGGG|1:2;2:3;3:4', 'KEEPTTL'),
      breaks: ['single_outcome'],
    },
    {
      what: 'a record that is no record',
      tamper: () => redis.set(frameKey(namespace, SALE_ID, frameOf(8)), 'garbage', 'KEEPTTL'),
      breaks: ['conservation', 'single_outcome'],
    },
    {
      what: 'a lost record',
      tamper: () => redis.del(frameKey(namespace, SALE_ID, frameOf(8))),
      breaks: ['conservation', 'single_outcome'],
    },
    {
      what: 'a unit more in Redis',
      tamper: () => redis.hincrby(saleKeys(namespace, SALE_ID).sale, 'remaining', 1),
      breaks: ['stock_balance'],
    },
    {
      what: 'a frame left in the queue',
      tamper: async () => {
        channel.sendToQueue(names.queue, Buffer.from('left'), { persistent: true });
        await expect.poll(async () => (await channel.checkQueue(names.queue)).messageCount).toBe(1);
      },
      breaks: ['queues_empty'],
    },
    {
      what: 'a frame in the dead-letter queue',
      tamper: async () => {
        channel.sendToQueue(names.deadQueue, Buffer.from('dead'), {
          persistent: true,
          messageId: 'gateway9-1',
          headers: { t: Date.now() },
        });
        await expect.poll(async () => (await channel.checkQueue(names.deadQueue)).messageCount).toBe(1);
      },
      breaks: ['queues_empty'],
    },
  ];

  it.each(cases)('with $what fails exactly $breaks', async ({ what, tamper, breaks }) => {
    await tamper();
    const startedAtMs = testStartedAtMs;
    const found = await runAudit({ startedAtMs });
    const failed = found.checks.filter((check) => !check.ok);
    expect(failed.map((check) => check.id)).toEqual(breaks);
    expect(auditSchema.parse(found)).toEqual(found);
    for (const { id, evidence } of failed) {
      const events = evidence.witness?.events ?? [];
      expect(contradicts[id](events), JSON.stringify(events)).toBe(true);
      expect(isMinimal(id, events), JSON.stringify(events)).toBe(true);
      const [frame] = events.filter(({ kind }) => kind === 'frame');
      expect(frame !== undefined).toBe(what === 'a frame in the dead-letter queue');
      if (frame)
        expect(frame.text).toMatch(/^gateway9-1 is in the dead-letter queue\. The frame is malformed/);
      // The backends tell when a row was written, a frame decided or closed: within this test, give or take a ms of rounding.
      for (const { kind, tMs } of events) {
        if (kind !== 'row' && kind !== 'decision' && kind !== 'frame') continue;
        expect(tMs).toBeGreaterThanOrEqual(-2);
        expect(tMs).toBeLessThanOrEqual(Date.now() - startedAtMs + 2);
      }
    }
  });
});

describe('waiting for the queue', () => {
  it('goes on until a frame that was in a worker’s hand is decided', async () => {
    const key = frameKey(namespace, SALE_ID, frameOf(8));
    const record = await redis.get(key);
    await redis.del(key);
    const looks: number[] = [];
    const found = await runAudit({
      drainTimeoutMs: 30_000,
      // The evidence of the first look lacks the record; it comes while the audit waits for a second.
      onDrained: () => {
        if (looks.push(looks.length) === 2) void redis.set(key, record ?? '');
      },
    });
    expect(looks.length).toBeGreaterThan(1);
    expect(found.checks.filter((check) => !check.ok)).toEqual([]);
  });

  it.each([
    ['accepted', () => []],
    ['without a clear answer', (request: number) => [request]],
  ])(
    'goes on until what a worker has decided is committed, of a request that was %s',
    async (_, unanswered) => {
      const { rows } = await pool.query<{ reservation_id: string }>(
        'DELETE FROM tickets WHERE unit_no = 2 RETURNING reservation_id',
      );
      const request = Array.from({ length: BUYERS }, (_, at) => at).find(
        (at) => idOf(at) === rows[0]?.reservation_id,
      );
      const looks: number[] = [];
      const found = await runAudit({
        ledger: ledger(unanswered(request ?? -1)),
        drainTimeoutMs: 30_000,
        onDrained: () => {
          if (looks.push(looks.length) === 2) void insertTicket(2, request ?? -1);
        },
      });
      expect(looks.length).toBeGreaterThan(1);
      expect(found.checks.filter((check) => !check.ok)).toEqual([]);
    },
  );

  it('gives a ticket up that does not come, although there were time', async () => {
    await pool.query('DELETE FROM tickets WHERE unit_no = 2');
    const found = await runAudit({ drainTimeoutMs: 600_000 });
    expect(found).toMatchObject({ lost: 1, pending: 0 });
  });

  it('asks again when a backend goes away while the evidence is gathered', async () => {
    const proxy = await startTcpProxy(testEndpoints().postgresUrl);
    release.add('proxy', () => proxy.close());
    let looks = 0;
    const found = await runAudit({
      deployment: { ...deployment(), postgresUrl: proxy.url },
      onDrained: () => {
        if (++looks === 1) proxy.cut();
        else proxy.mend();
      },
    });
    expect(looks).toBeGreaterThan(1);
    expect(found.checks.filter((check) => !check.ok)).toEqual([]);
  });

  it('leaves open what is undecided because a part is missing, and breaks what contradicts a promise', async () => {
    await redis.del(frameKey(namespace, SALE_ID, frameOf(8)));
    const missing = 'worker-1 was given up.';
    const states = async () => {
      const found = await runAudit({ missingParts: () => [missing] });
      expect(found.undecided).toEqual([missing]);
      return found.checks.filter(({ ok }) => !ok).map(({ id, isOpen = false }) => [id, isOpen]);
    };
    expect(await states()).toEqual([
      ['conservation', true],
      ['single_outcome', true],
    ]);
    await pool.query("UPDATE tickets SET user_id = 'thief' WHERE unit_no = 3");
    expect(await states()).toContainEqual(['no_phantom', false]);
    // With all parts at work nothing explains it: it is lost.
    const lost = await runAudit();
    expect(lost.undecided).toBeUndefined();
    expect(lost.checks.find(({ id }) => id === 'conservation')).not.toHaveProperty('isOpen');
  });

  it('closes the sale once all is decided, and looks once more: what came in between is seen', async () => {
    let closings = 0;
    const found = await runAudit({
      closeSale: async () => {
        closings++;
        await pool.query("UPDATE tickets SET user_id = 'thief' WHERE unit_no = 3");
        return new SaleStore(redis, namespace).changeSale(SALE_ID, { status: 'closed' }).then(Boolean);
      },
    });
    expect(closings).toBe(1);
    expect(found.isSaleClosed).toBe(true);
    expect(found.checks.filter((check) => !check.ok).map(({ id }) => id)).toEqual(['no_phantom']);
  });

  it('ends at once when it is cancelled', async () => {
    channel.sendToQueue(names.queue, Buffer.from('left'), { persistent: true });
    await expect.poll(async () => (await channel.checkQueue(names.queue)).messageCount).toBe(1);
    const controller = new AbortController();
    const running = runAudit({
      drainTimeoutMs: 60_000,
      signal: controller.signal,
      onDrainProgress: () => controller.abort(new Error('cancelled')),
    });
    await expect(running).rejects.toThrow(/cancelled|aborted/);
  });

  it('says which way to go when a backend is away', async () => {
    const away = { ...deployment(), amqpUrl: 'amqp://guest:guest@127.0.0.1:1' };
    const error: unknown = await runAudit({ deployment: away }).catch((reason: unknown) => reason);
    if (!(error instanceof FailureError)) throw new Error(`expected a FailureError, got ${String(error)}`);
    expect(error.failure.code).toBe('audit.backendAway');
    expect(error.failure.message).toContain('ECONNREFUSED');
  });
});

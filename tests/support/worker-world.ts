/** A corner of the live backends for tests of the worker: its own namespace, schema and queues, and workers on top. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConfirmChannel } from 'amqplib';
import pg from 'pg';
import { pino } from 'pino';
import { expect } from 'vitest';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import type { Endpoints } from '../../control/cluster/cluster.ts';
import { parseConfig, workerConfigSchema } from '../../services/shared/config.ts';
import { decodeOutcomeEvent, outcomeLines, type OutcomeEvent } from '../../services/shared/events.ts';
import {
  FRAME_CONTENT_TYPE,
  FRAME_VERSION,
  encodeEntry,
  encodeMessage,
  type FrameEntry,
} from '../../services/shared/frame.ts';
import { framedId } from '../../services/shared/ids.ts';
import { outcomeChannel } from '../../services/shared/keys.ts';
import { childMessageSchema, type ChildMessage } from '../../services/shared/messages.ts';
import { applyMigrations } from '../../services/shared/migrations.ts';
import { outcomeAt, type Outcome } from '../../services/shared/outcomes.ts';
import { createPool, quoteIdentifier } from '../../services/shared/postgres.ts';
import { createRedis, type RedisClient } from '../../services/shared/redis.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import { declareTopology, type Topology } from '../../services/shared/amqp/topology.ts';
import { startWorker, type Worker } from '../../services/worker/worker.ts';
import { testEndpoints, uniqueName } from './backends.ts';
import { removeKeys } from './redis-keys.ts';
import { noteTaken } from './taken-log.ts';

const WAIT_LIMIT_MS = 20_000;
const ENTRY = join(import.meta.dirname, '../../services/worker/main.ts');

export interface TestFrame {
  readonly id: string;
  readonly saleId: string;
  readonly entries: readonly FrameEntry[];
}

export interface TicketRow {
  readonly unit_no: number;
  readonly reservation_id: string;
  readonly item_no: number;
  readonly user_id: string;
}

/** Waits until `condition` holds. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = WAIT_LIMIT_MS,
): Promise<void> {
  const deadlineMs = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await sleep(10);
  }
}

/** `count` buyers that no other frame has. */
let buyerNumber = 0;
export function newBuyers(count: number): FrameEntry[] {
  return Array.from({ length: count }, () => ({ userId: `buyer-${++buyerNumber}`, quantity: 1 }));
}

let frameNumber = 0;
export function newFrameId(): string {
  return `gwtest-${(++frameNumber).toString(36)}`;
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

export class WorkerWorld {
  readonly namespace = uniqueName('worker');
  readonly endpoints: Endpoints;
  readonly events: OutcomeEvent[] = [];
  /** Messages that carried them. */
  eventMessages = 0;
  readonly published: TestFrame[] = [];
  readonly #release = new ReleaseStack();
  pool!: pg.Pool;
  redis!: RedisClient;
  store!: SaleStore;
  channel!: ConfirmChannel;
  topology!: Topology;

  /** @param backends in place of the test run's own */
  constructor(backends: Partial<Endpoints> = {}) {
    this.endpoints = { ...testEndpoints(), ...backends };
  }

  async open(): Promise<this> {
    const { namespace, endpoints } = this;
    await applyMigrations({ url: endpoints.postgresUrl, schema: namespace });
    this.pool = createPool({ url: endpoints.postgresUrl, schema: namespace, max: 4, name: 'test' });
    this.#release.add('pool', () => this.pool.end());
    this.#release.add('schema', () => this.pool.query(`DROP SCHEMA ${quoteIdentifier(namespace)} CASCADE`));
    this.redis = createRedis(endpoints.redisUrl, { role: 'control' });
    this.#release.add('redis', () => this.redis.quit());
    this.#release.add('keys', () => removeKeys(this.redis, namespace));
    this.store = new SaleStore(this.redis, namespace);
    const subscriber = createRedis(endpoints.redisUrl, { role: 'subscriber' });
    this.#release.add('subscriber', () => subscriber.quit());
    subscriber.on('message', (_: string, text: string) => {
      this.eventMessages++;
      for (const event of outcomeLines(text).map(decodeOutcomeEvent)) if (event) this.events.push(event);
    });
    await subscriber.subscribe(outcomeChannel(namespace));
    const model = await connect(endpoints.amqpUrl, { noDelay: true });
    this.#release.add('broker', () => model.close());
    this.channel = await model.createConfirmChannel();
    this.topology = await declareTopology(model, namespace, this.endpoints.amqpUrl);
    this.#release.add('queues', async () => {
      await this.channel.deleteQueue(this.topology.queue);
      await this.channel.deleteQueue(this.topology.deadQueue);
      await this.channel.deleteExchange(this.topology.deadExchange);
    });
    return this;
  }

  close(): Promise<void> {
    return this.#release.release();
  }

  /** Ends with the world, before its backends' corner goes. */
  onClose(name: string, undo: () => unknown): void {
    this.#release.add(name, undo);
  }

  async openSale(id: string, stock: number, perBuyerLimit = 1): Promise<void> {
    await this.pool.query('INSERT INTO sales (id, title, stock, per_buyer_limit) VALUES ($1, $1, $2, $3)', [
      id,
      stock,
      perBuyerLimit,
    ]);
    const facts = {
      id,
      title: id,
      stock,
      perBuyerLimit,
      mode: 'queue',
      status: 'open',
      generation: 1,
    } as const;
    await this.store.openSale(facts, 1);
  }

  /** Publishes a frame and waits for the broker's confirm. `id` repeats an earlier one. */
  async publish(
    saleId: string,
    entries: readonly FrameEntry[],
    options: { id?: string; generation?: number; closedAtMs?: number } = {},
  ): Promise<TestFrame> {
    const frame = { id: options.id ?? newFrameId(), saleId, entries };
    const body = entries.map((entry) => encodeEntry(entry.userId, entry.quantity, entry.digest)).join('');
    await this.publishRaw(Buffer.from(body, 'latin1'), frame.id, {
      v: FRAME_VERSION,
      n: entries.length,
      sale: saleId,
      gen: options.generation ?? 1,
      t: options.closedAtMs ?? Date.now(),
    });
    if (options.id === undefined) this.published.push(frame);
    return frame;
  }

  /** Publishes one message with a frame of each of several sales, and waits for the broker's confirm. */
  async publishSeveral(
    parts: readonly { readonly saleId: string; readonly entries: readonly FrameEntry[] }[],
  ): Promise<TestFrame[]> {
    const frames = parts.map((part) => ({ id: newFrameId(), ...part }));
    const sent = frames.map(({ id, saleId, entries }) => {
      const lines = entries.map(({ userId, quantity, digest }) => encodeEntry(userId, quantity, digest));
      return { id, saleId, generation: 1, count: entries.length, lines: lines.join('') };
    });
    const { body, headers } = encodeMessage(sent, Date.now());
    await this.publishRaw(body, frames[0]?.id ?? '', { ...headers });
    this.published.push(...frames);
    return frames;
  }

  async publishRaw(body: Buffer, messageId: string, headers: Record<string, unknown>): Promise<void> {
    this.channel.sendToQueue(this.topology.queue, body, {
      persistent: true,
      contentType: FRAME_CONTENT_TYPE,
      messageId,
      headers,
    });
    await this.channel.waitForConfirms();
  }

  /** Keeps Postgres from recording tickets, or, held `ACCESS EXCLUSIVE`, from reading them, until the returned function is called. */
  async holdTickets(
    mode: 'EXCLUSIVE' | 'ACCESS EXCLUSIVE' = 'ACCESS EXCLUSIVE',
  ): Promise<() => Promise<void>> {
    // Not the pool's: that ends a connection which does nothing while it is taken (dead-connections.ts).
    const client = new pg.Client({ connectionString: this.endpoints.postgresUrl });
    await client.connect();
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${quoteIdentifier(this.namespace)}.tickets IN ${mode} MODE`);
    let isHeld = true;
    const release = async () => {
      if (!isHeld) return;
      isHeld = false;
      // Ends the transaction, too.
      await client.end();
    };
    this.onClose('ticket lock', release);
    return release;
  }

  /** Backends that wait to insert tickets. */
  async waitingInserts(): Promise<number[]> {
    const { rows } = await this.pool.query<{ pid: number }>(
      `SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND NOT l.granted AND l.mode = 'RowExclusiveLock'`,
      [this.namespace],
    );
    return rows.map((row) => row.pid);
  }

  #environment(overrides: Record<string, string>): Record<string, string> {
    return {
      FLASHGRID_NAMESPACE: this.namespace,
      FLASHGRID_AMQP_URL: this.endpoints.amqpUrl,
      FLASHGRID_REDIS_URL: this.endpoints.redisUrl,
      FLASHGRID_POSTGRES_URL: this.endpoints.postgresUrl,
      FLASHGRID_POSTGRES_SCHEMA: this.namespace,
      FLASHGRID_LOG_LEVEL: 'fatal',
      ...overrides,
    };
  }

  /** A worker in this process. */
  async startWorker(overrides: Record<string, string> = {}): Promise<Worker> {
    const config = parseConfig(workerConfigSchema, this.#environment(overrides));
    const worker = await startWorker(config, { log: pino({ level: 'silent' }) });
    this.#release.add('rare paths', () => noteTaken(worker.counters.rare));
    this.#release.add('worker', () => worker.stop());
    return worker;
  }

  /** A worker as a process of its own. */
  forkWorker(overrides: Record<string, string> = {}): ForkedWorker {
    const worker = new ForkedWorker(this.#environment(overrides));
    this.#release.add('forked worker', () => worker.kill());
    return worker;
  }

  /** Frames in the queue that no worker has in hand. */
  async queueLength(): Promise<number> {
    return (await this.channel.checkQueue(this.topology.queue)).messageCount;
  }

  async deadLength(): Promise<number> {
    return (await this.channel.checkQueue(this.topology.deadQueue)).messageCount;
  }

  async tickets(saleId: string): Promise<TicketRow[]> {
    const { rows } = await this.pool.query<TicketRow>(
      'SELECT unit_no, reservation_id, item_no, user_id FROM tickets WHERE sale_id = $1 ORDER BY unit_no',
      [saleId],
    );
    return rows;
  }

  /** The outcome of a frame's reservation as Redis keeps it. */
  async outcome(frame: TestFrame, index: number): Promise<Outcome | undefined> {
    const record = await this.store.readRecord({ saleId: frame.saleId, frameId: frame.id });
    return record === undefined ? undefined : outcomeAt(record, index);
  }

  /** Waits until every frame that was published has had its outcome told since it was last published. */
  async settled(): Promise<void> {
    await waitFor('an outcome for each frame', () => {
      const told = new Set(this.events.map((event) => event.frameId));
      return this.published.every((frame) => told.has(frame.id));
    });
    await waitFor('an empty queue', async () => (await this.queueLength()) === 0);
  }

  /**
   * Holds records against tickets: each reservation has one outcome; what is granted is in Postgres with exactly its units, and nothing
   * else is; no unit twice, none outside the stock, no buyer over the limit; Redis and Postgres agree on what is left.
   */
  async audit(saleId: string, stock: number, perBuyerLimit = 1): Promise<TicketRow[]> {
    const tickets = await this.tickets(saleId);
    const unitsById = groupBy(tickets, (ticket) => ticket.reservation_id);
    for (const frame of this.published.filter((candidate) => candidate.saleId === saleId)) {
      for (const [index, entry] of frame.entries.entries()) {
        if (entry.digest !== undefined) continue;
        const outcome = await this.outcome(frame, index);
        const id = framedId(saleId, frame.id, index);
        const inPostgres = (unitsById.get(id) ?? []).map((ticket) => ticket.unit_no);
        const inRedis = outcome?.status === 'granted' ? [...outcome.units].sort((a, b) => a - b) : [];
        expect(outcome, id).toBeDefined();
        expect(inPostgres, id).toEqual(inRedis);
      }
    }
    expect(new Set(tickets.map((ticket) => ticket.unit_no)).size).toBe(tickets.length);
    expect(tickets.every((ticket) => ticket.unit_no >= 1 && ticket.unit_no <= stock)).toBe(true);
    for (const held of groupBy(tickets, (ticket) => ticket.user_id).values())
      expect(held.length).toBeLessThanOrEqual(perBuyerLimit);
    const sale = await this.store.readSale(saleId);
    expect((sale?.counters.remaining ?? NaN) + tickets.length).toBe(stock);
    return tickets;
  }
}

export class ForkedWorker {
  readonly process: ChildProcess;
  readonly messages: ChildMessage[] = [];
  readonly exited: Promise<number | null>;

  constructor(environment: Record<string, string>) {
    this.process = fork(ENTRY, {
      execArgv: ['--import', 'tsx'],
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.process.on('message', (message) => this.messages.push(childMessageSchema.parse(message)));
    this.exited = new Promise((resolve) => this.process.once('exit', (code) => resolve(code)));
  }

  get firstWord(): ChildMessage | undefined {
    return this.messages.find((message) => message.type !== 'sample');
  }

  async ready(): Promise<void> {
    await waitFor('the first word of the worker', () => this.firstWord !== undefined);
    expect(this.firstWord).toMatchObject({ type: 'ready' });
  }

  async kill(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.exited;
  }
}

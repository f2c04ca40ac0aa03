/** A gateway of its own for a test: namespace, schema, and a hand-driven worker instead of a real one. */
import amqp from 'amqplib';
import pg from 'pg';
import { pino } from 'pino';
import { expect } from 'vitest';
import { gatewayConfigSchema, parseConfig } from '../../services/shared/config.ts';
import { parseMessage } from '../../services/shared/frame.ts';
import type { Frame } from '../../services/shared/frame.ts';
import { applyMigrations } from '../../services/shared/migrations.ts';
import { createPool, quoteIdentifier } from '../../services/shared/postgres.ts';
import { createRedis } from '../../services/shared/redis.ts';
import type { RedisClient } from '../../services/shared/redis.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import { declareTopology, topology } from '../../services/shared/amqp/topology.ts';
import { WorkerCounters } from '../../services/worker/counters.ts';
import { FrameProcessor } from '../../services/worker/frame-processor.ts';
import { TicketWriter } from '../../services/worker/ticket-writer.ts';
import { startGateway } from '../../services/gateway/gateway.ts';
import type { RunningGateway } from '../../services/gateway/gateway.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import { testEndpoints, uniqueName } from './backends.ts';
import { noteTaken } from './taken-log.ts';

const ADMIN_TOKEN = 'test-admin-token-0123456789';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface GatewayWorld {
  readonly namespace: string;
  readonly schema: string;
  /** What a gateway of this world is started with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly queue: string;
  readonly store: SaleStore;
  readonly redis: RedisClient;
  readonly channel: amqp.Channel;
  readonly postgres: pg.Client;
  /** Starts one more gateway of this world; it is stopped with the world. */
  gateway(env?: Readonly<Record<string, string>>, startLimitMs?: number): Promise<RunningGateway>;
  /** Frames in the queue now; takes them out. */
  takeFrames(): Promise<Frame[]>;
  /** Puts another queue in place of the queue, which holds so many messages at most; `undefined`: the real one. */
  limitQueue(most: number | undefined): Promise<void>;
  /** Does what a worker does with all frames in the queue. */
  decideAll(): Promise<void>;
  release(): Promise<void>;
}

/** A namespace and a schema of their own, and what a test needs to look into them. */
export async function createGatewayWorld(): Promise<GatewayWorld> {
  const endpoints = testEndpoints();
  const namespace = uniqueName('gw');
  const schema = uniqueName('gw');
  const names = topology(namespace);
  const stack = new ReleaseStack();
  const log = pino({ level: process.env['FLASHGRID_TEST_LOG'] ?? 'silent' });

  await applyMigrations({ url: endpoints.postgresUrl, schema });
  const postgres = new pg.Client({ connectionString: endpoints.postgresUrl });
  await postgres.connect();
  stack.add('postgres', () => postgres.end());
  stack.add('schema', () => postgres.query(`DROP SCHEMA ${quoteIdentifier(schema)} CASCADE`));
  const redis = createRedis(endpoints.redisUrl, { role: 'control' });
  stack.add('redis', () => redis.quit());
  stack.add('keys', async () => {
    const keys = await redis.keys(`${namespace}:*`);
    if (keys.length > 0) await redis.del(...keys);
  });
  const connection = await amqp.connect(endpoints.amqpUrl);
  // The connection fails when RabbitMQ closes it; the test then fails on its next call.
  connection.on('error', () => undefined);
  stack.add('amqp', () => connection.close());
  const channel = await connection.createChannel();
  stack.add('queues', async () => {
    await channel.deleteQueue(names.queue);
    await channel.deleteQueue(names.deadQueue);
    await channel.deleteExchange(names.deadExchange);
  });
  const store = new SaleStore(redis, namespace);
  const pool = createPool({ url: endpoints.postgresUrl, schema, max: 2, name: 'test' });
  stack.add('pool', () => pool.end());
  const retry = { signal: new AbortController().signal, limitMs: 1_000 };
  const processor = new FrameProcessor({
    store,
    pool,
    writer: new TicketWriter(pool, 1, retry),
    counters: new WorkerCounters(),
    retry,
    onRebuild: () => undefined,
  });

  const takeFrames = async (): Promise<Frame[]> => {
    const frames: Frame[] = [];
    for (;;) {
      const message = await channel.get(names.queue, { noAck: true });
      if (message === false) return frames;
      frames.push(...parseMessage(message.properties.messageId, message.properties.headers, message.content));
    }
  };

  const environment = {
    FLASHGRID_NAMESPACE: namespace,
    FLASHGRID_AMQP_URL: endpoints.amqpUrl,
    FLASHGRID_REDIS_URL: endpoints.redisUrl,
    FLASHGRID_POSTGRES_URL: endpoints.postgresUrl,
    FLASHGRID_POSTGRES_SCHEMA: schema,
    FLASHGRID_ADMIN_TOKEN: ADMIN_TOKEN,
  };
  return {
    namespace,
    environment,
    schema,
    queue: names.queue,
    store,
    redis,
    channel,
    postgres,
    takeFrames,
    gateway: async (env = {}, startLimitMs = 15_000) => {
      const config = parseConfig(gatewayConfigSchema, { ...environment, ...env });
      const gateway = await startGateway(config, log, startLimitMs);
      stack.add('rare paths', () => noteTaken(gateway.sample().rarePaths));
      stack.add('gateway', () => gateway.stop(), 20_000);
      return gateway;
    },
    limitQueue: async (most) => {
      await channel.deleteQueue(names.queue);
      if (most === undefined) {
        await declareTopology(connection, namespace, endpoints.amqpUrl);
        return;
      }
      const limits = { 'x-overflow': 'reject-publish', 'x-max-length': most };
      await channel.assertQueue(names.queue, { arguments: { 'x-queue-type': 'quorum', ...limits } });
    },
    decideAll: async () => {
      for (const frame of await takeFrames()) await processor.process(frame, false);
    },
    release: () => stack.release(),
  };
}

/** Sends a request with a JSON body, or with `body` as it is when it is a text. */
export async function send(
  gateway: Pick<RunningGateway, 'url'>,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(gateway.url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  const json: unknown = text.startsWith('{') ? JSON.parse(text) : { text };
  return { status: response.status, headers: response.headers, body: { ...(json as object) } };
}

/** The same, with the admin token. */
export function sendAsAdmin(
  gateway: Pick<RunningGateway, 'url'>,
  method: string,
  path: string,
  body: unknown,
): Promise<Answer> {
  return send(gateway, method, path, body, { authorization: `Bearer ${ADMIN_TOKEN}` });
}

/** `POST /reserve`. */
export function reserve(
  gateway: Pick<RunningGateway, 'url'>,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return send(gateway, 'POST', '/reserve', body, headers);
}

/** Opens a sale of 20 units through a gateway. @returns its id */
export async function openSale(
  gateway: Parameters<typeof sendAsAdmin>[0],
  facts: Record<string, unknown> = {},
): Promise<string> {
  const id = uniqueName('sale');
  const answer = await sendAsAdmin(gateway, 'POST', '/sales', { id, stock: 20, ...facts });
  expect(answer).toMatchObject({ status: 201, body: { id, status: 'open', generation: 1 } });
  return id;
}

/** The id of an accepted reservation. */
export function idOf(answer: Answer): string {
  const id = answer.body['reservationId'];
  if (typeof id !== 'string') throw new Error(`no reservation id in ${JSON.stringify(answer.body)}`);
  return id;
}

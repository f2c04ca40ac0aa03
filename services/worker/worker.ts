/** Starts and stops a worker. `main.ts` runs one as a process; tests run several in one process. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { collectDefaultMetrics } from 'prom-client';
import type { WorkerConfig } from '../shared/config.ts';
import { describeTrouble, BACKEND_ROLES, BACKEND_TITLES } from '../shared/backend-trouble.ts';
import { BackendWatch, commitToPostgres, writeToRedis } from '../shared/backend-watch.ts';
import { healthKey } from '../shared/keys.ts';
import { createPool, openPool } from '../shared/postgres.ts';
import { reachBackend } from '../shared/reach-backend.ts';
import { RESTARTED, createRedis } from '../shared/redis.ts';
import { taken } from '../shared/rare-paths.ts';
import type { Backends } from '../shared/messages.ts';
import type { Frame } from '../shared/frame.ts';
import { SaleStore } from '../shared/sale-store.ts';
import type { RunningService } from '../shared/service-process.ts';
import { ReleaseStack } from '../shared/release-stack.ts';
import { WorkerCounters } from './counters.ts';
import { FrameConsumer } from './frame-consumer.ts';
import type { ConsumerEvent } from './frame-consumer.ts';
import { FrameProcessor } from './frame-processor.ts';
import { startHealthServer } from './health-server.ts';
import { createMetrics } from './metrics.ts';
import { TicketWriter } from './ticket-writer.ts';
import type { WorkerTracing } from './tracing.ts';

/** ms between two looks whether Redis still knows the sale of the newest frame. */
const KEEP_INTERVAL_MS = 2_000;
/** ms of the stop timeout that are reserved for closing connections. */
const CLOSING_MS = 2_000;
/** ms that closing one connection may take. */
const CLOSE_STEP_MS = 500;
/** ms between two log lines about failed tries. */
const AWAY_LOG_INTERVAL_MS = 5_000;
const UNREACHABLE = 'worker.backendUnreachable';

export interface WorkerParts {
  readonly log: Logger;
  /** Adds memory, garbage collection and event loop to the metrics, for a process of its own. */
  readonly hasProcessMetrics?: boolean;
}

export interface Worker extends RunningService<'worker'> {
  readonly counters: Readonly<WorkerCounters>;
}

/**
 * Connects to all three backends and starts to process frames.
 * @throws ServiceError that names the backend that could not be used
 */
export async function startWorker(
  config: WorkerConfig,
  { log, hasProcessMetrics }: WorkerParts,
): Promise<Worker> {
  const counters = new WorkerCounters();
  const stopping = new AbortController();
  // Every frame that waits for a backend listens to it, up to the prefetch. That is no leak.
  setMaxListeners(0, stopping.signal);
  const undo = new ReleaseStack(CLOSE_STEP_MS);
  const logLeft = (error: unknown): void => log.warn({ err: error }, 'closing failed');
  const logAway = throttled((error: unknown, tries: number) =>
    log.warn({ err: error, tries }, 'a backend is away or refuses writes: trying again'),
  );

  try {
    const tracing = await startTracing(config, log, undo);
    const redis = createRedis(config.FLASHGRID_REDIS_URL, {
      role: 'worker',
      onError: (error) => log.debug({ err: error }, 'redis'),
    });
    undo.add('redis', () => redis.disconnect());
    const pool = createPool({
      url: config.FLASHGRID_POSTGRES_URL,
      schema: config.FLASHGRID_POSTGRES_SCHEMA,
      max: config.FLASHGRID_POSTGRES_POOL,
      name: 'worker',
      onError: (error) => log.debug({ err: error }, 'postgres'),
      onDead: () => counters.rare.postgresLinkDead++,
    });
    undo.add('postgres', () => pool.end());
    await reachBackend({ code: UNREACHABLE, name: 'Redis', url: config.FLASHGRID_REDIS_URL }, () =>
      redis.ping(),
    );
    const postgres = { code: UNREACHABLE, name: 'Postgres', url: config.FLASHGRID_POSTGRES_URL } as const;
    const { isDirect } = await reachBackend(postgres, () => openPool(pool, 'SELECT 1 FROM sales LIMIT 1'));

    const redisWatch: BackendWatch = new BackendWatch({
      operate: writeToRedis(redis, healthKey(config.FLASHGRID_NAMESPACE)),
      proofs: () => counters.decided,
    });
    const postgresWatch: BackendWatch = new BackendWatch({
      operate: commitToPostgres(pool),
      proofs: () => counters.ticketsCommitted,
    });
    for (const one of [redisWatch, postgresWatch]) {
      one.start();
      undo.add('watch', () => one.stop());
    }
    const retryAs = (path: 'commitRetried' | 'decisionRetried') => ({
      signal: stopping.signal,
      onRetry: (error: unknown, tries: number) => {
        counters.rare[path]++;
        logAway(error, tries);
        if (error instanceof pg.DatabaseError) postgresWatch.noteError(error);
        // The error does not say for sure which backend failed. The checks do.
        void redisWatch.check();
        void postgresWatch.check();
      },
    });
    const processor = new FrameProcessor({
      store: new SaleStore(redis, config.FLASHGRID_NAMESPACE),
      pool,
      // One connection is left for rebuilds and look-ups.
      writer: new TicketWriter(
        pool,
        Math.max(1, config.FLASHGRID_POSTGRES_POOL - 1),
        retryAs('commitRetried'),
        counters.rare,
        isDirect,
      ),
      counters,
      retry: retryAs('decisionRetried'),
      onRebuild: (request, result) => log.warn({ ...request, result }, 'sale rebuilt from Postgres'),
    });
    redis.on(RESTARTED, () => {
      counters.rare.redisRestarted++;
      log.warn('Redis has started again: sales are rebuilt from Postgres');
      void processor.rebuildSales((error) => log.warn({ err: error }, 'a sale was not rebuilt'));
    });
    const processAlone = (frame: Frame, isRedelivered: boolean): Promise<void> =>
      tracing === undefined || frame.traceparent === undefined
        ? processor.process(frame, isRedelivered)
        : tracing.process(frame, isRedelivered, (steps) => processor.process(frame, isRedelivered, steps));
    const consumer = new FrameConsumer({
      url: config.FLASHGRID_AMQP_URL,
      namespace: config.FLASHGRID_NAMESPACE,
      name: `flashgrid ${config.FLASHGRID_INSTANCE_ID ?? 'worker'}`,
      prefetch: config.FLASHGRID_PREFETCH,
      counters,
      process: processAlone,
      processSeveral: (frames, isRedelivered) =>
        processor.processSeveral(frames, isRedelivered, processAlone),
      onEvent: (event) => logEvent(log, event),
    });
    let isLooking = false;
    const looking = setInterval(() => {
      // A frame in hand notices it itself, and its worker may have grants that the rebuild would have to wait for.
      if (isLooking || consumer.framesInHand > 0) return;
      isLooking = true;
      void processor
        .keepNewest((error) => log.warn({ err: error }, 'a forgotten sale was not rebuilt'))
        .finally(() => (isLooking = false));
    }, KEEP_INTERVAL_MS);
    undo.add('look at the newest sale', () => clearInterval(looking));
    const backends = (): Backends => ({
      rabbitmq: consumer.health,
      redis: redisWatch.health,
      postgres: postgresWatch.health,
    });
    const registry = createMetrics(counters, () => consumer.framesInHand, backends);
    if (hasProcessMetrics) collectDefaultMetrics({ register: registry });
    const health = await startHealthServer({
      host: config.FLASHGRID_WORKER_HOST,
      port: config.FLASHGRID_WORKER_PORT,
      registry,
      onError: (error) => log.warn({ err: error }, 'a connection to the health server could not be accepted'),
      whyNotReady: () => {
        if (stopping.signal.aborted) return ['The worker is stopping.'];
        const healths = backends();
        return BACKEND_ROLES.filter((role) => healths[role].state !== 'ok').map((role) => {
          const { sinceMs } = healths[role];
          return `${describeTrouble(BACKEND_TITLES[role], healths[role])} Since ${new Date(sinceMs).toISOString()}.`;
        });
      },
    });
    undo.add('health server', () => health.close());
    await reachBackend({ code: UNREACHABLE, name: 'RabbitMQ', url: config.FLASHGRID_AMQP_URL }, () =>
      consumer.start(),
    );

    return {
      port: health.port,
      counters,
      sample: () => ({
        frames: counters.frames,
        decided: counters.decided,
        granted: counters.granted,
        ticketsCommitted: counters.ticketsCommitted,
        framesToPostgres: counters.framesToPostgres,
        repeatedFrames: counters.repeatedFrames,
        deadLettered: counters.deadLettered,
        rebuilds: counters.rebuilds,
        framesInHandNow: consumer.framesInHand,
        rarePaths: taken(counters.rare),
        health: backends(),
      }),
      stop: async () => {
        await consumer.pause();
        const patienceMs = Math.max(100, config.FLASHGRID_STOP_TIMEOUT_MS - CLOSING_MS);
        await Promise.race([consumer.idle(), sleep(patienceMs, undefined, { ref: false })]);
        // Frames that still wait for a backend give up, and RabbitMQ hands them out again.
        stopping.abort();
        await consumer.close();
        await undo.release().catch(logLeft);
      },
    };
  } catch (error) {
    await undo.release().catch(logLeft);
    throw error;
  }
}

/** Begins to send traces, if an endpoint is configured; else their code is not even loaded. */
async function startTracing(
  config: WorkerConfig,
  log: Logger,
  undo: ReleaseStack,
): Promise<WorkerTracing | undefined> {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return undefined;
  const { WorkerTracing } = await import('./tracing.ts');
  const instanceId = config.FLASHGRID_INSTANCE_ID ?? `worker-${process.pid}`;
  return new WorkerTracing({ endpoint, service: 'worker', instanceId, log, undo });
}

function logEvent(log: Logger, event: ConsumerEvent): void {
  switch (event.type) {
    case 'connected':
      return log.info('consuming');
    case 'lost':
      return log.warn({ err: event.error, node: event.node }, 'the broker is away: reconnecting');
    case 'deadLettered':
      return log.warn({ err: event.error, frameId: event.frameId }, 'frame dead-lettered');
    case 'requeued':
      return log.warn({ err: event.error, frameId: event.frameId }, 'frame given back to the queue');
  }
}

/**
 * Calls `action` at most once in AWAY_LOG_INTERVAL_MS: an outage would log a line for every try of every
 * frame.
 */
function throttled<Arguments extends unknown[]>(
  action: (...values: Arguments) => void,
): (...values: Arguments) => void {
  let lastMs = -Infinity;
  return (...values) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < AWAY_LOG_INTERVAL_MS) return;
    lastMs = nowMs;
    action(...values);
  };
}

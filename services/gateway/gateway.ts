/** Starts and stops a gateway: connect, assemble, listen. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setImmediate as nextImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { GatewayConfig } from '../shared/config.ts';
import { saleChangedSchema } from '../shared/events.ts';
import { outcomeChannel, saleChannel } from '../shared/keys.ts';
import { openFileLimit } from '../shared/open-files.ts';
import { openPool } from '../shared/postgres.ts';
import { REACH_LIMIT_MS, reachBackend } from '../shared/reach-backend.ts';
import { taken } from '../shared/rare-paths.ts';
import { ReleaseStack } from '../shared/release-stack.ts';
import type { RunningService } from '../shared/service-process.ts';
import { assembleGateway, type GatewayParts, type GatewayTuning } from './assemble.ts';
import { connectStores, type Stores } from './connect.ts';
import { LISTEN_BACKLOG } from './http-app.ts';
import { parseJson } from '../shared/parse-json.ts';
import type { GatewayTracing } from './tracing.ts';

/** ms between two readings of all cached sales, in case a message was lost. */
const REFRESH_INTERVAL_MS = 15_000;
/** Warnings a second that clients can cause and the log takes. */
const LOG_LINES_PER_SEC = 10;
/**
 * ms without a byte from any client after which a stopping gateway closes idle connections, and ms that this
 * may take.
 */
const DRAIN_QUIET_MS = 500;
const DRAIN_LIMIT_MS = 4_000;
/** ms that finished work may take to be written when the gateway stops, beyond the confirm timeout. */
const STOP_GRACE_MS = 2_000;

const PROBE = 'SELECT 1 FROM sales LIMIT 1';

export interface RunningGateway extends RunningService<'gateway'> {
  readonly gatewayId: string;
  /** `GET /sales/{id}`: every route that it answers. */
  readonly routes: readonly string[];
  /** Base URL. */
  readonly url: string;
}

type Warn = (fields: object, text: string) => void;
type OnError = (what: string, error: unknown) => void;

/** Most ms that `stop` takes. */
export function gatewayStopLimitMs(config: GatewayConfig): number {
  const { FLASHGRID_DRAIN_MS, FLASHGRID_CONFIRM_TIMEOUT_MS } = config;
  return FLASHGRID_DRAIN_MS + DRAIN_LIMIT_MS + FLASHGRID_CONFIRM_TIMEOUT_MS + 4 * STOP_GRACE_MS;
}

/**
 * Starts a gateway; resolves when it takes reservations.
 * @param limitMs ms that each of RabbitMQ, Redis and Postgres may take to answer
 * @throws ServiceError that names the backend that could not be used
 */
export async function startGateway(
  config: GatewayConfig,
  log: Logger,
  limitMs = REACH_LIMIT_MS,
  tuning: GatewayTuning = {},
): Promise<RunningGateway> {
  const gatewayId = newGatewayId();
  const warn = boundedWarn(log);
  const onError: OnError = (what, error) => warn({ err: error }, what);
  const undo = new ReleaseStack(STOP_GRACE_MS);
  const release = (): Promise<void> =>
    undo.release().catch((error: unknown) => log.warn({ err: error }, 'closing failed'));
  let isStopping = false;

  try {
    const tracing = await startTracing(config, log, undo, gatewayId);
    const stores = connectStores(config, log, undo);
    const openFiles = await openFileLimit();
    const parts = assembleGateway({
      config,
      log,
      gatewayId,
      undo,
      stores,
      tuning,
      tracing,
      isStopping: () => isStopping,
      openFiles,
      onError,
    });
    await reachBackends(config, limitMs, undo, stores, parts);
    keepFresh(undo, stores, parts, onError);
    const port = await listen(config, parts, warn);

    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      isStopping = true;
      await finishRequests(config, parts);
      await release();
    };
    const { backends, counters, collector, link, routes } = parts;
    return {
      gatewayId,
      routes,
      port,
      url: `http://${urlHost(config.FLASHGRID_GATEWAY_HOST)}:${port}`,
      sample: () => ({
        accepted: counters.accepted,
        frames: counters.frames,
        rejected: counters.rejectedByClass(),
        unconfirmedNow: collector.unconfirmedNow,
        isBrokerUp: link.state === 'up',
        rarePaths: taken(counters.rare),
        health: backends(),
      }),
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Begins to send traces, if an endpoint is configured; else their code is not even loaded. */
async function startTracing(
  config: GatewayConfig,
  log: Logger,
  undo: ReleaseStack,
  gatewayId: string,
): Promise<GatewayTracing | undefined> {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return undefined;
  const { GatewayTracing } = await import('./tracing.ts');
  const instanceId = config.FLASHGRID_INSTANCE_ID ?? gatewayId;
  return new GatewayTracing(
    { endpoint, service: 'gateway', instanceId, log, undo },
    config.FLASHGRID_TRACE_EVERY,
  );
}

/** Waits until all three backends have done what the gateway needs of them. */
async function reachBackends(
  config: GatewayConfig,
  limitMs: number,
  undo: ReleaseStack,
  { subscriber, pool, redisWatch, postgresWatch }: Stores,
  { link, live, cache, store }: GatewayParts,
): Promise<void> {
  const namespace = config.FLASHGRID_NAMESPACE;
  const outcomes = outcomeChannel(namespace);
  subscriber.on('message', (channel: string, text: string) => {
    if (channel === outcomes) {
      live.onOutcome(text);
      return;
    }
    // Any program may publish on a channel.
    const facts = parseJson(text, saleChangedSchema)?.sale;
    if (facts === undefined) return;
    cache.put(facts);
    live.touch(facts.id);
  });
  link.start();
  undo.add('rabbitmq', () => link.close());
  await Promise.all([
    reachBackend(
      { code: 'gateway.rabbitmqAway', name: 'RabbitMQ', url: config.FLASHGRID_AMQP_URL, limitMs },
      async () => {
        if (!(await link.whenUp(limitMs))) throw new Error(link.lastError ?? 'no answer');
      },
    ),
    reachBackend(
      { code: 'gateway.redisAway', name: 'Redis', url: config.FLASHGRID_REDIS_URL, limitMs },
      async () => {
        // Subscribes before it reads the sales, so that no change falls between the two.
        await subscriber.subscribe(outcomes, saleChannel(namespace));
        await Promise.all((await store.listSaleIds()).map((saleId) => cache.refresh(saleId)));
      },
    ),
    reachBackend(
      { code: 'gateway.postgresAway', name: 'Postgres', url: config.FLASHGRID_POSTGRES_URL, limitMs },
      () => openPool(pool, PROBE),
    ),
  ]);
  redisWatch.start();
  postgresWatch.start();
}

/** Keeps the cached sales and the clock of frames up to date, also after messages were lost. */
function keepFresh(
  undo: ReleaseStack,
  { subscriber }: Stores,
  { cache, clock, live }: GatewayParts,
  onError: OnError,
): void {
  const refresh = (saleIds: readonly string[]): void => {
    Promise.all(saleIds.map((saleId) => cache.refresh(saleId))).catch((error: unknown) =>
      onError('reading the sales again', error),
    );
  };
  subscriber.on('ready', () => {
    refresh(cache.ids());
    live.catchUp();
  });
  const refreshTimer = setInterval(() => refresh(cache.takeUsed()), REFRESH_INTERVAL_MS);
  undo.add('sale cache', () => clearInterval(refreshTimer));
  const clockTimer = setInterval(() => clock.mark(performance.now()), 1_000);
  undo.add('frame clock', () => clearInterval(clockTimer));
}

/** @returns the port */
async function listen(config: GatewayConfig, { app, peers }: GatewayParts, warn: Warn): Promise<number> {
  await app.ready();
  // Not Fastify's listen, which makes a second server for localhost, without the fast path.
  app.server.listen({
    host: config.FLASHGRID_GATEWAY_HOST,
    port: config.FLASHGRID_GATEWAY_PORT,
    backlog: LISTEN_BACKLOG,
  });
  await once(app.server, 'listening');
  watchAccepts(app.server, warn);
  const address = app.server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  peers.announce(config.FLASHGRID_GATEWAY_HOST, port);
  return port;
}

/**
 * Ends the HTTP side without losing a request. /readyz already says 503, so load balancers leave; then no
 * connection is accepted any more, and each open one ends with its next answer.
 */
async function finishRequests(
  config: GatewayConfig,
  { app, fastPath, live, reserve }: GatewayParts,
): Promise<void> {
  fastPath.isClosing = true;
  await sleep(config.FLASHGRID_DRAIN_MS);
  // At this point of a turn the kernel's queue of connections is empty. Connections left in it would be
  // reset.
  await nextImmediate();
  stopListening(app.server);
  live.close();
  await fastPath.drain(DRAIN_QUIET_MS, DRAIN_LIMIT_MS);
  reserve.stop();
  fastPath.close();
  // Fastify waits for the requests in hand, and so for their frames.
  const limit = setTimeout(() => fastPath.destroy(), config.FLASHGRID_CONFIRM_TIMEOUT_MS + STOP_GRACE_MS);
  await app.close();
  clearTimeout(limit);
}

/**
 * Stops accepting. Node's HTTP server would also close idle connections, on which requests may be on their
 * way.
 */
function stopListening(server: Server): void {
  NetServer.prototype.close.call(server);
}

/** A log that no client can flood: past LOG_LINES_PER_SEC lines are dropped, and counted in the next one. */
function boundedWarn(log: Logger): Warn {
  let second = 0;
  let lines = 0;
  return (fields, text) => {
    const nowSec = Math.floor(performance.now() / 1_000);
    if (nowSec !== second) {
      if (lines > LOG_LINES_PER_SEC) log.warn(`${lines - LOG_LINES_PER_SEC} lines like these were left out`);
      second = nowSec;
      lines = 0;
    }
    if (++lines <= LOG_LINES_PER_SEC) log.warn(fields, text);
  };
}

/**
 * Without a listener, the error of a connection that can't be accepted for want of files ends the process.
 */
function watchAccepts(server: Server, warn: Warn): void {
  const text = 'connections could not be accepted: raise the limit of open files, or use more gateways';
  server.on('error', (error) => warn({ err: error }, text));
  server.on('drop', () => warn({ maxConnections: server.maxConnections }, text));
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function newGatewayId(): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');
}

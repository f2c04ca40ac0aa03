/** Puts the gateway together, starts it and stops it. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setImmediate as nextImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { GatewayConfig } from '../shared/config.ts';
import { saleChangedSchema } from '../shared/events.ts';
import { BackendWatch, commitToPostgres, writeToRedis } from '../shared/backend-watch.ts';
import { RECORD_RETENTION_MS, gatewayKey, healthKey, outcomeChannel, saleChannel } from '../shared/keys.ts';
import { openFileLimit } from '../shared/open-files.ts';
import { createPool, openPool } from '../shared/postgres.ts';
import type { PrismaClient } from '../shared/prisma.ts';
import { createRedis } from '../shared/redis.ts';
import { SaleStore } from '../shared/sale-store.ts';
import { saleFactsSchema } from '../shared/sales.ts';
import type { RunningService } from '../shared/service-process.ts';
import { ReleaseStack } from '../shared/release-stack.ts';
import { withLimit } from '../shared/time-limit.ts';
import { hostCheck } from '../shared/host-check.ts';
import { BrokerLink } from './broker-link.ts';
import { FastPath } from './fast-path/fast-path.ts';
import { FrameClock } from './frame-clock.ts';
import { FrameCollector } from './frame-collector.ts';
import { GatewayCounters } from './gateway-counters.ts';
import { Health, isGone } from './health.ts';
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_MS, LISTEN_BACKLOG, createHttpApp } from './http-app.ts';
import { ADDRESS_TTL_MS, LivePeers } from './live-peers.ts';
import { LiveUpdates } from './live-updates.ts';
import { GatewayMetrics } from './metrics.ts';
import { ReservationLookup } from './reservation-lookup.ts';
import { ReserveAnswerer, ReserveHandler, fixedRefusals } from './reserve-handler.ts';
import type { ReserveReply } from './reserve-reply.ts';
import { addRoutes } from './routes.ts';
import { SaleAdmin } from './sale-admin.ts';
import { SaleCache } from './sale-cache.ts';
import { startPart } from './start-part.ts';

/** Frames that may wait for their confirm before reservations gather in the next one. Few large frames cost the broker less than many small ones. */
const MAX_FLIGHTS = 2;
/** ms that each of broker, Redis and Postgres may take to answer when the gateway starts. */
const START_LIMIT_MS = 15_000;
/** ms that Redis may take to tell of a key, before the reservation is taken without: the worker looks again. */
const KEY_LOOKUP_LIMIT_MS = 500;
const LATE = 'Redis did not answer';
/** ms between two readings of all cached sales, in case a message was lost. */
const REFRESH_INTERVAL_MS = 15_000;
/** Files and sockets that are kept for everything but clients: backends, logs, forwarded live connections of other gateways. */
const RESERVED_FILES = 128;
/** Lines that the log takes a second of what clients can cause. */
const LOG_LINES_PER_SEC = 10;
/** ms without a byte from any client after which idle connections are closed when the gateway stops, and how long that may take. */
const DRAIN_QUIET_MS = 500;
const DRAIN_LIMIT_MS = 4_000;
/** ms that finished work may take to be written when the gateway stops, beyond the confirm timeout. */
const STOP_GRACE_MS = 2_000;

/** Connections for look-ups, and for the admin routes. */
const POSTGRES_CONNECTIONS = 4;

const PROBE = 'SELECT 1 FROM sales LIMIT 1';
const SELECT_FACTS = `SELECT id, title, stock, per_buyer_limit AS "perBuyerLimit", mode, status, generation
  FROM sales WHERE id = $1`;
const SELECT_TICKET = 'SELECT 1 FROM tickets WHERE reservation_id = $1 LIMIT 1';
const SELECT_TICKETS = `SELECT reset_epoch, unit_no FROM sales LEFT JOIN tickets ON reservation_id = $2
  WHERE id = $1 ORDER BY item_no`;

export interface RunningGateway extends RunningService<'gateway'> {
  readonly gatewayId: string;
  /** `GET /sales/{id}`: every route that it answers. */
  readonly routes: readonly string[];
  /** Base URL. */
  readonly url: string;
}

/** ms that `stop` takes at the most. */
export function gatewayStopLimitMs(config: GatewayConfig): number {
  const { FLASHGRID_DRAIN_MS, FLASHGRID_CONFIRM_TIMEOUT_MS } = config;
  return FLASHGRID_DRAIN_MS + DRAIN_LIMIT_MS + FLASHGRID_CONFIRM_TIMEOUT_MS + 4 * STOP_GRACE_MS;
}

/** What the bench varies. */
export interface GatewayTuning {
  /** See MAX_FLIGHTS. */
  readonly maxFlights?: number;
  /** Runs a function when an open frame is due; by default at the end of this turn of the event loop. */
  readonly schedule?: (run: () => void) => void;
}

/**
 * Starts a gateway; resolves when it takes reservations.
 * @param startLimitMs ms that each of broker, Redis and Postgres may take to answer
 * @throws ServiceError naming the part that is away
 */
export async function startGateway(
  config: GatewayConfig,
  log: Logger,
  startLimitMs = START_LIMIT_MS,
  tuning: GatewayTuning = {},
): Promise<RunningGateway> {
  const namespace = config.FLASHGRID_NAMESPACE;
  const retryAfterSec = config.FLASHGRID_RETRY_AFTER_SEC;
  const gatewayId = newGatewayId();
  const undo = new ReleaseStack(STOP_GRACE_MS);
  const logLeft = (error: unknown): void => log.warn({ err: error }, 'closing failed');
  const warn = boundedWarn(log);
  const onError = (what: string, error: unknown): void => warn({ err: error }, what);

  try {
    const redis = createRedis(config.FLASHGRID_REDIS_URL, {
      role: 'gateway',
      onError: (error) => log.warn({ err: error }, 'Redis'),
    });
    undo.add('redis', () => redis.disconnect());
    const subscriber = createRedis(config.FLASHGRID_REDIS_URL, {
      role: 'subscriber',
      onError: (error) => log.debug({ err: error }, 'Redis, subscription'),
    });
    undo.add('subscriber', () => subscriber.disconnect());
    const schema = config.FLASHGRID_POSTGRES_SCHEMA;
    const pool = createPool({
      url: config.FLASHGRID_POSTGRES_URL,
      schema,
      max: POSTGRES_CONNECTIONS,
      name: 'gateway',
      onError: (error) => log.warn({ err: error }, 'Postgres'),
    });
    undo.add('postgres', () => pool.end());
    let client: Promise<PrismaClient> | undefined;
    const prisma = (): Promise<PrismaClient> =>
      (client ??= import('../shared/prisma.ts').then(({ createPrisma }) => createPrisma({ pool, schema })));
    undo.add('prisma', async () => (await client)?.$disconnect());

    const watch = (name: string, operate: () => Promise<unknown>): BackendWatch =>
      new BackendWatch({
        operate,
        onChange: ({ state, reason }) => {
          if (state === 'ok') log.info(`${name} serves again`);
          else log.warn({ state, reason }, `${name} does not serve`);
        },
      });
    const redisWatch = watch('Redis', writeToRedis(redis, healthKey(namespace)));
    const postgresWatch = watch('Postgres', commitToPostgres(pool));
    for (const one of [redisWatch, postgresWatch]) undo.add('watch', () => one.stop());
    const store = new SaleStore(redis, namespace);
    const counters = new GatewayCounters();
    const cache = new SaleCache({
      fromRedis: async (saleId) => {
        // Postgres knows it too, and at once.
        if (isGone(redisWatch.health)) return undefined;
        const view = await store.readSale(saleId);
        // Without the counters, which are old at once.
        return view === undefined ? undefined : saleFactsSchema.parse(view);
      },
      fromPostgres: async (saleId) => {
        if (isGone(postgresWatch.health)) throw new Error(`Postgres: ${postgresWatch.health.reason}`);
        const { rows } = await pool.query(SELECT_FACTS, [saleId]);
        // Whether it is sold out is not known here; a worker will say.
        return rows.length === 0 ? undefined : saleFactsSchema.parse({ ...rows[0], isSoldOut: false });
      },
    });
    const admin = new SaleAdmin({
      prisma,
      schema: config.FLASHGRID_POSTGRES_SCHEMA,
      store,
      onChanged: (facts) => cache.put(facts),
      onError,
    });

    const link: BrokerLink = new BrokerLink({
      url: config.FLASHGRID_AMQP_URL,
      namespace,
      name: `flashgrid gateway ${gatewayId}`,
      confirmTimeoutMs: config.FLASHGRID_CONFIRM_TIMEOUT_MS,
      log,
      onFlushDue: () => collector.flush(),
    });
    const metrics: GatewayMetrics = new GatewayMetrics({
      counters,
      unconfirmedNow: () => collector.unconfirmedNow,
      linkState: () => link.state,
      clientCount: () => live.clientCount,
    });
    const answerer = new ReserveAnswerer(
      counters,
      retryAfterSec,
      () => link.health,
      (count, end, tookMs) => metrics.observeFrame(count, end, tookMs),
    );
    const collector: FrameCollector<ReserveReply> = new FrameCollector<ReserveReply>({
      gatewayId,
      maxFrame: config.FLASHGRID_MAX_FRAME,
      maxUnconfirmed: config.FLASHGRID_MAX_UNCONFIRMED,
      maxFlights: tuning.maxFlights ?? MAX_FLIGHTS,
      ...(tuning.schedule === undefined ? {} : { schedule: tuning.schedule }),
      publisher: link,
      answerer,
    });
    const reserve = new ReserveHandler({
      sales: cache,
      keys: {
        record: async ({ id: saleId, generation }, digest) => {
          // The worker looks again; nobody waits here for what is known not to come.
          if (isGone(redisWatch.health)) throw new Error(`Redis: ${redisWatch.health.reason}`);
          const ref = { kind: 'keyed', saleId, digest } as const;
          // Used anew since a reset: nobody is to be told what it came to before.
          if (generation > 1) void store.deleteKey(ref, generation - 1).catch(() => undefined);
          return withLimit(store.readKeyed(ref, generation), KEY_LOOKUP_LIMIT_MS, LATE);
        },
        isGranted: async ({ id: saleId, generation }, reservationId) => {
          const held = isGone(redisWatch.health)
            ? undefined
            : await withLimit(store.readEpoch(saleId), KEY_LOOKUP_LIMIT_MS, LATE).catch(() => undefined);
          // As long as Redis knows the sale, it knows every grant under a key.
          if (held !== undefined && held.generation >= generation) return false;
          const { rowCount } = await pool.query(SELECT_TICKET, [reservationId]);
          return rowCount !== 0;
        },
      },
      collector,
      answerer,
      refusals: fixedRefusals(retryAfterSec),
      linkState: () => link.state,
      brokerHealth: () => link.health,
      retryAfterSec,
      onLookupError: (saleId, error) => onError(`looking up sale ${saleId}`, error),
    });
    const clock = new FrameClock(gatewayId, RECORD_RETENTION_MS, () => collector.lastSeq);
    const lookup = new ReservationLookup({
      findSale: (saleId) => cache.find(saleId),
      readRecord: async (ref) => {
        if (ref.kind === 'framed') return store.readRecord(ref);
        const generation = (await cache.find(ref.saleId))?.generation ?? 1;
        const record = await store.readKeyed(ref, generation);
        // What was accepted before a reset is refused by it under the generation of then.
        return record ?? (generation > 1 ? store.readKeyed(ref, generation - 1) : undefined);
      },
      readTickets: async (saleId, reservationId) => {
        const { rows } = await pool.query<{ reset_epoch: number; unit_no: number | null }>(SELECT_TICKETS, [
          saleId,
          reservationId,
        ]);
        return {
          units: rows.flatMap((row) => row.unit_no ?? []),
          resetEpoch: rows[0]?.reset_epoch ?? 0,
        };
      },
      knownFrame: (frameId) => clock.ask(frameId, Date.now()),
    });
    let isStopping = false;
    const health = new Health({
      broker: () => link.health,
      redis: redisWatch,
      postgres: postgresWatch,
      isStopping: () => isStopping,
    });

    const isHostAllowed = hostCheck(config.FLASHGRID_GATEWAY_HOST, config.FLASHGRID_GATEWAY_HOSTS);
    const routes: string[] = [];
    const app = createHttpApp({
      isHostAllowed,
      onUnexpected: (request, error) =>
        log.error(
          { err: error, method: request.method, route: request.routeOptions.url },
          'unexpected error',
        ),
      onRefused: (route, given) => {
        if (route === '/reserve') counters.refused[given.kind]++;
      },
    });
    app.addHook('onRoute', ({ method, url }) => {
      // HEAD comes with every GET.
      for (const each of [method].flat())
        if (each !== 'HEAD') routes.push(`${each} ${url.replace(/:(\w+)/g, '{$1}')}`);
    });
    addRoutes(app, {
      adminToken: config.FLASHGRID_ADMIN_TOKEN,
      reserve,
      lookup,
      admin,
      health,
      metrics,
      retryAfterSec,
      onStoreError: onError,
    });
    const fastPath = new FastPath({
      server: app.server,
      isHostAllowed,
      requestLimitSec: HEADERS_TIMEOUT_MS / 1_000,
      keepAliveSec: KEEP_ALIVE_MS / 1_000,
      handleReserve: (body, key, reply) => reserve.handle(body, key, reply),
    });
    undo.add('fast path', () => fastPath.destroy());
    const openFiles = await openFileLimit();
    const maxConnections =
      openFiles === undefined ? Infinity : Math.max(openFiles - RESERVED_FILES, RESERVED_FILES);
    if (maxConnections < Infinity) app.server.maxConnections = maxConnections;
    const maxClients = Math.min(config.FLASHGRID_MAX_LIVE_CLIENTS, Math.floor(maxConnections / 2));
    const peers = new LivePeers({
      gatewayId,
      maxPassed: maxClients,
      saveAddress: (address) => {
        const key = gatewayKey(namespace, gatewayId);
        return address === undefined ? redis.del(key) : redis.set(key, address, 'PX', ADDRESS_TTL_MS);
      },
      findAddress: (id) => redis.get(gatewayKey(namespace, id)),
      onError,
    });
    undo.add('live peers', () => peers.close());
    const live: LiveUpdates = new LiveUpdates({
      server: app.server,
      peers,
      maxClients,
      knowsSale: (saleId) => cache.get(saleId) !== undefined,
      findSale: (saleId) => cache.find(saleId),
      isHostAllowed,
      readSale: (saleId) => store.readSale(saleId),
      lookup,
      acceptedOf: (saleId) => counters.acceptedBySale.get(saleId) ?? 0,
      onError,
    });
    undo.add('live updates', () => live.close());

    const outcomes = outcomeChannel(namespace);
    subscriber.on('message', (channel: string, text: string) => {
      if (channel === outcomes) {
        live.onOutcome(text);
        return;
      }
      const facts = parseSaleChanged(text);
      if (facts === undefined) return;
      cache.put(facts);
      live.touch(facts.id);
    });

    link.start();
    undo.add('rabbitmq', () => link.close());
    await Promise.all([
      startPart('RabbitMQ', config.FLASHGRID_AMQP_URL, startLimitMs, async () => {
        if (!(await link.whenUp(startLimitMs))) throw new Error(link.lastError ?? 'no answer');
      }),
      startPart('Redis', config.FLASHGRID_REDIS_URL, startLimitMs, async () => {
        // Subscribed before the sales are read: no change falls between the two.
        await subscriber.subscribe(outcomes, saleChannel(namespace));
        await refreshSales(cache, await store.listSaleIds());
      }),
      startPart('Postgres', config.FLASHGRID_POSTGRES_URL, startLimitMs, () => openPool(pool, PROBE)),
    ]);
    redisWatch.start();
    postgresWatch.start();
    // After a lost connection, what was said meanwhile was not heard.
    subscriber.on('ready', () => {
      refreshSales(cache, cache.ids()).catch((error: unknown) => onError('reading the sales again', error));
      live.catchUp();
    });

    const marks = setInterval(() => clock.mark(Date.now()), 1_000);
    undo.add('frame clock', () => clearInterval(marks));
    const refresh = setInterval(() => {
      refreshSales(cache, cache.ids()).catch((error: unknown) => onError('reading the sales again', error));
    }, REFRESH_INTERVAL_MS);
    undo.add('sale cache', () => clearInterval(refresh));

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

    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      // First /readyz says so, then no more connections are taken, and those that there are end with their next answer.
      isStopping = true;
      fastPath.isClosing = true;
      await sleep(config.FLASHGRID_DRAIN_MS);
      // At this point of a turn, all connections that the kernel held are accepted; those left when it stops are reset.
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
      await undo.release().catch(logLeft);
    };
    return {
      gatewayId,
      routes,
      port,
      url: `http://${urlHost(config.FLASHGRID_GATEWAY_HOST)}:${port}`,
      sample: () => ({
        accepted: counters.accepted,
        frames: counters.frames,
        refused: counters.refusedByClass(),
        unconfirmedNow: collector.unconfirmedNow,
        isBrokerUp: link.state === 'up',
        health: { rabbitmq: link.health, redis: redisWatch.health, postgres: postgresWatch.health },
      }),
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    await undo.release().catch(logLeft);
    throw error;
  }
}

/** Stops taking connections and leaves those that there are: Node's HTTP server would close the idle ones, with requests on their way. */
function stopListening(server: Server): void {
  NetServer.prototype.close.call(server);
}

/** A log that no client can flood: LOG_LINES_PER_SEC at the most; the next line tells how many were left out. */
function boundedWarn(log: Logger): (fields: object, text: string) => void {
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

/** A connection that can't be accepted for want of files is an event of the server, which ends the process when nobody listens. */
function watchAccepts(server: Server, warn: (fields: object, text: string) => void): void {
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

async function refreshSales(cache: SaleCache, saleIds: readonly string[]): Promise<void> {
  await Promise.all(saleIds.map((saleId) => cache.refresh(saleId)));
}

function parseSaleChanged(text: string) {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Not ours: anybody may publish on a channel.
    return undefined;
  }
  const parsed = saleChangedSchema.safeParse(json);
  return parsed.success ? parsed.data.sale : undefined;
}

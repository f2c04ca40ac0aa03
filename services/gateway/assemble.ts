/** Makes the gateway's parts and ties them together. Nothing here connects, listens or waits. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { GatewayConfig } from '../shared/config.ts';
import { hostCheck } from '../shared/host-check.ts';
import { RECORD_RETENTION_MS, gatewayKey } from '../shared/keys.ts';
import type { Backends } from '../shared/messages.ts';
import type { ReleaseStack } from '../shared/release-stack.ts';
import { SaleStore } from '../shared/sale-store.ts';
import { BrokerLink } from './broker-link.ts';
import type { Stores } from './connect.ts';
import { FastPath } from './fast-path/fast-path.ts';
import { FrameClock } from './frame-clock.ts';
import { BUCKET_AGE_MS, FrameCollector } from './frame-collector.ts';
import { GatewayCounters } from './gateway-counters.ts';
import { Health } from './health.ts';
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_MS, createHttpApp } from './http-app.ts';
import { ADDRESS_TTL_MS, LivePeers } from './live-peers.ts';
import { LiveUpdates } from './live-updates.ts';
import { GatewayMetrics } from './metrics.ts';
import { ReservationLookup } from './reservation-lookup.ts';
import { ReserveAnswerer, ReserveHandler, fixedRejections } from './reserve-handler.ts';
import type { HandleReserve, ReserveReply } from './reserve-reply.ts';
import { addRoutes } from './routes.ts';
import { SaleAdmin } from './sale-admin.ts';
import { SaleCache } from './sale-cache.ts';
import { StoreReader } from './store-reader.ts';
import type { GatewayTracing } from './tracing.ts';

/**
 * Messages that may wait for their confirm before reservations gather in the next one. Few large ones cost
 * the broker less than many small ones.
 */
const MAX_FLIGHTS = 2;
/**
 * ms between two messages while many reservations come. A message costs broker, worker and Redis about 1 ms of CPU together,
 * however few reservations are in it (docs/speed.md, "An open rate").
 */
const MESSAGE_GAP_MS = 2;
/**
 * Files and sockets that are kept for everything but clients: backends, logs, connections passed on by other
 * gateways.
 */
const RESERVED_FILES = 128;

/** What the bench varies. */
export interface GatewayTuning {
  /** See MAX_FLIGHTS. */
  readonly maxFlights?: number;
  /** See MESSAGE_GAP_MS. */
  readonly gapMs?: number;
  /** Runs a function when an open frame is due; by default at the end of this turn of the event loop. */
  readonly schedule?: (run: () => void) => void;
}

export interface AssemblyInput {
  readonly config: GatewayConfig;
  readonly log: Logger;
  readonly gatewayId: string;
  readonly undo: ReleaseStack;
  readonly stores: Stores;
  readonly tuning: GatewayTuning;
  /** `undefined` while there are no traces. */
  readonly tracing: GatewayTracing | undefined;
  readonly isStopping: () => boolean;
  /** Open files that the process may have; `undefined` when there is no limit. */
  readonly openFiles: number | undefined;
  readonly onError: (what: string, error: unknown) => void;
}

export type GatewayParts = ReturnType<typeof assembleGateway>;

/** The parts that take a reservation from the request to its confirm, and the HTTP side around them. */
export function assembleGateway(input: AssemblyInput) {
  const { config, log, gatewayId, undo, stores, tuning, tracing, onError } = input;
  const { prisma, redisWatch, postgresWatch } = stores;
  const namespace = config.FLASHGRID_NAMESPACE;
  const retryAfterSec = config.FLASHGRID_RETRY_AFTER_SEC;

  const store = new SaleStore(stores.redis, namespace);
  const counters = new GatewayCounters();
  const { rare } = counters;
  const reader = new StoreReader(store, stores, rare);
  const cache = new SaleCache(reader);
  const link: BrokerLink = new BrokerLink({
    url: config.FLASHGRID_AMQP_URL,
    namespace,
    name: `flashgrid gateway ${gatewayId}`,
    confirmTimeoutMs: config.FLASHGRID_CONFIRM_TIMEOUT_MS,
    rare,
    log,
    onFlushDue: () => collector.flush(),
  });
  const backends = (): Backends => ({
    rabbitmq: link.health,
    redis: redisWatch.health,
    postgres: postgresWatch.health,
  });
  const metrics: GatewayMetrics = new GatewayMetrics({
    counters,
    backends,
    queueLength: () => link.queueLength(),
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
    maxFlights: MAX_FLIGHTS,
    gapMs: MESSAGE_GAP_MS,
    ...tuning,
    publisher: link,
    rare,
    answerer,
    traceMessage: tracing && ((frames) => tracing.message(frames)),
  });
  const reserve = new ReserveHandler({
    sales: cache,
    keys: reader,
    collector,
    answerer,
    rare,
    rejections: fixedRejections(retryAfterSec),
    linkState: () => link.state,
    brokerHealth: () => link.health,
    retryAfterSec,
    onLookupError: (saleId, error) => onError(`looking up sale ${saleId}`, error),
  });
  const handleReserve: HandleReserve =
    tracing === undefined
      ? (body, key, reply) => reserve.handle(body, key, reply)
      : (body, key, reply, traceparent) => reserve.handle(body, key, tracing.follow(reply, traceparent));
  const clock = new FrameClock(gatewayId, RECORD_RETENTION_MS + BUCKET_AGE_MS, () => collector.lastBucket);
  const lookup = new ReservationLookup({
    findSale: (saleId) => cache.find(saleId),
    readRecord: (ref) => reader.readRecord(ref, async () => (await cache.find(ref.saleId))?.generation ?? 1),
    readTickets: (saleId, reservationId) => reader.readTickets(saleId, reservationId),
    rare,
    knownFrame: (ref) => (collector.isUnused(ref) ? 'never-sent' : clock.ask(ref.frameId, performance.now())),
  });

  const isHostAllowed = hostCheck(config.FLASHGRID_GATEWAY_HOST, config.FLASHGRID_GATEWAY_HOSTS);
  const app = createHttpApp({
    isHostAllowed,
    onUnexpected: (request, error) =>
      log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'unexpected error'),
    onRejected: (route, given) => {
      if (route === '/reserve') counters.countRejection(given.kind);
    },
  });
  const routes = listRoutes(app);
  addRoutes(app, {
    adminToken: config.FLASHGRID_ADMIN_TOKEN,
    handleReserve,
    lookup,
    admin: new SaleAdmin({
      prisma,
      schema: config.FLASHGRID_POSTGRES_SCHEMA,
      store,
      onChanged: (facts) => cache.put(facts),
      onError,
    }),
    health: new Health({
      broker: () => link.health,
      redis: redisWatch,
      postgres: postgresWatch,
      isStopping: input.isStopping,
    }),
    metrics,
    retryAfterSec,
    onStoreError: onError,
  });
  const fastPath = new FastPath({
    server: app.server,
    isHostAllowed,
    requestLimitSec: HEADERS_TIMEOUT_MS / 1_000,
    keepAliveSec: KEEP_ALIVE_MS / 1_000,
    handleReserve,
  });
  undo.add('fast path', () => fastPath.destroy());

  const maxConnections =
    input.openFiles === undefined ? Infinity : Math.max(input.openFiles - RESERVED_FILES, RESERVED_FILES);
  if (maxConnections < Infinity) app.server.maxConnections = maxConnections;
  const maxClients = Math.min(config.FLASHGRID_MAX_LIVE_CLIENTS, Math.floor(maxConnections / 2));
  const peers = new LivePeers({
    gatewayId,
    maxPassed: maxClients,
    saveAddress: (address) => {
      const key = gatewayKey(namespace, gatewayId);
      return address === undefined
        ? stores.redis.del(key)
        : stores.redis.set(key, address, 'PX', ADDRESS_TTL_MS);
    },
    findAddress: (id) => stores.redis.get(gatewayKey(namespace, id)),
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
  return {
    app,
    backends,
    cache,
    clock,
    collector,
    counters,
    fastPath,
    link,
    live,
    peers,
    reserve,
    routes,
    store,
  };
}

/** Fills with every route that is added to the app, as `GET /sales/{id}`. */
function listRoutes(app: FastifyInstance): readonly string[] {
  const routes: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    // HEAD comes with every GET.
    for (const each of [method].flat())
      if (each !== 'HEAD') routes.push(`${each} ${url.replace(/:(\w+)/g, '{$1}')}`);
  });
  return routes;
}

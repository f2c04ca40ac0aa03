/** What one round measures. Everything that is compared is measured in the same round, one after the other. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttackSettingsInput } from '../../contract/attack-settings.ts';
import { Sampling } from '../../control/telemetry/sampling.ts';
import { StatsSampler } from '../../control/telemetry/stats-sampler.ts';
import { createRedis } from '../../services/shared/redis.ts';
import { SERVICE_NODE_FLAGS } from '../../services/shared/node-flags.ts';
import { cpuMsIn } from './cpu-profile.ts';
import { cpuMs, watchMemory, type BenchProcess } from './processes.ts';
import { prefill } from './prefill.ts';
import { NAMESPACE, type Rig } from './rig.ts';
import { runWrk } from './wrk.ts';

/** Sizes of one round; `quick` is for CI's guard. */
export interface Sizes {
  readonly requests: number;
  readonly requestsAt1000: number;
  readonly grants: number;
  readonly refusalsInQueue: number;
  readonly grantsInQueue: number;
  readonly oneEachRequests: number;
  readonly wrkSeconds: number;
}

export const FULL: Sizes = {
  requests: 100_000,
  requestsAt1000: 100_000,
  grants: 60_000,
  refusalsInQueue: 1_000_000,
  grantsInQueue: 120_000,
  oneEachRequests: 20_000,
  wrkSeconds: 3,
};
export const QUICK: Sizes = {
  requests: 40_000,
  requestsAt1000: 40_000,
  grants: 20_000,
  refusalsInQueue: 100_000,
  grantsInQueue: 30_000,
  oneEachRequests: 6_000,
  wrkSeconds: 2,
};

const FRAME_SIZE = 256;
const WINNERS = 20;

/** Figures of one round by name; rates per second unless the name tells its unit. */
export type Round = Record<string, number>;

export interface Servers {
  readonly bare: BenchProcess;
  /** A socket server of Node that answers without a look at the request. */
  readonly raw: BenchProcess;
  /** URL of an nginx that does the same, where there is one. */
  readonly nginx: string | undefined;
  readonly gateway: BenchProcess;
  worker: BenchProcess;
}

const burst = (requests: number, connections: number, stock: number): AttackSettingsInput => ({
  profile: 'burst',
  requests,
  connections,
  stock,
});

/** The bare route at a number of connections. */
export async function ceiling(
  rig: Rig,
  { bare }: Servers,
  requests: number,
  connections: number,
  suffix: string,
): Promise<Round> {
  const before = cpuMs(bare.pid);
  const { load } = await rig.attack(bare.url, 'bench', burst(requests, connections, WINNERS));
  expectAllAnswered(load.accepted, requests, 'bare');
  return {
    [`ceiling${suffix}`]: load.rps,
    [`ceiling${suffix}P99Ms`]: load.latencyMs.p99,
    [`ceiling${suffix}DurationMs`]: load.durationMs,
    [`ceiling${suffix}CpuUs`]: ((cpuMs(bare.pid) - before) * 1_000) / requests,
  };
}

/** The gateway, worker running: what was accepted, and what was decided and committed from first request to last. */
export async function engine(
  rig: Rig,
  { gateway, worker }: Pick<Servers, 'gateway' | 'worker'>,
  requests: number,
  connections: number,
  stock: number,
  suffix: string,
): Promise<Round> {
  const saleId = await rig.openSale(gateway, stock);
  const cpu = { gateway: cpuMs(gateway.pid), worker: cpuMs(worker.pid) };
  const endWatch = watchMemory({ gateway: gateway.pid, worker: worker.pid, broker: rig.brokerPid() });
  const settling = rig.settled(saleId, requests, Math.min(stock, requests));
  const { load, startedAtMs } = await rig.attack(gateway.url, saleId, burst(requests, connections, stock));
  expectAllAnswered(load.accepted, requests, 'gateway');
  const { committedAtMs } = await settling;
  const peaks = endWatch();
  return {
    [`gateway${suffix}Mb`]: peaks['gateway'] ?? 0,
    [`worker${suffix}Mb`]: peaks['worker'] ?? 0,
    [`broker${suffix}Mb`]: peaks['broker'] ?? 0,
    [`gateway${suffix}`]: load.rps,
    [`gateway${suffix}P99Ms`]: load.latencyMs.p99,
    [`gateway${suffix}DurationMs`]: load.durationMs,
    [`gateway${suffix}CpuUs`]: ((cpuMs(gateway.pid) - cpu.gateway) * 1_000) / requests,
    [`worker${suffix}CpuUs`]: ((cpuMs(worker.pid) - cpu.worker) * 1_000) / requests,
    [`endToEnd${suffix}`]: (requests * 1_000) / (committedAtMs - startedAtMs),
    [`committedAfterLastAnswer${suffix}Ms`]: Math.max(0, committedAtMs - startedAtMs - load.durationMs),
  };
}

/** Drain of a pre-filled queue by one worker. */
export async function workerAlone(
  rig: Rig,
  servers: Pick<Servers, 'gateway'> & { worker: BenchProcess },
  count: number,
  stock: number,
  name: string,
): Promise<Round> {
  const saleId = await rig.openSale(servers.gateway, stock);
  await servers.worker.stop();
  const redisBefore = await usedMemory(rig);
  const { bodyBytes, frames } = await prefill(rig.endpoints.amqpUrl, NAMESPACE, saleId, count, FRAME_SIZE);
  servers.worker = await rig.fork('out/main/worker.js');
  const endWatch = watchMemory({ worker: servers.worker.pid });
  // The clock starts at what is already decided when the first look finds some: the worker's own start is another figure.
  let begun = 0;
  while ((begun = await rig.decided(saleId)) === 0) await new Promise((done) => setTimeout(done, 2));
  const startedAtMs = Date.now();
  const { committedAtMs } = await rig.settled(saleId, count, Math.min(stock, count));
  return {
    [name]: ((count - begun) * 1_000) / Math.max(1, committedAtMs - startedAtMs),
    [`${name}WorkerMb`]: endWatch()['worker'] ?? 0,
    [`${name}RedisBytes`]: ((await usedMemory(rig)) - redisBefore) / count,
    [`${name}QueueBytes`]: bodyBytes / count,
    [`${name}Frames`]: frames,
  };
}

/** Bytes that Redis holds now. */
export async function usedMemory(rig: Rig): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await rig.redis.info('memory'))?.[1]);
}

/** The design of one message each: what it answers a second, and what it decides a second. */
export async function oneEach(
  rig: Rig,
  gateway: BenchProcess,
  requests: number,
  round: number,
): Promise<Round> {
  const saleId = `one-each-${round}`;
  const stockKey = `${NAMESPACE}:{${saleId}}:one-each:stock`;
  await rig.redis.set(stockKey, WINNERS);
  const heard = await countOutcomes(rig, requests);
  const { load, startedAtMs } = await rig.attack(gateway.url, saleId, burst(requests, 200, WINNERS));
  const endedAtMs = await heard.done;
  return { oneEach: load.rps, oneEachEndToEnd: (requests * 1_000) / (endedAtMs - startedAtMs) };
}

/** The design publishes each outcome: the last one heard is its end. */
async function countOutcomes(rig: Rig, count: number): Promise<{ done: Promise<number> }> {
  const subscriber = createRedis(rig.endpoints.redisUrl, { role: 'subscriber' });
  let heard = 0;
  const done = new Promise<number>((resolve) => {
    subscriber.on('message', () => {
      if (++heard === count) {
        resolve(Date.now());
        subscriber.disconnect();
      }
    });
  });
  await subscriber.subscribe(`${NAMESPACE}:one-each`);
  return { done };
}

/** Every buyer with a connection of its own, all opened at once. */
export async function stampede(
  rig: Rig,
  { gateway, worker }: Pick<Servers, 'gateway' | 'worker'>,
  connections: number,
): Promise<Round> {
  const saleId = await rig.openSale(gateway, WINNERS);
  const endWatch = watchMemory({ gateway: gateway.pid, worker: worker.pid, broker: rig.brokerPid() });
  const { load } = await rig.attack(gateway.url, saleId, burst(connections, connections, WINNERS));
  const peaks = endWatch();
  return {
    stampedeAnswered: load.accepted,
    stampedeUnknown: load.unknown,
    stampedeP99Ms: load.latencyMs.p99,
    stampedeGatewayMb: peaks['gateway'] ?? 0,
    stampedeWorkerMb: peaks['worker'] ?? 0,
    stampedeBrokerMb: peaks['broker'] ?? 0,
    stampedeRedisMb: (await usedMemory(rig)) / 1e6,
  };
}

/** The gateway alone, and with all that watches it: a hundred dashboards on the sale, and the control centre's telemetry. */
export async function watched(
  rig: Rig,
  { gateway }: Servers,
  requests: number,
  number: number,
): Promise<Round> {
  const run = async (isWatched: boolean) => {
    const saleId = await rig.openSale(gateway, WINNERS);
    const viewers = isWatched
      ? await rig.fork('tests/bench/dashboards.ts', {
          BENCH_URL: gateway.url,
          BENCH_SALE: saleId,
          BENCH_COUNT: '100',
        })
      : undefined;
    const endTelemetry = isWatched ? startTelemetry(rig, saleId) : undefined;
    const { load } = await rig.attack(gateway.url, saleId, burst(requests, 200, WINNERS));
    await endTelemetry?.();
    await rig.settled(saleId, requests, WINNERS);
    await viewers?.stop();
    return load.rps;
  };
  // Each goes first in every other round: what comes second has the warmer machine.
  const first = await run(number % 2 === 0);
  const second = await run(number % 2 !== 0);
  return number % 2 === 0
    ? { withWatchers: first, withoutWatchers: second }
    : { withWatchers: second, withoutWatchers: first };
}

/** Takes traces and drops them, on a free port. @returns its URL */
export async function startTraceSink(rig: Rig): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.end('{}'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.undo.add('trace sink', () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

/**
 * What traces of one reservation in a thousand cost: the CPU that a gateway and a worker spend on them, as a share of what the whole
 * pipeline uses. Two pipelines of a kind differ by more than that.
 */
export async function traced(
  rig: Rig,
  servers: Pick<Servers, 'worker'>,
  requests: number,
  sink: string,
): Promise<Round> {
  await servers.worker.stop();
  const folder = mkdtempSync(join(tmpdir(), 'fg-traces-'));
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: sink, FLASHGRID_TRACE_EVERY: '1000' };
  const profiled = (role: 'gateway' | 'worker') =>
    rig.fork(`out/main/${role}.js`, env, [
      ...SERVICE_NODE_FLAGS[role],
      '--cpu-prof',
      `--cpu-prof-dir=${folder}`,
      `--cpu-prof-name=${role}`,
    ]);
  try {
    const gateway = await profiled('gateway');
    const worker = await profiled('worker');
    const used = () =>
      cpuMs(gateway.pid) + cpuMs(worker.pid) + cpuMs(rig.brokerPid()) + rig.backendCpuMs('redis');
    const before = used();
    for (let part = 0; part < 4; part++) await engine(rig, { gateway, worker }, requests, 200, WINNERS, '');
    const pipelineMs = used() - before;
    await Promise.all([gateway.stop(), worker.stop()]);
    const tracesMs = ['gateway', 'worker'].reduce(
      (ms, role) => ms + cpuMsIn(join(folder, role), /@opentelemetry/, /chunks\/(tracing|open-telemetry)/),
      0,
    );
    return { tracesShare: (100 * tracesMs) / pipelineMs };
  } finally {
    rmSync(folder, { recursive: true });
    servers.worker = await rig.fork('out/main/worker.js');
  }
}

/** Reads the sale fifty times a second and the backends' CPU and memory once, as during an attack of the app. */
function startTelemetry(rig: Rig, saleId: string): () => Promise<void> {
  const reading = new Sampling(
    async () => {
      const sale = await rig.store.readSale(saleId);
      return {
        decided: sale?.counters.decided ?? 0,
        granted: sale?.counters.granted ?? 0,
        committed: 0,
        queueDepthPeak: 0,
        unconfirmedPeak: 0,
        remainingNow: sale?.counters.remaining ?? 0,
      };
    },
    () => undefined,
  );
  const stats = new StatsSampler(
    () => rig.cluster,
    () => new Map(),
    () => undefined,
    (text) => console.log(text),
  );
  reading.begin(Date.now(), true);
  stats.start();
  return async () => {
    stats.stop();
    await reading.end();
  };
}

/** `wrk` on what sockets allow, on the bare route and on the gateway. */
export async function wrkAnchors(
  rig: Rig,
  { bare, raw, nginx, gateway }: Servers,
  connections: number,
  seconds: number,
): Promise<Round> {
  const suffix = connections === 200 ? '' : `At${connections}`;
  const round: Round = {};
  for (const [name, url] of Object.entries({ Raw: raw.url, Nginx: nginx, Ceiling: bare.url }))
    if (url !== undefined)
      round[`wrk${name}${suffix}`] = (await runWrk(url, 'bench', connections, seconds)).rps;
  const saleId = await rig.openSale(gateway, WINNERS);
  const { rps, answered } = await runWrk(gateway.url, saleId, connections, seconds);
  await rig.settled(saleId, answered, WINNERS);
  return { ...round, [`wrkGateway${suffix}`]: rps };
}

/** Seconds for which a rate is held. */
const OPEN_RATE_SEC = 5;

/** Requests at a rate that nobody's answers slow down, timed from when each was due. */
export async function openRate(rig: Rig, { gateway }: Servers, ratePerSec: number): Promise<Round> {
  const saleId = await rig.openSale(gateway, WINNERS);
  const { load } = await rig.attack(gateway.url, saleId, {
    profile: 'sustained',
    ratePerSec: Math.round(ratePerSec),
    durationSec: OPEN_RATE_SEC,
    stock: WINNERS,
  });
  await rig.settled(saleId, load.accepted, WINNERS);
  return { openRate: load.rps, openRateP99Ms: load.latencyMs.p99, openRateP999Ms: load.latencyMs.p999 };
}

/** Connections of `wrk` on several sales. */
const SALES_CONNECTIONS = 200;

/** Requests spread evenly over several sales: what is accepted, and what is decided from first request to last. */
export async function manySales(
  rig: Rig,
  { gateway, worker }: Pick<Servers, 'gateway' | 'worker'>,
  sales: number,
  seconds: number,
): Promise<Round> {
  const { id, tookMs } =
    sales === 1 ? { id: await rig.openSale(gateway, WINNERS), tookMs: 0 } : await rig.openSales(sales, 1);
  const pids = { Gateway: gateway.pid, Worker: worker.pid, Broker: rig.brokerPid() };
  const before = Object.values(pids).map(cpuMs);
  const decidedBefore = (await readWorker(worker)).decided;
  const startedMs = performance.now();
  const { rps, answered } = await runWrk(gateway.url, id, SALES_CONNECTIONS, seconds, '/reserve', sales);
  // A connection to Redis that is lost on a busy machine leaves some uncounted: then the worker's empty hands tell the end.
  for (let idleLooks = 0; idleLooks < 50;) {
    const { decided, inHand } = await readWorker(worker);
    if (decided >= decidedBefore + answered) break;
    idleLooks = inHand === 0 ? idleLooks + 1 : 0;
    await new Promise((done) => setTimeout(done, 10));
  }
  const endToEnd = (answered * 1_000) / (performance.now() - startedMs);
  const used = Object.entries(pids).map(([name, pid], at) => [
    `sales${sales}${name}CpuUs`,
    ((cpuMs(pid) - (before[at] ?? 0)) * 1_000) / answered,
  ]);
  return {
    [`sales${sales}`]: rps,
    [`sales${sales}EndToEnd`]: endToEnd,
    [`sales${sales}OpenMs`]: tookMs,
    ...Object.fromEntries(used),
  };
}

/** Reservations that a worker has decided since it started, and messages that it has in hand. */
async function readWorker(worker: BenchProcess): Promise<{ decided: number; inHand: number }> {
  const text = await (await fetch(`${worker.url}/metrics`)).text();
  const read = (name: string) => Number(new RegExp(`^flashgrid_worker_${name} (\\d+)`, 'm').exec(text)?.[1]);
  return { decided: read('reservations_decided_total'), inHand: read('frames_in_hand') };
}

function expectAllAnswered(accepted: number, requests: number, name: string): void {
  if (accepted !== requests)
    throw new Error(
      `${name}: ${accepted} of ${requests} requests were accepted; the figures would compare different work`,
    );
}

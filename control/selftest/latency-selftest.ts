/**
 * Checks that latency is measured right on this machine: attacks a server that stands still at known times, and compares what
 * the load generator measured with what can be computed, from intended and from actual send times.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { attackSettingsSchema } from '../../contract/attack-settings.ts';
import type { LatencyDetail } from '../../contract/run-record.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import { runAttack } from '../attack/runner/attack-runner.ts';
import { withoutProxy } from '../lib/loopback.ts';
import { computeLatencies, quantile, stallingReplySchema, type StallingReply } from './stalls.ts';

/** The stalls are far longer than what a busy machine adds; so many connections are too few for what comes meanwhile. */
export const SELFTEST = {
  ratePerSec: 50,
  connections: 50,
  stallMs: 2_000,
  everyMs: 5_000,
  times: 3,
} as const;
const DURATION_MS = SELFTEST.everyMs * SELFTEST.times;
/** Share by which a measured latency may differ from the computed one. */
export const TOLERANCE = 0.05;
const PERCENTS = [75, 90, 95, 99, 99.9, 99.99] as const;
/** Shorter latencies are those of requests that met no stall: how long they take can't be computed. */
const SHORTEST_MS = SELFTEST.stallMs / 10;
const REPLY_LIMIT_MS = 20_000;

export interface LatencyFigure {
  readonly from: LatencyDetail['from'];
  /** `p99`, `mean`. */
  readonly name: string;
  readonly computedMs: number;
  readonly measuredMs: number;
}

/** How far a figure is off, as a share of the computed one. */
export const errorOf = ({ computedMs, measuredMs }: LatencyFigure): number => measuredMs / computedMs - 1;

export interface SelftestOptions {
  /** Paths of the built entries. */
  readonly serverModule: string;
  readonly generatorModule: string;
  readonly signal: AbortSignal;
}

/**
 * Takes 15 seconds.
 * @returns also why load generator or machine were a limit
 * @throws FailureError as an attack does
 */
export async function selftestLatency(
  options: SelftestOptions,
): Promise<{ readonly figures: readonly LatencyFigure[]; readonly limits: readonly string[] }> {
  const env = { ...withoutProxy(process.env), ELECTRON_RUN_AS_NODE: '1' };
  const server = fork(options.serverModule, [], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const reply = async (): Promise<StallingReply> => {
    const ended = once(server, 'exit').then(() =>
      Promise.reject(new Error('the server of the self-test ended')),
    );
    const [raw] = (await withLimit(
      Promise.race([once(server, 'message'), ended]),
      REPLY_LIMIT_MS,
      'the server of the self-test does not answer',
    )) as [unknown];
    return stallingReplySchema.parse(raw);
  };
  try {
    const ready = await reply();
    let startAtMs = 0;
    const { ratePerSec, connections, stallMs, everyMs, times } = SELFTEST;
    const { load } = await runAttack({
      settings: attackSettingsSchema.parse({
        profile: 'sustained',
        ratePerSec,
        durationSec: DURATION_MS / 1_000,
        connections,
        processes: 1,
      }),
      saleId: 'selftest',
      targets: [`http://127.0.0.1:${'port' in ready ? ready.port : 0}`],
      generatorModule: options.generatorModule,
      env,
      signal: options.signal,
      onStart: (atMs) => {
        startAtMs = atMs;
        const starts = Array.from({ length: times }, (_, at) => atMs + (at + 1) * everyMs - stallMs);
        server.send({ atMs: starts, lengthMs: stallMs });
      },
      onInterval: () => undefined,
    });
    server.send('stalls');
    const told = await reply();
    const stalls = 'stalls' in told ? told.stalls : [];
    const computed = computeLatencies(
      { requests: load.sent, ratePerSec, connections },
      stalls.map(({ fromMs, toMs }) => ({ fromMs: fromMs - startAtMs, toMs: toMs - startAtMs })),
    );
    const figures = (load.latencies ?? [])
      .filter(({ outcome }) => outcome === 'answered')
      .flatMap((one) => figuresOf(one, computed[one.from]));
    return { figures, limits: load.generator.limits };
  } finally {
    server.kill('SIGKILL');
  }
}

function figuresOf(
  { from, meanMs, percentiles }: LatencyDetail,
  computed: readonly number[],
): LatencyFigure[] {
  const mean = computed.reduce((sum, ms) => sum + ms, 0) / computed.length;
  return [
    ...PERCENTS.map((percent) => ({
      from,
      name: `p${percent}`,
      computedMs: quantile(computed, percent / 100),
      measuredMs: percentiles.find(([one]) => one === percent)?.[1] ?? 0,
    })),
    { from, name: 'mean', computedMs: mean, measuredMs: meanMs },
  ].filter(({ computedMs }) => computedMs >= SHORTEST_MS);
}

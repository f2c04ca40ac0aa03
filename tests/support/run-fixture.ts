/** Run records for tests of what is made from them. */
import { judge } from '../../control/audit/audit.ts';
import { attackSettingsSchema } from '../../contract/attack-settings.ts';
import type { AttackSettingsInput } from '../../contract/attack-settings.ts';
import { buildRunRecord } from '../../control/runs/build-run-record.ts';
import type { RunParts } from '../../control/runs/build-run-record.ts';
import type { Load, RunRecord, Sample } from '../../contract/run-record.ts';
import { World } from './audit-world.ts';

export const REQUESTS = 10_000;
export const STOCK = 20;
const INTERVAL_MS = 100;

/** Slower by a factor, from 0.5 ms to 180.9 ms. */
const percentiles = (factor: number): [number, number][] =>
  [0, 10, 50, 75, 90, 95, 99, 99.9, 99.99, 100].map((percent) => [
    percent,
    Math.min(180.9, (0.5 + percent ** 2 / 60) * factor),
  ]);

export const fixtureLoad: Load = {
  sent: REQUESTS,
  accepted: REQUESTS,
  rejected: 0,
  unknown: 0,
  rps: 12_180,
  durationMs: 821,
  latencyMs: { p50: 61.2, p90: 96.4, p99: 142.8, p999: 171.3, max: 180.9, mean: 63.9 },
  latencies: (['answered', 'accepted'] as const).flatMap((outcome) =>
    (['intended', 'sent'] as const).map((from) => ({
      outcome,
      from,
      count: REQUESTS,
      meanMs: 63.9,
      percentiles: percentiles(from === 'sent' ? 1 : 2),
    })),
  ),
  sending: { firstWaveMs: 38, lastMs: 700 },
  statusCounts: { '202': REQUESTS },
  generator: {
    processes: 1,
    eventLoopLagMaxMs: 14.2,
    eventLoopLagP99Ms: 8.1,
    cpuShare: 0.86,
    rateReached: 1,
    limits: [],
  },
};

/** A surge of ten intervals that the queue absorbs, with sums that equal the load's. */
export function fixtureSeries(): Sample[] {
  const sent = [600, 1_400, 1_700, 1_650, 1_500, 1_350, 1_100, 700, 0, 0];
  const decided = [200, 900, 1_300, 1_500, 1_500, 1_500, 1_400, 1_000, 600, 100];
  let depth = 0;
  let remaining = STOCK;
  return sent.map((answers, at) => {
    const done = decided[at] ?? 0;
    depth += answers - done;
    const granted = Math.min(remaining, at === 0 ? 12 : 20);
    remaining -= granted;
    return {
      tMs: (at + 1) * INTERVAL_MS,
      sent: answers,
      accepted: answers,
      rejected: 0,
      unknown: 0,
      rps: answers * 10,
      p50Ms: answers === 0 ? 0 : 40 + at * 5,
      p99Ms: answers === 0 ? 0 : 80 + at * 9,
      queueDepth: depth,
      unconfirmed: answers === 0 ? 0 : 64,
      remaining,
      granted,
      refused: done - granted,
      committed: granted,
    };
  });
}

/** The parts of a run that passes; its audit is really judged. */
export function fixtureParts(
  settings: AttackSettingsInput = { profile: 'burst', requests: REQUESTS, connections: 1_000, stock: STOCK },
  plant: (world: World) => void = () => undefined,
): RunParts {
  const world = new World({
    stock: STOCK,
    frameSize: 64,
    fortunes: Array.from({ length: REQUESTS }, () => 'taken' as const),
  });
  plant(world);
  return {
    id: 'run-mabc123',
    saleId: 'run-mabc123',
    startedAtMs: Date.UTC(2026, 10, 23, 19, 5, 48),
    finishedAtMs: Date.UTC(2026, 10, 23, 19, 5, 51),
    attack: attackSettingsSchema.parse(settings),
    load: fixtureLoad,
    audit: judge(world.evidence(), 412),
    environment: {
      flashgrid: '0.1.0',
      node: 'v20.20.0',
      os: 'Debian GNU/Linux 12',
      cpu: 'A processor of the year 2026',
      cores: 2,
      memoryBytes: 8 * 1024 ** 3,
      provider: 'native',
      backends: { rabbitmq: '3.10.8', redis: '7.0.15', postgres: '15.18' },
      gateways: 1,
      workers: 1,
    },
    latencyHeat: {
      edgesMs: [1, 10, 100],
      columns: fixtureSeries().map(({ tMs, accepted }) => ({
        tMs,
        counts: accepted === 0 ? [0, 0, 0, 0] : [0, accepted - 1, 1, 0],
      })),
    },
    series: fixtureSeries(),
  };
}

export function fixtureRun(change: Partial<RunParts> = {}): RunRecord {
  return buildRunRecord({ ...fixtureParts(), ...change });
}

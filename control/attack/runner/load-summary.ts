/**
 * From the results of all generator processes: the load of the run, and whether the generator itself was the
 * limit.
 */
import { figure, percent, plural } from '../../../contract/format.ts';
import {
  LATENCY_OUTCOMES,
  LATENCY_STARTS,
  type LatencyDetail,
  type Load,
  type MachineHealth,
} from '../../../contract/run-record.ts';
import { type ResultMessage, IN_TIME_MS } from '../protocol/generator-messages.ts';
import { LOCAL_LIMITS } from '../protocol/local-limits.ts';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';
import { type AttackSettings } from '../../../contract/attack-settings.ts';
import { rateText } from '../../../contract/attack-text.ts';

/**
 * Past these the generator measured itself. A burst floods the loop by its nature; under a rate a late loop
 * sends late.
 */
export const GENERATOR_LIMITS = {
  burstLagP99Ms: 500,
  /**
   * Below this CPU share a late loop in a burst was the machine's doing, which engine and generator share.
   */
  burstLagCpuShare: 0.8,
  sustainedLagP99Ms: 100,
  cpuShare: 0.95,
  /** Attacks shorter than this are mostly warm-up: their CPU share says nothing. */
  minCpuDurationMs: 2_000,
  rateReached: 0.98,
  /**
   * Cores that other programs used. A system at rest uses less than a tenth of one, a program that computes a whole one; half
   * of it is far from both.
   */
  otherCores: 0.5,
  /** Share of the machine's time that the hypervisor took: more than one tick in twenty shows in every percentile. */
  stealShare: 0.05,
} as const;

/**
 * Sums the results up.
 * @param machine what it did meanwhile, where that is known
 */
export function summariseLoad(
  settings: AttackSettings,
  results: readonly ResultMessage[],
  machine?: MachineHealth,
): Load {
  const sum = (pick: (result: ResultMessage) => number) =>
    results.reduce((total, one) => total + pick(one), 0);
  const lag = new LatencyHistogram();
  const statusCounts: Record<string, number> = {};
  for (const result of results) {
    lag.add(result.loopLag);
    for (const [status, count] of Object.entries(result.statusCounts))
      statusCounts[status] = (statusCounts[status] ?? 0) + count;
  }
  const causes: Record<string, number> = {};
  for (const result of results)
    for (const [cause, count] of Object.entries(result.causes)) causes[cause] = (causes[cause] ?? 0) + count;
  const asked = sum((one) => one.asked);
  const sent = sum((one) => one.sent);
  const accepted = sum((one) => one.accepted);
  const rejected = sum((one) => one.rejected);
  const firstSentMs = Math.min(...results.map((one) => one.firstSentMs));
  const [waveMs, lastSentMs] = [
    Math.max(...results.map((one) => one.firstWaveMs)),
    Math.max(...results.map((one) => one.lastSentMs)),
  ];
  const lastAnswerMs = Math.max(...results.map((one) => one.lastAnswerMs));
  const endMs = Math.max(...results.map((one) => one.endMs));
  const answers = accepted + rejected;
  // Without any answer the run still took as long as it took.
  const durationMs = (answers > 0 ? lastAnswerMs : endMs) - firstSentMs;
  const lateForConnections = sum((one) => one.lateForConnections);
  const lateForGenerator = sum((one) => one.lateForGenerator);
  const each = results.map(({ loopLag, cpuMicros, endMs: ownEndMs }) => {
    const own = new LatencyHistogram();
    own.add(loopLag);
    return {
      cpuShare: ownEndMs > 0 ? cpuMicros / 1000 / ownEndMs : 0,
      eventLoopLagP99Ms: own.quantileMs(0.99),
      eventLoopLagMaxMs: own.maxMs,
    };
  });
  const cpuShare = Math.max(...each.map((one) => one.cpuShare));
  const generator = {
    processes: results.length,
    each,
    ...(machine && { machine }),
    eventLoopLagMaxMs: lag.maxMs,
    eventLoopLagP99Ms: lag.quantileMs(0.99),
    cpuShare,
    rateReached: asked === 0 ? 0 : (sent - lateForConnections - lateForGenerator) / asked,
  };
  // With all connections waiting, this is how long an answer took (Little's law).
  const answerMs = answers > 0 ? (settings.connections * durationMs) / answers : Infinity;
  const isShort = lateForConnections > lateForGenerator || sent < asked;
  // A slow reader holds its connection itself.
  const isHeld = settings.behaviours?.includes('slow-reader') === true;
  const isSystemLate = isShort && answerMs > IN_TIME_MS && !isHeld;
  const gaveUp = results.flatMap((one) => one.gaveUp ?? []);
  return {
    sent,
    accepted,
    rejected,
    unknown: sum((one) => one.unknown),
    unsent: asked - sent,
    causes,
    ...(gaveUp.length === 0
      ? {}
      : {
          gaveUp: {
            silentMs: Math.max(...gaveUp.map((one) => one.silentMs)),
            cause: gaveUp[0]?.cause ?? '',
          },
        }),
    rps: answers > 0 ? (answers * 1000) / Math.max(durationMs, 0.001) : 0,
    durationMs,
    latencyMs: answered(results, settings.profile === 'burst' ? 'sent' : 'intended').percentiles(),
    latencies: detailsOf(results),
    ...(sent === 0
      ? {}
      : { sending: { firstWaveMs: waveMs - firstSentMs, lastMs: lastSentMs - firstSentMs } }),
    statusCounts,
    generator: {
      ...generator,
      limits: [
        ...findLimits(settings, generator, endMs, isShort, isSystemLate),
        ...socketLimits(causes),
        ...machineLimits(machine),
      ],
    },
    ...(settings.profile !== 'burst' && isSystemLate && generator.rateReached < GENERATOR_LIMITS.rateReached
      ? {
          systemLimit: `Only ${percent(generator.rateReached)} of the requests left within ${IN_TIME_MS} ms of their time, ${rateText(settings)}: the system under test was late. All ${settings.connections} connections were waiting for its answers.`,
        }
      : {}),
  };
}

/** Percents of which a record keeps the latency: those of tables, and enough between them for a curve. */
const PERCENTS = [
  0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97.5, 98, 98.5, 99, 99.25, 99.5, 99.75, 99.9,
  99.925, 99.95, 99.975, 99.99, 99.995, 99.999, 100,
];

function histogramOf(
  results: readonly ResultMessage[],
  outcomes: readonly LatencyDetail['outcome'][],
  from: LatencyDetail['from'],
): LatencyHistogram {
  const all = new LatencyHistogram();
  for (const { latencies } of results)
    for (const one of latencies)
      if (one.from === from && outcomes.includes(one.outcome)) all.add(one.histogram);
  return all;
}

const ANSWERED = ['accepted', 'rejected'] as const;

const answered = (results: readonly ResultMessage[], from: LatencyDetail['from']) =>
  histogramOf(results, ANSWERED, from);

function detailsOf(results: readonly ResultMessage[]): LatencyDetail[] {
  return LATENCY_OUTCOMES.flatMap((outcome) =>
    LATENCY_STARTS.flatMap((from) => {
      const histogram = histogramOf(results, outcome === 'answered' ? ANSWERED : [outcome], from);
      if (histogram.count === 0) return [];
      const percentiles = PERCENTS.map((percent): [number, number] => [
        percent,
        histogram.quantileMs(percent / 100),
      ]);
      return [{ outcome, from, count: histogram.count, meanMs: histogram.meanMs, percentiles }];
    }),
  );
}

type Health = Omit<Load['generator'], 'limits'>;

function findLimits(
  settings: AttackSettings,
  health: Health,
  durationMs: number,
  isShortOfConnections: boolean,
  isSystemLate: boolean,
): string[] {
  const limits: string[] = [];
  const isBurst = settings.profile === 'burst';
  const lagLimitMs = isBurst ? GENERATOR_LIMITS.burstLagP99Ms : GENERATOR_LIMITS.sustainedLagP99Ms;
  const isOwnLag = !isBurst || health.cpuShare >= GENERATOR_LIMITS.burstLagCpuShare;
  if (health.eventLoopLagP99Ms > lagLimitMs && isOwnLag)
    limits.push(
      `The generator's event loop was up to ${Math.round(health.eventLoopLagP99Ms)} ms late (p99; limit ${lagLimitMs} ms): latencies include its own delay. Use more generator processes or fewer connections.`,
    );
  if (health.cpuShare > GENERATOR_LIMITS.cpuShare && durationMs >= GENERATOR_LIMITS.minCpuDurationMs)
    limits.push(
      `A generator process used ${percent(health.cpuShare)} of a core: the engine may be faster than measured. Use more generator processes.`,
    );
  if (!isBurst && !isSystemLate && health.rateReached < GENERATOR_LIMITS.rateReached)
    limits.push(
      `Only ${percent(health.rateReached)} of the requests left within ${IN_TIME_MS} ms of their time, ${rateText(settings)}: ${
        isShortOfConnections
          ? `all ${settings.connections} connections were waiting for answers. Use more connections, or a lower rate.`
          : 'the generator was late. Use more generator processes or a lower rate.'
      }`,
    );
  return limits;
}

const socketLimits = (causes: Readonly<Record<string, number>>): string[] =>
  Object.entries(LOCAL_LIMITS).flatMap(([cause, fix]) => {
    const count = causes[cause] ?? 0;
    return count === 0
      ? []
      : [`This machine could not open ${plural(count, 'connection')} (${cause}). ${fix}`];
  });

function machineLimits(machine: MachineHealth | undefined): string[] {
  const { cores = [], stealShare = 0, otherCores = 0, others = [] } = machine ?? {};
  const busiest = others.map((one) => `${one.name} ${figure(one.cores)}`).join(', ');
  return [
    ...(otherCores > GENERATOR_LIMITS.otherCores
      ? [
          `Other programs used ${figure(otherCores)} of this machine's ${plural(cores.length, 'core')} meanwhile${busiest === '' ? '' : ` (${busiest})`}: load generator and system went without. End them, then attack again.`,
        ]
      : []),
    ...(stealShare > GENERATOR_LIMITS.stealShare
      ? [
          `The hypervisor took ${percent(stealShare)} of this machine's time for others. Attack again when its host is less busy, or on a machine of your own.`,
        ]
      : []),
  ];
}

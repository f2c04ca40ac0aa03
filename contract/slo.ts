/**
 * Thresholds of an attack as expressions: `p99<50ms`, `rps>20000`, `errors<0.1%`, `unknown==0`, `time_to_sold_out<2s`. One
 * descriptor for each metric; parser, verdict and docs read it.
 */
import { figure, milliseconds, percent, whole } from './format.ts';

type Percentile = 'p50' | 'p90' | 'p99' | 'p999' | 'max' | 'mean';

/** What is measured of a run: the part of its record that thresholds read. */
export interface MeasuredRun {
  readonly load: {
    readonly latencyMs: Readonly<Record<Percentile, number>>;
    readonly rps: number;
    readonly sent: number;
    readonly accepted: number;
    readonly rejected: number;
    readonly unknown: number;
    readonly unsent?: number | undefined;
    readonly statusCounts: Readonly<Record<string, number>>;
    readonly causes?: Readonly<Record<string, number>> | undefined;
  };
  readonly audit: { readonly drainMs: number };
  readonly series?: readonly {
    readonly tMs: number;
    readonly remaining: number | null;
    readonly sent?: number;
    readonly accepted?: number;
  }[];
}
type Load = MeasuredRun['load'];

/** Units that a metric takes, with their size in that in which it is measured. */
export const SLO_UNITS = {
  /** Measured in ms. */
  time: { us: 0.001, µs: 0.001, ms: 1, s: 1_000, min: 60_000 },
  /** Measured as 0..1. */
  share: { '%': 0.01 },
  rate: { '': 1, '/s': 1 },
  count: { '': 1 },
} as const;
type UnitKind = keyof typeof SLO_UNITS;

/** A value as people read it, by the kind of its unit. */
export const METRIC_TEXTS: Readonly<Record<UnitKind, (value: number) => string>> = {
  time: milliseconds,
  share: percent,
  rate: (value) => `${figure(Math.round(value * 10) / 10)}/s`,
  count: whole,
};

export interface Metric {
  readonly unit: UnitKind;
  /** What it is, as a sentence may begin with it. */
  readonly title: string;
  /** `undefined` when the run did not get that far. */
  readonly read: (run: MeasuredRun) => number | undefined;
}

const latency = (title: string, field: Percentile): Metric => ({
  unit: 'time',
  title,
  read: ({ load }) => load.latencyMs[field],
});
const requests = (title: string, read: (load: Load) => number): Metric => ({
  unit: 'count',
  title,
  read: ({ load }) => read(load),
});

/** Requests without a good answer: 5xx, or none although the buyer waited for one. A 503 `unconfirmed` is both. */
function failed({ statusCounts, unknown, causes = {} }: Load): number {
  const byStatus = Object.entries(statusCounts).filter(([status]) => Number(status) >= 500);
  return (
    byStatus.reduce((sum, [, count]) => sum + count, unknown) -
    (causes['503 unconfirmed'] ?? 0) -
    (causes['left'] ?? 0)
  );
}

/** The longest time in which no request was accepted, of those in which any was sent. */
function longestOutageMs(series: NonNullable<MeasuredRun['series']>): number {
  let [servedMs, wasAsked, longestMs] = [0, false, 0];
  const lastMs = series.findLast(({ sent = 0 }) => sent > 0)?.tMs ?? 0;
  for (const [at, { tMs, sent = 0, accepted = 0 }] of series.entries()) {
    const beganMs = series[at - 1]?.tMs ?? 0;
    if (wasAsked && (accepted > 0 || tMs > lastMs))
      longestMs = Math.max(longestMs, Math.min(beganMs, lastMs) - servedMs);
    if (accepted > 0) [servedMs, wasAsked] = [tMs, false];
    else wasAsked ||= sent > 0;
  }
  // It never served again.
  return wasAsked ? Math.max(longestMs, lastMs - servedMs) : longestMs;
}

const METRICS = {
  p50: latency('The p50 latency', 'p50'),
  p90: latency('The p90 latency', 'p90'),
  p99: latency('The p99 latency', 'p99'),
  p999: latency('The p99.9 latency', 'p999'),
  max: latency('The longest latency', 'max'),
  mean: latency('The mean latency', 'mean'),
  rps: { unit: 'rate', title: 'The rate of answers', read: ({ load }) => load.rps },
  errors: {
    unit: 'share',
    title: 'The share of requests that failed (5xx or no answer)',
    read: ({ load }) => failed(load) / Math.max(1, load.sent),
  },
  unknown: requests('The number of requests without a clear answer', ({ unknown }) => unknown),
  accepted: requests('The number of accepted requests', ({ accepted }) => accepted),
  rejected: requests('The number of requests that the gateway rejected', ({ rejected }) => rejected),
  unsent: requests('The number of requests that were not sent', ({ unsent = 0 }) => unsent),
  time_to_sold_out: {
    unit: 'time',
    title: 'The time until the sale was sold out',
    read: ({ series = [] }) => series.find(({ remaining }) => remaining === 0)?.tMs,
  },
  without_service: {
    unit: 'time',
    title: 'The longest time in which no request was accepted',
    read: ({ series }) => series && longestOutageMs(series),
  },
  time_to_drain: {
    unit: 'time',
    title: 'The time until the queue was empty',
    read: ({ audit }) => audit.drainMs,
  },
} as const satisfies Record<string, Metric>;
export type MetricName = keyof typeof METRICS;
export const SLO_METRICS: Readonly<Record<string, Metric>> & Readonly<Record<MetricName, Metric>> = METRICS;

const COMPARISONS: Readonly<
  Record<string, { readonly holds: (a: number, b: number) => boolean; text: string }>
> = {
  '<': { holds: (a, b) => a < b, text: 'below' },
  '<=': { holds: (a, b) => a <= b, text: 'at most' },
  '>': { holds: (a, b) => a > b, text: 'above' },
  '>=': { holds: (a, b) => a >= b, text: 'at least' },
  '==': { holds: (a, b) => a === b, text: 'exactly' },
};

export const SLO_FORM = 'METRIC<VALUE, such as p99<50ms, rps>20000 or unknown==0';

/** A text that is no threshold; the message says why and what would be one. */
export class SloSyntaxError extends Error {
  override readonly name = 'SloSyntaxError';
}

interface Threshold {
  /** As it was written. */
  readonly text: string;
  readonly name: string;
  readonly metric: Metric;
  readonly comparison: (typeof COMPARISONS)[string];
  readonly limit: number;
}

/**
 * Reads thresholds with white space between them.
 * @throws SloSyntaxError that names the wrong one
 */
export function parseSlos(text: string): Threshold[] {
  return text
    .split(/\s+/)
    .filter((one) => one !== '')
    .map(parseSlo);
}

function parseSlo(text: string): Threshold {
  const wrong = (why: string) => new SloSyntaxError(`"${text}": ${why}`);
  const [, name = '', sign = '', digits = '', unit = ''] =
    /^([a-z_0-9]+)([<>]=?|==)(\d+(?:\.\d+)?)(\D*)$/i.exec(text) ?? [];
  const comparison = COMPARISONS[sign];
  if (!comparison) throw wrong(`write ${SLO_FORM}`);
  const metric = Object.hasOwn(SLO_METRICS, name) ? SLO_METRICS[name] : undefined;
  if (!metric) throw wrong(`there is no metric "${name}", only ${Object.keys(SLO_METRICS).join(', ')}`);
  const units: Readonly<Record<string, number>> = SLO_UNITS[metric.unit];
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (size === undefined) {
    const known = Object.keys(units).filter((one) => one !== '');
    throw wrong(
      known.length === 0
        ? `${name} is a number, without a unit`
        : `${name} takes the unit ${known.join(' or ')}`,
    );
  }
  return { text, name, metric, comparison, limit: Number(digits) * size };
}

/** Of these thresholds, those on a time or a rate: a load generator that was the limit makes them its own. */
export const speedSlos = (text: string): string[] =>
  parseSlos(text).flatMap(({ text: one, metric }) => (['time', 'rate'].includes(metric.unit) ? [one] : []));

/** The thresholds that a run missed, one sentence each. */
export function missedSlos(text: string, run: MeasuredRun): string[] {
  return parseSlos(text).flatMap(({ text: asked, metric: { title, unit, read }, comparison, limit }) => {
    const value = read(run);
    if (value !== undefined && comparison.holds(value, limit)) return [];
    const found =
      value === undefined ? 'is not known: it never came to that' : `was ${METRIC_TEXTS[unit](value)}`;
    return [`${title} ${found}; ${comparison.text} ${METRIC_TEXTS[unit](limit)} was asked for (${asked}).`];
  });
}

/** What each chart shows, live and in a run's record. All charts share one time axis. */
import { CHART_TEXTS } from '../../contract/chart-text.ts';
import { paceOf, parseStages } from '../../contract/load-stages.ts';
import { compact, whole, milliseconds, percent } from '../../contract/format.ts';
import { layMarks, type LaidMark, type RunMark } from '../../contract/run-marks.ts';
import { parseSlos } from '../../contract/slo.ts';
import type { Load } from '../../contract/run-record.ts';
import type { SeriesPoint } from '../../contract/series.ts';

export interface ChartRow {
  readonly tMs: number;
  readonly [key: string]: number | null | undefined;
}

export interface ChartLine {
  readonly key: string;
  readonly label: string;
  /** A custom property of tokens.css. */
  readonly color: string;
  readonly kind: 'area' | 'line';
  readonly isDashed?: boolean;
  /** The value at time 0, before the first sample. */
  readonly atStart?: 'zero' | 'stock';
  /** undefined: no value; the line continues to the next one if that is near. null: unknown; a gap. */
  readonly read: (point: SeriesPoint) => number | null | undefined;
}

export interface ChartSpec {
  readonly id: string;
  readonly title: string;
  /** Describes the chart, also for screen readers. */
  readonly hint: string;
  readonly isStacked: boolean;
  readonly isTall: boolean;
  /** `stepBefore`: a value stands for the interval that ends there. */
  readonly curve: 'linear' | 'stepAfter' | 'stepBefore';
  /** The summary of a finished run: the highest value, the last, or the latency over all answers. */
  readonly summary: 'peak' | 'last' | 'latency';
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  readonly formatTick: (value: number) => string;
  /** Upper end of the axis, or as a number the lowest end that it may have. */
  readonly top: 'stock' | 'one' | number;
}

const perSec = (count: number, point: SeriesPoint): number =>
  point.spanMs > 0 ? (count * 1_000) / point.spanMs : 0;

/** An interval without an answer has no latency; zero would be wrong. */
const ifAnswered = (point: SeriesPoint, value: number): number | undefined =>
  point.accepted + point.rejected > 0 ? value : undefined;

/** A moment that every chart marks and the tall one names. */
export type ChartMark = LaidMark;

/** The marks of a run on an axis that ends at `endMs`. */
export function marksOf(
  soldOutAtMs: number | undefined,
  marks: readonly RunMark[],
  endMs: number,
): readonly ChartMark[] {
  const soldOut = soldOutAtMs === undefined ? [] : [{ tMs: soldOutAtMs, label: 'sold out' }];
  return layMarks([...soldOut, ...marks], endMs);
}

/** A threshold of the attack, at its height in a chart. */
export interface ChartLimit {
  readonly label: string;
  readonly value: number;
}

/** Metrics whose thresholds a chart shows. */
const LIMITED: Readonly<Record<string, readonly string[]>> = {
  latency: ['p50', 'p90', 'p99', 'p999', 'max', 'mean'],
  surge: ['rps'],
};

/** The thresholds that a chart has a place for. */
export function limitsOf(spec: ChartSpec, slo = ''): readonly ChartLimit[] {
  return parseSlos(slo)
    .filter(({ name }) => LIMITED[spec.id]?.includes(name))
    .map(({ text, limit }) => ({ label: text, value: limit }));
}

/** What most charts have in common. */
const CHART = {
  isStacked: false,
  isTall: false,
  curve: 'linear',
  format: whole,
  formatTick: compact,
} as const;

function area(
  key: string,
  label: string,
  color: string,
  read: ChartLine['read'],
  atStart: ChartLine['atStart'] = 'zero',
): ChartLine {
  return { key, label, color, kind: 'area', atStart, read };
}

const { arrivals, surge, queue, inventory, latency, share } = CHART_TEXTS;

export const CHARTS: readonly ChartSpec[] = [
  {
    ...CHART,
    ...arrivals,
    id: 'arrivals',
    isTall: true,
    summary: 'peak',
    top: 10,
    lines: [
      area('sent', arrivals.lines.sent, 'var(--accent-line)', (point) => perSec(point.sent, point) / 50),
      area('inFlight', arrivals.lines.inFlight, 'var(--sky)', (point) => point.inFlight),
    ],
  },
  {
    ...CHART,
    ...surge,
    id: 'surge',
    isStacked: true,
    summary: 'peak',
    top: 100,
    format: (value) => `${whole(value)}/s`,
    lines: [
      area('accepted', surge.lines.accepted, 'var(--sky)', (point) => perSec(point.accepted, point)),
      area('rejected', surge.lines.rejected, 'var(--slate)', (point) => perSec(point.rejected, point)),
      area('unknown', surge.lines.unknown, 'var(--red)', (point) => perSec(point.unknown, point)),
    ],
  },
  {
    ...CHART,
    ...queue,
    id: 'queue',
    isStacked: true,
    summary: 'peak',
    top: 10,
    lines: [
      area('depth', queue.lines.depth, 'var(--purple)', (point) => point.queueDepth),
      area('unconfirmed', queue.lines.unconfirmed, 'var(--slate)', (point) => point.unconfirmed),
    ],
  },
  {
    ...CHART,
    ...inventory,
    id: 'inventory',
    summary: 'last',
    curve: 'stepAfter',
    top: 'stock',
    lines: [area('left', inventory.lines.left, 'var(--accent-line)', (point) => point.remaining, 'stock')],
  },
  {
    ...CHART,
    ...latency,
    id: 'latency',
    summary: 'latency',
    top: 10,
    format: milliseconds,
    formatTick: milliseconds,
    lines: [
      {
        key: 'p99',
        label: latency.lines.p99,
        color: 'var(--purple)',
        kind: 'line',
        isDashed: true,
        read: (point) => ifAnswered(point, point.p99Ms),
      },
      {
        key: 'p50',
        label: latency.lines.p50,
        color: 'var(--sky)',
        kind: 'line',
        read: (point) => ifAnswered(point, point.p50Ms),
      },
    ],
  },
  {
    ...CHART,
    ...share,
    id: 'share',
    summary: 'last',
    top: 'one',
    format: percent,
    formatTick: (value) => `${Math.round(value * 100)} %`,
    lines: [
      {
        key: 'share',
        label: share.lines.share,
        color: 'var(--green)',
        kind: 'line',
        read: (point) => (point.decidedSoFar > 0 ? 1 - point.grantedSoFar / point.decidedSoFar : undefined),
      },
    ],
  },
];

/** Charts of what a shop that is not ours does not tell. */
const OF_OUR_PARTS: ReadonlySet<string> = new Set(['queue', 'inventory', 'share']);
/** Charts of a burst that are drawn as they were sampled: a slope would tell of a crowd that was not there. */
const IN_STEPS: ReadonlySet<string> = new Set(['arrivals', 'surge', 'queue']);

/**
 * The charts of an attack. A shop that is not ours tells nothing of queue and stock meanwhile.
 * @param stages its rate over time, which the traffic shows beside what was reached; missing for a burst
 */
export function chartsOf(stages: string | undefined, isOtherShop: boolean): readonly ChartSpec[] {
  const charts = isOtherShop ? CHARTS.filter(({ id }) => !OF_OUR_PARTS.has(id)) : CHARTS;
  if (stages === undefined)
    return charts.map((chart) => (IN_STEPS.has(chart.id) ? { ...chart, curve: 'stepBefore' } : chart));
  const { dueBefore } = paceOf(parseStages(stages));
  const offered: ChartLine = {
    key: 'offered',
    label: surge.lines.offered,
    color: 'var(--accent-line)',
    kind: 'line',
    isDashed: true,
    read: (point) => perSec(dueBefore(point.tMs) - dueBefore(point.tMs - point.spanMs), point),
  };
  return charts.map((chart) =>
    chart.id === 'surge' ? { ...chart, lines: [...chart.lines, offered] } : chart,
  );
}

/** Lines of a stacked chart stand for themselves; only its areas are put on each other. */
export const isOnOthers = (spec: ChartSpec, { kind }: ChartLine): boolean =>
  spec.isStacked && kind === 'area';

export interface ChartData {
  /** From the first request on. */
  readonly rows: readonly ChartRow[];
  /** Lines whose edge is drawn: the edge of an empty stacked band would cover the others. */
  readonly drawn: readonly ChartLine[];
  /** Upper end of the chart's own axis. */
  readonly top: number;
}

/** The data of a chart, computed in one pass over the points. */
export function toChart(spec: ChartSpec, points: readonly SeriesPoint[], stock: number): ChartData {
  const rows: ChartRow[] = [];
  const seen = new Set<string>();
  let maximum = 0;
  const start: Record<string, number | undefined> & { tMs: number } = { tMs: 0 };
  for (const { key, atStart } of spec.lines) {
    if (atStart !== undefined) start[key] = atStart === 'stock' ? stock : 0;
  }
  if (Object.keys(start).length > 1 && points.length > 0) rows.push(start);
  for (const point of points) {
    const row: Record<string, number | null | undefined> & { tMs: number } = { tMs: point.tMs };
    let sum = 0;
    for (const line of spec.lines) {
      const { key, read } = line;
      const value = read(point);
      row[key] = value;
      if (value === undefined || value === null) continue;
      if (!spec.isStacked || value > 0) seen.add(key);
      sum = isOnOthers(spec, line) ? sum + value : Math.max(sum, value);
    }
    maximum = Math.max(maximum, sum);
    rows.push(row);
  }
  return { rows, drawn: spec.lines.filter(({ key }) => seen.has(key)), top: topOf(spec, maximum, stock) };
}

export type Metrics = Readonly<Record<string, number | undefined>>;

/** The last known value of each line. */
export function metricsNow(spec: ChartSpec, points: readonly SeriesPoint[]): Metrics {
  return Object.fromEntries(
    spec.lines.map(({ key, read }) => {
      const last = points.findLast((point) => typeof read(point) === 'number');
      return [key, (last && read(last)) ?? undefined];
    }),
  );
}

/** The summary of a finished run. Latency comes from the record: percentiles of intervals can't be merged exactly. */
export function metricsOver(
  spec: ChartSpec,
  points: readonly SeriesPoint[],
  latencyMs: Load['latencyMs'] | undefined,
): Metrics {
  if (spec.summary === 'latency') return { p50: latencyMs?.p50, p99: latencyMs?.p99 };
  if (spec.summary === 'last') return metricsNow(spec, points);
  return Object.fromEntries(
    spec.lines.map(({ key, read }) => {
      const values = points.map(read).filter((value) => typeof value === 'number');
      return [key, values.length === 0 ? undefined : values.reduce((peak, value) => Math.max(peak, value))];
    }),
  );
}

/** The word before the summary. */
export const SUMMARY_WORDS: Readonly<Record<ChartSpec['summary'], string | undefined>> = {
  peak: 'Highest:',
  latency: 'All answers:',
  last: undefined,
};

/** A round number above the highest value, so that the axis rarely changes. */
export function topOf(spec: ChartSpec, maximum: number, stock: number): number {
  if (spec.top === 'stock') return stock;
  return spec.top === 'one' ? 1 : roundUp(Math.max(maximum, spec.top));
}

/** Ticks of the y axis, from zero to its end. */
export function valueTicks(spec: ChartSpec, top: number): readonly number[] {
  const parts = spec.isTall ? 4 : 2;
  // Ticks at half a ticket make no sense.
  if (spec.top === 'stock' && top % parts !== 0) return [0, top];
  return Array.from({ length: parts + 1 }, (_, index) => (top * index) / parts);
}

/** The next number whose halves and quarters are round too. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8].find((step) => step * power >= value) ?? 10) * power;
}

/** How the axis of a run up to the first value grows, in ms. */
const AXIS_STEPS = [
  [2_000, 500],
  [4_000, 1_000],
  [10_000, 2_000],
  [60_000, 5_000],
  [600_000, 30_000],
] as const;

/**
 * End of the time axis that all charts of a run share while it goes on. It grows in steps, since each change redraws all charts, and the
 * steps grow with the run.
 */
export function axisEndMs(lastMs: number): number {
  const [, step] = AXIS_STEPS.find(([untilMs]) => lastMs < untilMs) ?? [0, 300_000];
  return Math.max(step, Math.ceil(lastMs / step) * step);
}

/** Ticks of the time axis: at most eight, on whole seconds or minutes; where a part of it is shown, on less. */
export function axisTicks(endMs: number, startMs = 0): number[] {
  const steps = [500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000];
  if (startMs > 0 || endMs < 500) steps.unshift(10, 20, 50, 100, 200);
  const step = steps.find((candidate) => (endMs - startMs) / candidate <= 7) ?? 1_200_000;
  const first = Math.ceil(startMs / step);
  return Array.from({ length: Math.floor(endMs / step) - first + 1 }, (_, index) => (first + index) * step);
}

/** 3 s · 1:30. */
export function formatAxis(tMs: number): string {
  if (tMs < 60_000) return `${tMs / 1_000} s`;
  const seconds = Math.round(tMs / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

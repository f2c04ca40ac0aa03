/** What each chart shows, drawn alike live and in a run's record. One time axis for all. */
import { formatCompact, formatCount, formatMs, formatShare } from '../lib/format.ts';
import type { SeriesPoint } from '../store/series.ts';

export interface ChartRow {
  readonly tMs: number;
  readonly [key: string]: number | undefined;
}

export interface ChartLine {
  readonly key: string;
  readonly label: string;
  /** A custom property of tokens.css. */
  readonly color: string;
  readonly kind: 'area' | 'line';
  readonly isDashed?: boolean;
  /** What stands at the very start, before the first sample. */
  readonly atStart?: 'zero' | 'stock';
  /** What sums a finished run up: the highest value, or the last. */
  readonly summary: 'peak' | 'last';
  /** undefined: nothing to tell of this stretch; the line goes on to the next. */
  readonly read: (point: SeriesPoint) => number | undefined;
}

export interface ChartSpec {
  readonly id: string;
  readonly title: string;
  /** Tells what to see, for those who don't see the drawing too. */
  readonly hint: string;
  readonly isStacked: boolean;
  readonly isTall: boolean;
  readonly curve: 'linear' | 'stepAfter';
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  readonly formatTick: (value: number) => string;
  /** Upper end of the axis, where it is known beforehand. */
  readonly top?: 'stock' | 'one';
}

const perSec = (count: number, point: SeriesPoint): number =>
  point.spanMs > 0 ? (count * 1_000) / point.spanMs : 0;

/** A stretch without an answer has no latency: zero would be a lie. */
const ifAnswered = (point: SeriesPoint, value: number): number | undefined =>
  point.acknowledged + point.refused > 0 ? value : undefined;

export const CHARTS: readonly ChartSpec[] = [
  {
    id: 'surge',
    title: 'Traffic surge',
    hint: 'Answers a second, by outcome',
    isStacked: true,
    isTall: true,
    curve: 'linear',
    format: (value) => `${formatCount(value)}/s`,
    formatTick: formatCompact,
    lines: [
      {
        key: 'acknowledged',
        label: 'placed in line',
        color: 'var(--sky)',
        kind: 'area',
        atStart: 'zero',
        summary: 'peak',
        read: (point) => perSec(point.acknowledged, point),
      },
      {
        key: 'refused',
        label: 'turned away',
        color: 'var(--slate)',
        kind: 'area',
        atStart: 'zero',
        summary: 'peak',
        read: (point) => perSec(point.refused, point),
      },
      {
        key: 'unknown',
        label: 'no answer',
        color: 'var(--red)',
        kind: 'area',
        atStart: 'zero',
        summary: 'peak',
        read: (point) => perSec(point.unknown, point),
      },
    ],
  },
  {
    id: 'queue',
    title: 'Queue',
    hint: 'Buyers that wait: on their way in, or in line for a decision',
    isStacked: true,
    isTall: false,
    curve: 'linear',
    format: formatCount,
    formatTick: formatCompact,
    lines: [
      {
        key: 'depth',
        label: 'in line',
        color: 'var(--purple)',
        kind: 'area',
        atStart: 'zero',
        summary: 'peak',
        read: (point) => point.queueDepth,
      },
      {
        key: 'unconfirmed',
        label: 'on their way in',
        color: 'var(--slate)',
        kind: 'area',
        atStart: 'zero',
        summary: 'peak',
        read: (point) => point.unconfirmed,
      },
    ],
  },
  {
    id: 'inventory',
    title: 'Inventory',
    hint: 'Tickets that are left',
    isStacked: false,
    isTall: false,
    curve: 'stepAfter',
    format: formatCount,
    formatTick: formatCompact,
    top: 'stock',
    lines: [
      {
        key: 'left',
        label: 'left',
        color: 'var(--accent)',
        kind: 'area',
        atStart: 'stock',
        summary: 'last',
        read: (point) => point.remaining,
      },
    ],
  },
  {
    id: 'latency',
    title: 'Latency',
    hint: 'How long a buyer waits for the door’s answer',
    isStacked: false,
    isTall: false,
    curve: 'linear',
    format: formatMs,
    formatTick: formatMs,
    lines: [
      {
        key: 'p99',
        label: 'slowest 1 % (p99)',
        color: 'var(--purple)',
        kind: 'line',
        isDashed: true,
        summary: 'peak',
        read: (point) => ifAnswered(point, point.p99Ms),
      },
      {
        key: 'p50',
        label: 'half (p50)',
        color: 'var(--sky)',
        kind: 'line',
        summary: 'peak',
        read: (point) => ifAnswered(point, point.p50Ms),
      },
    ],
  },
  {
    id: 'share',
    title: 'Kept away from Postgres',
    hint: 'Share of decided requests that never touched the database',
    isStacked: false,
    isTall: false,
    curve: 'linear',
    format: formatShare,
    formatTick: (value) => `${Math.round(value * 100)} %`,
    top: 'one',
    lines: [
      {
        key: 'share',
        label: 'never touched it',
        color: 'var(--green)',
        kind: 'line',
        summary: 'last',
        read: (point) => (point.decidedSoFar > 0 ? 1 - point.grantedSoFar / point.decidedSoFar : undefined),
      },
    ],
  },
];

/** The rows that a chart draws, from the first request on. */
export function toRows(spec: ChartSpec, points: readonly SeriesPoint[], stock: number): ChartRow[] {
  const start: Record<string, number | undefined> & { tMs: number } = { tMs: 0 };
  for (const { key, atStart } of spec.lines) {
    if (atStart !== undefined) start[key] = atStart === 'stock' ? stock : 0;
  }
  const rows = points.map((point) => {
    const row: Record<string, number | undefined> & { tMs: number } = { tMs: point.tMs };
    for (const { key, read } of spec.lines) row[key] = read(point);
    return row;
  });
  return Object.keys(start).length > 1 && rows.length > 0 ? [start, ...rows] : rows;
}

/** The figure beside a line's name: as it stands now, or what sums the run up. */
export function figureOf(line: ChartLine, rows: readonly ChartRow[], isOver: boolean): number | undefined {
  if (!isOver || line.summary === 'last')
    return rows.findLast((row) => row[line.key] !== undefined)?.[line.key];
  return rows.reduce<number | undefined>((peak, row) => {
    const value = row[line.key];
    return value === undefined || (peak !== undefined && peak >= value) ? peak : value;
  }, undefined);
}

/** End of the time axis: a little ahead, in steps, so that the axis does not creep with each update. */
export function axisEndMs(lastMs: number): number {
  const step = lastMs < 10_000 ? 1_000 : lastMs < 60_000 ? 5_000 : lastMs < 600_000 ? 30_000 : 300_000;
  return Math.max(step, Math.ceil(lastMs / step) * step);
}

/** Where the time axis has its marks: at most seven, on whole seconds or minutes. */
export function axisTicks(endMs: number): number[] {
  const steps = [500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000];
  const step = steps.find((candidate) => endMs / candidate <= 7) ?? 1_200_000;
  return Array.from({ length: Math.floor(endMs / step) + 1 }, (_, index) => index * step);
}

/** 3 s · 1:30. */
export function formatAxis(tMs: number): string {
  if (tMs < 60_000) return `${tMs / 1_000} s`;
  const seconds = Math.round(tMs / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

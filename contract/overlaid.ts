/** The charts of two sides laid over each other, on one time axis: for the report and the window. */
import { CHART_TEXTS } from './chart-text.ts';
import type { ComparedSide } from './comparison.ts';
import { compact, milliseconds, whole } from './format.ts';
import { addSamples, emptySeries, type SeriesPoint } from './series.ts';

/** Columns of a chart. */
const COLUMNS = 80;
/** Runs of one side that are all drawn; of more, the one in the middle. */
const MAX_LINES = 3;

interface OverlaidLine {
  readonly side: 'A' | 'B';
  readonly runId: string;
  /** One a column; `undefined` leaves a gap. */
  readonly values: readonly (number | undefined)[];
}

export interface OverlaidChart {
  readonly id: 'surge' | 'latency' | 'queue' | 'inventory';
  readonly title: string;
  readonly caption: string;
  readonly formatY: (value: number) => string;
  readonly lines: readonly OverlaidLine[];
}

export interface Overlaid {
  /** Ends of the columns, in ms since the first request. */
  readonly endsMs: readonly number[];
  readonly charts: readonly OverlaidChart[];
  /** Which runs are drawn. */
  readonly hint: string;
}

type Descriptor = Omit<OverlaidChart, 'lines'> & {
  readonly read: (point: SeriesPoint) => number | undefined;
};

const CHARTS: readonly Descriptor[] = [
  {
    id: 'surge',
    title: 'Answers a second',
    caption: 'Accepted and rejected together.',
    formatY: compact,
    read: ({ rps }) => rps,
  },
  {
    id: 'latency',
    title: 'Latency, p99',
    caption: `${CHART_TEXTS.latency.hint}.`,
    formatY: milliseconds,
    read: ({ p99Ms, accepted, rejected }) => (accepted + rejected > 0 ? p99Ms : undefined),
  },
  {
    id: 'queue',
    title: 'Queue depth',
    caption: 'Reservations that wait for a decision.',
    formatY: whole,
    read: ({ queueDepth }) => queueDepth,
  },
  {
    id: 'inventory',
    title: CHART_TEXTS.inventory.title,
    caption: `${CHART_TEXTS.inventory.hint}.`,
    formatY: whole,
    read: ({ remaining }) => remaining ?? undefined,
  },
];

/** The mean of several runs would have a shape that no run had. */
function drawnRuns({ runs }: ComparedSide) {
  if (runs.length <= MAX_LINES) return runs;
  const middle = Math.floor((runs.length - 1) / 2);
  return [...runs].sort((x, y) => x.load.rps - y.load.rps).slice(middle, middle + 1);
}

/** `undefined` where no run has a series. */
export function overlaidCharts(a: ComparedSide, b: ComparedSide): Overlaid | undefined {
  const drawn = (
    [
      ['A', a],
      ['B', b],
    ] as const
  ).flatMap(([side, compared]) =>
    drawnRuns(compared).map(({ id, series }) => ({
      side,
      runId: id,
      points: addSamples(emptySeries(id, COLUMNS), series).points,
    })),
  );
  const endMs = Math.max(0, ...drawn.map(({ points }) => points.at(-1)?.tMs ?? 0));
  if (endMs === 0) return undefined;
  const widthMs = endMs / COLUMNS;
  const endsMs = Array.from({ length: COLUMNS }, (_, at) => (at + 1) * widthMs);
  const isMiddle = [a, b].some(({ runs }) => runs.length > MAX_LINES);
  return {
    endsMs,
    hint: isMiddle
      ? 'Of a side with many runs the one whose throughput is in the middle.'
      : 'Every run of both sides.',
    charts: CHARTS.map(({ read, ...chart }) => ({
      ...chart,
      lines: drawn.map(({ side, runId, points }) => ({
        side,
        runId,
        values: endsMs.map((columnMs) => {
          const point = points.find(({ tMs }) => tMs >= columnMs - widthMs / 2);
          return point && read(point);
        }),
      })),
    })),
  };
}

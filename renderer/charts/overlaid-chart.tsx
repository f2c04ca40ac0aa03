import type { OverlaidChart } from '../../contract/overlaid.ts';
import { ChartLegend } from './chart-legend.tsx';
import { axisEndMs, topOf, type ChartLine, type ChartRow, type ChartSpec } from './chart-specs.ts';
import { TimeChart } from './time-chart.tsx';

const NO_MARKS = [] as const;
const COLORS = { A: 'var(--sky)', B: 'var(--accent-line)' } as const;

interface OverlaidTimeChartProps {
  readonly chart: OverlaidChart;
  readonly endsMs: readonly number[];
}

/** One chart of a comparison: a line for each run. */
export function OverlaidTimeChart({ chart, endsMs }: OverlaidTimeChartProps) {
  const lines = chart.lines.map(({ side, runId }, at): ChartLine => ({
    key: `run${at}`,
    label: `${side}: ${runId}`,
    color: COLORS[side],
    kind: 'line',
    isDashed: side === 'B',
    // The rows are made here.
    read: () => undefined,
  }));
  const highest = chart.lines.map(({ values }) =>
    Math.max(0, ...values.filter((value) => value !== undefined)),
  );
  const spec: ChartSpec = {
    id: chart.id,
    title: chart.title,
    hint: chart.caption,
    isStacked: false,
    isTall: false,
    curve: 'linear',
    summary: 'peak',
    lines,
    format: chart.formatY,
    formatTick: chart.formatY,
    top: 1,
  };
  const rows = endsMs.map((tMs, at): ChartRow => ({
    tMs,
    ...Object.fromEntries(chart.lines.map(({ values }, line) => [`run${line}`, values[at]])),
  }));
  const top = topOf(spec, Math.max(...highest), 0);
  return (
    <TimeChart
      spec={spec}
      data={{ rows, drawn: lines, top }}
      rows={rows}
      endMs={axisEndMs(endsMs.at(-1) ?? 0)}
      top={top}
      isLive={false}
      hasTimeLabels
      marks={NO_MARKS}
      legend={
        <ChartLegend
          spec={spec}
          metrics={Object.fromEntries(highest.map((value, line) => [`run${line}`, value]))}
          isOver
        />
      }
    />
  );
}

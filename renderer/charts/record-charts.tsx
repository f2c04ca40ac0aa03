import type { SeriesPoint } from '../store/series.ts';
import { CHARTS } from './chart-specs.ts';
import { TimeChart } from './time-chart.tsx';

interface RecordChartsProps {
  readonly points: readonly SeriesPoint[];
  readonly stock: number;
  readonly soldOutAtMs: number | undefined;
  readonly onPick: (tMs: number) => void;
}

/** The charts of a finished run. */
export function RecordCharts({ points, stock, soldOutAtMs, onPick }: RecordChartsProps) {
  return CHARTS.map((spec, index) => (
    <TimeChart
      key={spec.id}
      spec={spec}
      points={points}
      stock={stock}
      isOver
      hasTimeLabels={index === CHARTS.length - 1}
      markMs={soldOutAtMs}
      onPick={onPick}
    />
  ));
}

import { memo, useEffect, useMemo, useState } from 'react';
import { stagesText } from '../../contract/attack-text.ts';
import { marksOfRun } from '../../contract/run-marks.ts';
import { dataEndMs, type SeriesPoint } from '../../contract/series.ts';
import type { Stage } from '../lib/use-stage.ts';
import { useData } from '../store/store.ts';
import { ChartLegend } from './chart-legend.tsx';
import {
  axisEndMs,
  chartsOf,
  limitsOf,
  metricsNow,
  metricsOver,
  marksOf,
  toChart,
  topOf,
  type ChartMark,
  type ChartSpec,
} from './chart-specs.ts';
import { NO_ROWS, TimeChart } from './time-chart.tsx';

const NO_POINTS: readonly SeriesPoint[] = [];

/**
 * A value that each chart applies one frame after the chart before it. Redrawing all five at once would block the page
 * for more than three frames; a delay of a twelfth of a second is not visible.
 */
function useInTurn<Value>(value: Value, slot: number): Value {
  const [taken, setTaken] = useState(value);
  useEffect(() => {
    let left = slot;
    const refresh = (): void => {
      if (left-- > 0) frame = requestAnimationFrame(refresh);
      else setTaken(value);
    };
    let frame = requestAnimationFrame(refresh);
    return () => cancelAnimationFrame(frame);
  }, [value, slot]);
  return taken;
}

interface LiveChartsProps {
  readonly stock: number;
  readonly isOver: boolean;
  /** On a projector, only the charts that a hall can take in at once. */
  readonly stage: Stage;
  readonly onPick: (tMs: number) => void;
}

const ON_STAGE: Readonly<Record<Exclude<Stage, 'none'>, readonly string[]>> = {
  low: ['arrivals', 'queue'],
  full: ['arrivals', 'surge', 'queue'],
};

/** The live charts of an attack. They share the time axis and its marks, so that a moment has the same place in all. */
export function LiveCharts({ stock, isOver, stage, onPick }: LiveChartsProps) {
  const soldOutAtMs = useData(({ series }) => series.totals.soldOutAtMs);
  const incidents = useData(({ attack }) => attack?.incidents);
  const faults = useData(({ attack }) => attack?.faults);
  const stages = useData(({ attack }) => attack && stagesText(attack.settings));
  const isOtherShop = useData(({ attack }) => attack?.target !== undefined) ?? false;
  const charts = useMemo(
    () => chartsOf(stages, isOtherShop).filter(({ id }) => stage === 'none' || ON_STAGE[stage].includes(id)),
    [stages, isOtherShop, stage],
  );
  const runMarks = useMemo(() => marksOfRun({ incidents, faults }), [incidents, faults]);
  const endMs =
    useData(({ series: { points } }) =>
      isOver && points.length > 0 ? dataEndMs(points, runMarks) : axisEndMs(points.at(-1)?.tMs ?? 0),
    ) ?? axisEndMs(0);
  const marks = useMemo(() => marksOf(soldOutAtMs, runMarks, endMs), [soldOutAtMs, runMarks, endMs]);
  // The cursor of a finished run shows in all charts. Nothing is drawn for it before somebody points at one.
  const [pointedAt, setPointedAt] = useState<string>();
  const runId = useData(({ series }) => series.runId);
  const point = (): void => setPointedAt(isOver ? runId : undefined);
  return (
    // The element is here for its events only.
    <div style={{ display: 'contents' }} onPointerMove={point} onFocus={point}>
      {charts.map((spec, slot) => (
        <LiveChart
          key={spec.id}
          slot={slot}
          isLast={slot === charts.length - 1}
          spec={spec}
          stock={stock}
          isOver={isOver}
          isPointed={isOver && pointedAt === runId}
          endMs={endMs}
          marks={marks}
          onPick={onPick}
        />
      ))}
    </div>
  );
}

interface LiveChartProps extends Omit<LiveChartsProps, 'stage'> {
  readonly isPointed: boolean;
  readonly slot: number;
  readonly isLast: boolean;
  readonly spec: ChartSpec;
  readonly endMs: number;
  readonly marks: readonly ChartMark[];
}

const LiveChart = memo(function LiveChart({
  slot,
  isLast,
  spec,
  stock,
  isOver,
  isPointed,
  endMs,
  marks,
  onPick,
}: LiveChartProps) {
  const points = useData(({ series }) => series.points) ?? NO_POINTS;
  const data = useMemo(() => toChart(spec, points, stock), [spec, points, stock]);
  const slo = useData(({ attack }) => attack?.settings.slo);
  const limits = useMemo(() => limitsOf(spec, slo), [spec, slo]);
  const top = Math.max(data.top, ...limits.map(({ value }) => topOf(spec, value, stock)));
  const rows = isPointed ? data.rows : NO_ROWS;
  const plot = useInTurn(
    useMemo(
      () => ({ endMs, marks, limits, top, rows, isLive: !isOver }),
      [endMs, marks, limits, top, rows, isOver],
    ),
    slot,
  );
  return (
    <TimeChart
      {...plot}
      spec={spec}
      data={data}
      hasTimeLabels={slot === 0 || isLast}
      legend={<LiveLegend spec={spec} points={points} isOver={isOver} />}
      onPick={onPick}
    />
  );
});

interface LiveLegendProps {
  readonly spec: ChartSpec;
  readonly points: readonly SeriesPoint[];
  readonly isOver: boolean;
}

/** The values beside the lines' names; the latency of a finished run comes from its record. */
function LiveLegend({ spec, points, isOver }: LiveLegendProps) {
  const latencyMs = useData(({ attack }) => attack?.load?.latencyMs);
  const metrics = useMemo(
    () => (isOver ? metricsOver(spec, points, latencyMs) : metricsNow(spec, points)),
    [spec, points, latencyMs, isOver],
  );
  return <ChartLegend spec={spec} metrics={metrics} isOver={isOver} />;
}

import { useEffect, useMemo, useState } from 'react';
import type { RunMark } from '../../contract/run-marks.ts';
import type { Load } from '../../contract/run-record.ts';
import type { SeriesPoint } from '../../contract/series.ts';
import { ChartLegend } from './chart-legend.tsx';
import { axisEndMs, chartsOf, metricsOver, marksOf, toChart } from './chart-specs.ts';
import { TimeChart } from './time-chart.tsx';

interface RecordChartsProps {
  /** The rate over time that was asked for; missing for a burst. */
  readonly stages: string | undefined;
  /** The shop is not FlashGrid's own. */
  readonly isOtherShop: boolean;
  readonly points: readonly SeriesPoint[];
  readonly stock: number;
  readonly latencyMs: Load['latencyMs'];
  readonly soldOutAtMs: number | undefined;
  readonly marks: readonly RunMark[];
  readonly onPick: (tMs: number) => void;
}

/** The charts of a finished run, one more with each frame: five long series at once would block the page. */
export function RecordCharts({
  stages,
  isOtherShop,
  points,
  stock,
  latencyMs,
  soldOutAtMs,
  marks: runMarks,
  onPick,
}: RecordChartsProps) {
  const endMs = axisEndMs(points.at(-1)?.tMs ?? 0);
  const specs = useMemo(() => chartsOf(stages, isOtherShop), [stages, isOtherShop]);
  const [drawn, setDrawn] = useState(1);
  useEffect(() => {
    if (drawn >= specs.length) return;
    const frame = requestAnimationFrame(() => setDrawn(drawn + 1));
    return () => cancelAnimationFrame(frame);
  }, [drawn, specs]);
  const marks = useMemo(() => marksOf(soldOutAtMs, runMarks, endMs), [soldOutAtMs, runMarks, endMs]);
  const charts = useMemo(
    () => specs.map((spec) => ({ spec, data: toChart(spec, points, stock) })),
    [specs, points, stock],
  );
  return charts
    .slice(0, drawn)
    .map(({ spec, data }, index) => (
      <TimeChart
        key={spec.id}
        spec={spec}
        data={data}
        rows={data.rows}
        endMs={endMs}
        top={data.top}
        isLive={false}
        hasTimeLabels={index === 0 || index === specs.length - 1}
        marks={marks}
        legend={<ChartLegend spec={spec} metrics={metricsOver(spec, points, latencyMs)} isOver />}
        onPick={onPick}
      />
    ));
}

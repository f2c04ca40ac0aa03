import { memo, startTransition, useEffect, useMemo, useRef, useState } from 'react';
import type { SeriesPoint } from '../store/series.ts';
import { useControl, useData } from '../store/store.ts';
import { ChartLegend } from './chart-legend.tsx';
import { CHARTS, axisEndMs, figuresNow, figuresOver, type ChartSpec } from './chart-specs.ts';
import { FASTEST_REDRAW_MS, redrawIntervalMs } from './redraw-interval.ts';
import { TimeChart } from './time-chart.tsx';

const NO_POINTS: readonly SeriesPoint[] = [];

/** The points, handed on as often as the machine can draw them. Each chart has a slot of its own, so that no two are drawn in one task. */
function useSlottedPoints(slot: number, slots: number): readonly SeriesPoint[] {
  const [points, setPoints] = useState(readPoints);
  const askedAtMs = useRef<number>(undefined);
  const intervalMs = useRef(FASTEST_REDRAW_MS);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      timer = undefined;
      askedAtMs.current = performance.now();
      startTransition(() => setPoints(readPoints()));
    };
    const unsubscribe = useControl.subscribe((state, before) => {
      if (state.data?.series === before.data?.series || timer !== undefined) return;
      const everyMs = intervalMs.current;
      const sinceSlotMs = (performance.now() - (slot * everyMs) / slots) % everyMs;
      timer = setTimeout(draw, everyMs - sinceSlotMs);
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [slot, slots]);
  useEffect(() => {
    if (askedAtMs.current === undefined) return;
    const renderedMs = performance.now() - askedAtMs.current;
    askedAtMs.current = undefined;
    // Recharts draws in the next frame what was rendered now; this callback comes after its own.
    const frame = requestAnimationFrame((frameAtMs) => {
      intervalMs.current = redrawIntervalMs(renderedMs + performance.now() - frameAtMs);
    });
    return () => cancelAnimationFrame(frame);
  }, [points]);
  return points;
}

/**
 * A value that concerns all charts, each of which takes it a frame after the one before: drawn at once, they would hold the page up for longer than
 * three frames, and nobody sees that the last one follows by a twelfth of a second.
 */
function useInTurn<Value>(value: Value, slot: number): Value {
  const [taken, setTaken] = useState(value);
  useEffect(() => {
    let left = slot;
    const take = (): void => {
      if (left-- > 0) frame = requestAnimationFrame(take);
      else setTaken(value);
    };
    let frame = requestAnimationFrame(take);
    return () => cancelAnimationFrame(frame);
  }, [value, slot]);
  return taken;
}

function readPoints(): readonly SeriesPoint[] {
  return useControl.getState().data?.series.points ?? NO_POINTS;
}

interface LiveChartsProps {
  readonly stock: number;
  readonly isOver: boolean;
  readonly onPick: (tMs: number) => void;
}

/**
 * The attack as it happens. The charts are drawn one after the other, so their points are of slightly different age; the time axis and the
 * mark on it are of this component, so that one moment stands at one place in all of them.
 */
export function LiveCharts({ stock, isOver, onPick }: LiveChartsProps) {
  const endMs = useData(({ series }) => axisEndMs(series.points.at(-1)?.tMs ?? 0)) ?? axisEndMs(0);
  const soldOutAtMs = useData(({ series }) => series.totals.soldOutAtMs);
  return CHARTS.map((spec, slot) => (
    <LiveChart
      key={spec.id}
      slot={slot}
      spec={spec}
      stock={stock}
      isOver={isOver}
      endMs={endMs}
      markMs={soldOutAtMs}
      onPick={onPick}
    />
  ));
}

interface LiveChartProps extends LiveChartsProps {
  readonly slot: number;
  readonly spec: ChartSpec;
  readonly endMs: number;
  readonly markMs: number | undefined;
}

const LiveChart = memo(function LiveChart({ slot, isOver, endMs, markMs, ...chart }: LiveChartProps) {
  const points = useSlottedPoints(slot, CHARTS.length);
  const axisMs = useInTurn(endMs, slot);
  const soldOutMs = useInTurn(markMs, slot);
  const isOverNow = useInTurn(isOver, slot);
  return (
    <TimeChart
      {...chart}
      points={points}
      endMs={axisMs}
      markMs={soldOutMs}
      isSynced={isOverNow}
      hasTimeLabels={slot === 0 || slot === CHARTS.length - 1}
      legend={<LiveLegend spec={chart.spec} isOver={isOver} />}
    />
  );
});

/** Tells the newest figures, whatever the chart's own slot is: they must agree with the panel beside. */
function LiveLegend({ spec, isOver }: { readonly spec: ChartSpec; readonly isOver: boolean }) {
  const points = useData(({ series }) => series.points) ?? NO_POINTS;
  const latencyMs = useData(({ attack }) => attack?.load?.latencyMs);
  const figures = useMemo(
    () => (isOver ? figuresOver(spec, points, latencyMs) : figuresNow(spec, points)),
    [spec, points, latencyMs, isOver],
  );
  return <ChartLegend spec={spec} figures={figures} isOver={isOver} />;
}

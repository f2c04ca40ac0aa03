import { startTransition, useEffect, useState } from 'react';
import { useControl } from '../store/store.ts';
import type { Series } from '../store/series.ts';
import { CHARTS } from './chart-specs.ts';
import { TimeChart } from './time-chart.tsx';

/** A chart is drawn anew this often at the most. Samples still arrive ten a second and are all in it. */
const REDRAW_MS = 400;

/** The series, handed on at most every REDRAW_MS. Each chart has a slot of its own, so that no two are drawn in one task. */
function useSlottedSeries(slot: number, slots: number): Series | undefined {
  const [series, setSeries] = useState(() => useControl.getState().data?.series);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      timer = undefined;
      startTransition(() => setSeries(useControl.getState().data?.series));
    };
    const offsetMs = (slot * REDRAW_MS) / slots;
    const unsubscribe = useControl.subscribe((state, before) => {
      if (state.data?.series === before.data?.series || timer !== undefined) return;
      const sinceSlotMs = (performance.now() - offsetMs) % REDRAW_MS;
      timer = setTimeout(draw, REDRAW_MS - sinceSlotMs);
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [slot, slots]);
  return series;
}

interface LiveChartsProps {
  readonly stock: number;
  readonly isOver: boolean;
  readonly onPick: (tMs: number) => void;
}

/** The attack as it happens: all charts on one time axis. */
export function LiveCharts({ stock, isOver, onPick }: LiveChartsProps) {
  return CHARTS.map((spec, slot) => (
    <LiveChart key={spec.id} slot={slot} stock={stock} isOver={isOver} onPick={onPick} />
  ));
}

function LiveChart({ slot, stock, isOver, onPick }: LiveChartsProps & { readonly slot: number }) {
  const series = useSlottedSeries(slot, CHARTS.length);
  const spec = CHARTS[slot];
  if (!spec) return null;
  return (
    <TimeChart
      spec={spec}
      points={series?.points ?? []}
      stock={stock}
      isOver={isOver}
      hasTimeLabels={slot === CHARTS.length - 1}
      markMs={series?.totals.soldOutAtMs}
      onPick={onPick}
    />
  );
}

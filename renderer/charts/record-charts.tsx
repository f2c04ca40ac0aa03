import { Button, Group } from '@mantine/core';
import { IconChevronLeft, IconChevronRight, IconZoomIn, IconZoomReset } from '@tabler/icons-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { RunMark } from '../../contract/run-marks.ts';
import type { Load } from '../../contract/run-record.ts';
import type { SeriesPoint } from '../../contract/series.ts';
import { lastBefore } from '../lib/replay.ts';
import { ChartLegend } from './chart-legend.tsx';
import {
  chartsOf,
  formatAxis,
  limitsOf,
  metricsNow,
  metricsOver,
  marksOf,
  toChart,
  topOf,
} from './chart-specs.ts';
import { NO_ROWS, TimeChart } from './time-chart.tsx';

/** The shortest part of a run that can be shown. */
export const LEAST_SHOWN_MS = 200;
/** Points of a part of the run that a chart can bear unmerged. */
const MAX_FINE_POINTS = 600;

const moved = <Mark extends RunMark>(mark: Mark, byMs: number): Mark => ({
  ...mark,
  tMs: mark.tMs + byMs,
  ...(mark.endMs === undefined ? {} : { endMs: mark.endMs + byMs }),
});

/** The marks that had happened by then; the same array until there is one more. */
function useKnownBy<Mark extends RunMark>(marks: readonly Mark[], untilMs: number): readonly Mark[] {
  const count = marks.filter(({ tMs }) => tMs <= untilMs).length;
  return useMemo(() => [...marks].sort((a, b) => a.tMs - b.tMs).slice(0, count), [marks, count]);
}

interface RecordChartsProps {
  /** The rate over time that was asked for; missing for a burst. */
  readonly stages: string | undefined;
  /** The shop is not FlashGrid's own. */
  readonly isOtherShop: boolean;
  readonly points: readonly SeriesPoint[];
  /** The same without merged points, for a part of the run. */
  readonly allPoints: readonly SeriesPoint[];
  /** The thresholds that were asked for. */
  readonly slo: string | undefined;
  readonly stock: number;
  readonly latencyMs: Load['latencyMs'];
  readonly soldOutAtMs: number | undefined;
  readonly marks: readonly RunMark[];
  /** Where the axis ends. */
  readonly wholeMs: number;
  /** A replay shows what was known by then. */
  readonly untilMs: number;
  readonly onPick: (tMs: number) => void;
}

/** The charts of a finished run, one more with each frame: five long series at once would block the page. */
export function RecordCharts({
  stages,
  isOtherShop,
  points,
  allPoints,
  slo,
  stock,
  latencyMs,
  soldOutAtMs,
  marks: runMarks,
  wholeMs,
  untilMs,
  onPick,
}: RecordChartsProps) {
  const [[startMs, endMs], setShown] = useState<readonly [startMs: number, endMs: number]>([0, wholeMs]);
  const isWhole = startMs === 0 && endMs === wholeMs;
  const show = useCallback(
    (from: number, to: number): void => {
      const lengthMs = Math.min(wholeMs, Math.max(LEAST_SHOWN_MS, to - from));
      const start = Math.min(wholeMs - lengthMs, Math.max(0, from));
      setShown([start, start + lengthMs]);
    },
    [wholeMs],
  );
  const [middleMs, halfMs] = [(startMs + endMs) / 2, (endMs - startMs) / 2];
  const shownPoints = useMemo(() => {
    if (isWhole) return points;
    const isShown = ({ tMs }: SeriesPoint) => tMs >= startMs && tMs <= endMs;
    const finest = allPoints.filter(isShown);
    return finest.length <= MAX_FINE_POINTS ? finest : points.filter(isShown);
  }, [isWhole, points, allPoints, startMs, endMs]);
  const specs = useMemo(() => chartsOf(stages, isOtherShop), [stages, isOtherShop]);
  const [drawn, setDrawn] = useState(1);
  useEffect(() => {
    if (drawn >= specs.length) return;
    const frame = requestAnimationFrame(() => setDrawn(drawn + 1));
    return () => cancelAnimationFrame(frame);
  }, [drawn, specs]);
  const marks = useMemo(() => {
    const inSight = runMarks.filter(({ tMs, endMs: lastMs = tMs }) => lastMs >= startMs && tMs <= endMs);
    const isSoldOutShown = soldOutAtMs !== undefined && soldOutAtMs >= startMs;
    // Names are placed by the part of the axis that is shown.
    return marksOf(
      isSoldOutShown ? soldOutAtMs - startMs : undefined,
      inSight.map((mark) => moved(mark, -startMs)),
      endMs - startMs,
    ).map((mark) => moved(mark, startMs));
  }, [soldOutAtMs, runMarks, startMs, endMs]);
  const isReplay = untilMs < wholeMs;
  const shownMarks = useKnownBy(marks, untilMs);
  const known = isReplay ? allPoints.slice(0, lastBefore(allPoints, untilMs) + 1) : points;
  const charts = useMemo(
    () =>
      specs.map((spec) => {
        const limits = limitsOf(spec, slo);
        const { top, ...data } = toChart(spec, shownPoints, stock);
        const highest = Math.max(0, ...limits.map(({ value }) => value));
        return { spec, limits, data: { ...data, top: highest > top ? topOf(spec, highest, stock) : top } };
      }),
    [specs, slo, shownPoints, stock],
  );
  const button = (label: string, Icon: typeof IconZoomIn, isDisabled: boolean, onClick: () => void) => (
    <Button
      size="compact-sm"
      variant="subtle"
      color="gray"
      disabled={isDisabled}
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      <Icon size={17} aria-hidden />
    </Button>
  );
  return (
    <>
      <Group role="group" aria-label="Part of the run that is shown" gap="xs" px="sm" justify="flex-end">
        <span className="muted tiny" role="status">
          {isWhole
            ? 'Draw over a chart to look closer.'
            : `${formatAxis(Math.round(startMs))} to ${formatAxis(Math.round(endMs))}`}
        </span>
        {button('Zoom in', IconZoomIn, halfMs * 2 <= LEAST_SHOWN_MS, () =>
          show(middleMs - halfMs / 2, middleMs + halfMs / 2),
        )}
        {button('Earlier', IconChevronLeft, startMs === 0, () => show(startMs - halfMs, endMs - halfMs))}
        {button('Later', IconChevronRight, endMs === wholeMs, () => show(startMs + halfMs, endMs + halfMs))}
        {button('The whole run', IconZoomReset, isWhole, () => show(0, wholeMs))}
      </Group>
      {charts.slice(0, drawn).map(({ spec, limits, data }, index) => (
        <TimeChart
          key={spec.id}
          spec={spec}
          data={isReplay ? { ...data, rows: data.rows.slice(0, lastBefore(data.rows, untilMs) + 1) } : data}
          // Recharts would take too long to take new rows with each picture of a replay.
          rows={isReplay ? NO_ROWS : data.rows}
          startMs={startMs}
          endMs={endMs}
          top={data.top}
          limits={limits}
          isLive={isReplay}
          hasTimeLabels={index === 0 || index === specs.length - 1}
          marks={shownMarks}
          legend={
            <ChartLegend
              spec={spec}
              metrics={isReplay ? metricsNow(spec, known) : metricsOver(spec, points, latencyMs)}
              isOver={!isReplay}
            />
          }
          onPick={onPick}
          onZoom={show}
        />
      ))}
    </>
  );
}

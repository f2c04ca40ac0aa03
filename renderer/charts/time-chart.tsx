import { memo, useMemo } from 'react';
import {
  Area,
  CartesianGrid,
  ComposedChart,
  Line,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import type { SeriesPoint } from '../store/series.ts';
import { ChartTooltip } from './chart-tooltip.tsx';
import {
  axisEndMs,
  axisTicks,
  figureOf,
  formatAxis,
  toRows,
  type ChartRow,
  type ChartSpec,
} from './chart-specs.ts';
import classes from './time-chart.module.css';

/** All charts keep this much for their y axis, so that one moment stands at one place in all of them. */
const Y_AXIS_PX = 58;
const MARGIN = { top: 6, right: 12, bottom: 0, left: 0 } as const;

interface TimeChartProps {
  readonly spec: ChartSpec;
  readonly points: readonly SeriesPoint[];
  readonly stock: number;
  /** Whether the marks of the time axis are written below. */
  readonly hasTimeLabels: boolean;
  /** A finished run is summed up; a running one is told as it stands. */
  readonly isOver: boolean;
  readonly markMs?: number | undefined;
  /** Told the moment, in ms since the first request, that was clicked. */
  readonly onPick?: ((tMs: number) => void) | undefined;
}

/** One chart of a run, with its figures as text above it. */
export const TimeChart = memo(function TimeChart(props: TimeChartProps) {
  const { spec, points, stock, hasTimeLabels, isOver, markMs, onPick } = props;
  const rows = useMemo(() => toRows(spec, points, stock), [spec, points, stock]);
  const drawn = useMemo(() => spec.lines.filter((line) => isDrawn(spec, line.key, rows)), [spec, rows]);
  const last = rows.at(-1);
  const endMs = axisEndMs(last?.tMs ?? 0);
  const ticks = useMemo(() => axisTicks(endMs), [endMs]);
  const top = spec.top === 'stock' ? stock : spec.top === 'one' ? 1 : ('auto' as const);
  return (
    <figure className={classes.chart} data-tall={spec.isTall} data-labels={hasTimeLabels}>
      <figcaption className={classes.caption}>
        <strong>{spec.title}</strong>
        <span className={classes.hint}>{spec.hint}</span>
        <Legend spec={spec} rows={rows} isOver={isOver} />
      </figcaption>
      <div className={classes.plot}>
        <ResponsiveContainer width="100%" height="100%" debounce={80}>
          <ComposedChart
            data={rows}
            margin={MARGIN}
            syncId="run"
            syncMethod="value"
            accessibilityLayer
            title={`${spec.title}: ${spec.hint}`}
            {...(onPick ? { onClick: (state) => pick(state.activeLabel, onPick) } : {})}
          >
            <CartesianGrid stroke="var(--line)" vertical={false} />
            <XAxis
              dataKey="tMs"
              type="number"
              domain={[0, endMs]}
              ticks={ticks}
              tickFormatter={formatAxis}
              tick={hasTimeLabels ? { fill: 'var(--muted)', fontSize: 12 } : false}
              height={hasTimeLabels ? 22 : 3}
              tickLine={false}
              axisLine={{ stroke: 'var(--line-strong)' }}
              interval={0}
            />
            <YAxis
              width={Y_AXIS_PX}
              domain={[0, top]}
              tickCount={spec.isTall ? 5 : 3}
              tickFormatter={spec.formatTick}
              tick={{ fill: 'var(--muted)', fontSize: 12 }}
              tickLine={false}
              axisLine={false}
              allowDataOverflow={false}
            />
            {markMs === undefined ? null : (
              <ReferenceLine x={markMs} stroke="var(--accent)" strokeDasharray="2 3" ifOverflow="hidden" />
            )}
            <Tooltip
              isAnimationActive={false}
              cursor={{ stroke: 'var(--muted)', strokeDasharray: '3 3' }}
              content={<ChartTooltip spec={spec} />}
            />
            {drawn.map((line) =>
              line.kind === 'area' ? (
                <Area
                  key={line.key}
                  dataKey={line.key}
                  name={line.label}
                  type={spec.curve}
                  stroke={line.color}
                  strokeWidth={1.5}
                  fill={line.color}
                  fillOpacity={0.28}
                  isAnimationActive={false}
                  dot={false}
                  connectNulls
                  activeDot={{ r: 3, strokeWidth: 0 }}
                  {...(spec.isStacked ? { stackId: 'all' } : {})}
                />
              ) : (
                <Line
                  key={line.key}
                  dataKey={line.key}
                  name={line.label}
                  type={spec.curve}
                  stroke={line.color}
                  strokeWidth={1.75}
                  isAnimationActive={false}
                  dot={false}
                  connectNulls
                  activeDot={{ r: 3, strokeWidth: 0 }}
                  {...(line.isDashed ? { strokeDasharray: '5 3' } : {})}
                />
              ),
            )}
          </ComposedChart>
        </ResponsiveContainer>
      </div>
    </figure>
  );
});

/** A stacked band of nothing would still draw its edge on top of the others. */
function isDrawn(spec: ChartSpec, key: string, rows: readonly ChartRow[]): boolean {
  return !spec.isStacked || rows.some((row) => (row[key] ?? 0) > 0);
}

function formatFigure(spec: ChartSpec, value: number | undefined): string {
  return value === undefined ? '–' : spec.format(value);
}

function pick(label: unknown, onPick: (tMs: number) => void): void {
  const tMs = Number(label);
  if (label !== undefined && Number.isFinite(tMs)) onPick(tMs);
}

/** What each line is and how it stands: text, so that no meaning rests on colour. */
interface LegendProps {
  readonly spec: ChartSpec;
  readonly rows: readonly ChartRow[];
  readonly isOver: boolean;
}

function Legend({ spec, rows, isOver }: LegendProps) {
  return (
    <span className={classes.legend}>
      {isOver && spec.lines.some(({ summary }) => summary === 'peak') ? <span>Highest:</span> : null}
      {spec.lines.map((line) => (
        <span key={line.key} className={classes.entry}>
          <svg viewBox="0 0 14 10" aria-hidden>
            {line.kind === 'area' ? (
              <rect x="0" y="1" width="14" height="8" rx="2" fill={line.color} />
            ) : (
              <line
                x1="0"
                x2="14"
                y1="5"
                y2="5"
                stroke={line.color}
                strokeWidth="2.5"
                {...(line.isDashed ? { strokeDasharray: '4 2.5' } : {})}
              />
            )}
          </svg>
          <span>{line.label}</span>
          <b>{formatFigure(spec, figureOf(line, rows, isOver))}</b>
        </span>
      ))}
    </span>
  );
}

import { memo, useMemo, useRef, type KeyboardEvent, type ReactNode, type RefObject } from 'react';
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
  useActiveTooltipLabel,
} from 'recharts';
import type { SeriesPoint } from '../store/series.ts';
import { ChartTooltip } from './chart-tooltip.tsx';
import { axisTicks, formatAxis, toChart, valueTicks, type ChartSpec } from './chart-specs.ts';
import classes from './time-chart.module.css';
import { useRemPx } from './use-rem-px.ts';

/** All charts keep this much for their y axis, so that one moment stands at one place in all of them. */
const Y_AXIS_REM = 4;
/** The last mark of the time axis is written around the end of the axis. */
const MARGIN_RIGHT_REM = 1.5;
const TICK_REM = 0.8125;
/** Below an axis without labels: half of the lowest mark of the y axis stands there. */
const AXIS_REM = 0.5;
/** Past this share of the axis, the mark's name stands to its left. */
const MARK_TURNS = 0.8;

interface PlotProps {
  readonly spec: ChartSpec;
  readonly points: readonly SeriesPoint[];
  readonly stock: number;
  /** End of the time axis, the same for all charts of a run. */
  readonly endMs: number;
  /** Whether the marks of the time axis are written below. */
  readonly hasTimeLabels: boolean;
  /** Whether the cursor shows in all charts at once: with live data, each move would draw all of them anew. */
  readonly isSynced: boolean;
  readonly markMs?: number | undefined;
  /** Told the moment, in ms since the first request, that was clicked, or chosen with the arrow keys and Enter. */
  readonly onPick?: ((tMs: number) => void) | undefined;
}

interface TimeChartProps extends PlotProps {
  readonly legend: ReactNode;
}

/** One chart of a run, with its figures as text above it. */
export function TimeChart({ legend, ...plot }: TimeChartProps) {
  const { spec, hasTimeLabels } = plot;
  return (
    <figure className={classes.chart} data-tall={spec.isTall} data-labels={hasTimeLabels}>
      <figcaption className={classes.caption}>
        <strong>{spec.title}</strong>
        <span className={classes.hint}>{spec.hint}</span>
        {legend}
      </figcaption>
      <Plot {...plot} />
    </figure>
  );
}

/** The drawing, which the figures above it do not draw anew. */
const Plot = memo(function Plot(props: PlotProps) {
  const { spec, points, stock, endMs, hasTimeLabels, isSynced, markMs, onPick } = props;
  const remPx = useRemPx();
  const active = useRef<number>(undefined);
  const { rows, drawn, maximum } = useMemo(() => toChart(spec, points, stock), [spec, points, stock]);
  const timeTicks = useMemo(() => axisTicks(endMs), [endMs]);
  const yTicks = valueTicks(spec, maximum, stock);
  const top = yTicks.at(-1) ?? 0;
  const tick = { fill: 'var(--muted)', fontSize: TICK_REM * remPx };
  // Recharts' own Enter puts the figures away; here it opens the moment, as a click does.
  const pickActive = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !onPick || active.current === undefined) return;
    event.stopPropagation();
    onPick(active.current);
  };
  return (
    <div className={classes.plot} onKeyDownCapture={pickActive}>
      <ResponsiveContainer width="100%" height="100%" debounce={80}>
        <ComposedChart
          data={rows}
          margin={{ top: 6, right: MARGIN_RIGHT_REM * remPx, bottom: 0, left: 0 }}
          {...(isSynced ? { syncId: 'run', syncMethod: 'value' } : {})}
          accessibilityLayer
          title={`${spec.title}: ${spec.hint}`}
          {...(onPick ? { onClick: (state) => pick(state.activeLabel, onPick) } : {})}
        >
          <CartesianGrid stroke="var(--line)" vertical={false} />
          <XAxis
            dataKey="tMs"
            type="number"
            domain={[0, endMs]}
            ticks={timeTicks}
            tickFormatter={formatAxis}
            tick={hasTimeLabels ? tick : false}
            height={(hasTimeLabels ? 1.5 : AXIS_REM) * remPx}
            tickLine={false}
            axisLine={{ stroke: 'var(--line-strong)' }}
            interval={0}
          />
          <YAxis
            width={Y_AXIS_REM * remPx}
            domain={[0, top]}
            ticks={yTicks}
            tickFormatter={spec.formatTick}
            tick={tick}
            tickLine={false}
            axisLine={false}
            interval={0}
            allowDataOverflow={false}
          />
          {markMs === undefined ? null : (
            <ReferenceLine
              x={markMs}
              stroke="var(--accent-line)"
              strokeWidth={1.5}
              strokeDasharray="2 3"
              ifOverflow="hidden"
              {...(spec.isTall
                ? {
                    label: {
                      value: 'sold out',
                      position: markMs > endMs * MARK_TURNS ? 'insideTopRight' : 'insideTopLeft',
                      fill: 'var(--accent-text)',
                      fontSize: TICK_REM * remPx,
                      fontWeight: 600,
                    },
                  }
                : {})}
            />
          )}
          <Tooltip
            isAnimationActive={false}
            cursor={{ stroke: 'var(--muted)', strokeDasharray: '3 3' }}
            content={<ChartTooltip spec={spec} />}
          />
          <ActiveMoment moment={active} />
          {/* All of them, always: Recharts stacks bands in the order in which they came. */}
          {spec.lines.map((line) =>
            line.kind === 'area' ? (
              <Area
                key={line.key}
                dataKey={line.key}
                name={line.label}
                type={spec.curve}
                stroke={drawn.includes(line) ? line.color : 'none'}
                strokeWidth={1.75}
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
                strokeWidth={2}
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
  );
});

/** Notes the moment under the cursor, which Recharts keeps to itself; draws nothing. */
function ActiveMoment({ moment }: { readonly moment: RefObject<number | undefined> }) {
  const label = useActiveTooltipLabel();
  moment.current = label === undefined ? undefined : Number(label);
  return null;
}

function pick(label: unknown, onPick: (tMs: number) => void): void {
  const tMs = Number(label);
  if (label !== undefined && Number.isFinite(tMs)) onPick(tMs);
}

import {
  createContext,
  memo,
  use,
  useEffect,
  useEffectEvent,
  useMemo,
  useRef,
  useState,
  type ComponentProps,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react';
import { flushSync } from 'react-dom';
import {
  Area,
  CartesianGrid,
  ComposedChart,
  ReferenceArea,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
  useActiveTooltipLabel,
  usePlotArea,
} from 'recharts';
import { ChartTooltip } from './chart-tooltip.tsx';
import {
  isOnOthers,
  axisTicks,
  formatAxis,
  valueTicks,
  type ChartData,
  type ChartLimit,
  type ChartMark,
  type ChartRow,
  type ChartSpec,
} from './chart-specs.ts';
import { seriesPaths } from './series-paths.ts';
import classes from './time-chart.module.css';
import { useRemPx } from './use-rem-px.ts';

/** Width of every chart's y axis, so that a moment has the same place in all charts. */
const Y_AXIS_REM = 4;
/** Room for the last label of the time axis, which is centred at its end. */
const MARGIN_RIGHT_REM = 1.5;
const TICK_REM = 0.8125;
/** Room below an axis without labels, for the lower half of the lowest y label. */
const AXIS_REM = 0.5;
/** Distance between the labels of two close marks. */
const MARK_LANE_REM = 1;

interface PlotProps {
  readonly spec: ChartSpec;
  /** Ends of the time axis, which all charts of a run share, and of the y axis. */
  readonly endMs: number;
  readonly top: number;
  /** Where the part of the time axis begins that is shown; 0 by default. */
  readonly startMs?: number;
  readonly limits?: readonly ChartLimit[];
  /** Called with a stretch that was drawn with the pointer, in ms since the first request. */
  readonly onZoom?: ((startMs: number, endMs: number) => void) | undefined;
  /** Whether the time axis has labels. */
  readonly hasTimeLabels: boolean;
  /** Whether the run goes on. Only the charts of a finished run share a cursor: each move redraws all of them. */
  readonly isLive: boolean;
  readonly marks: readonly ChartMark[];
  /** Called with a moment, in ms since the first request, that was clicked or chosen with arrow keys and Enter. */
  readonly onPick?: ((tMs: number) => void) | undefined;
}

interface TimeChartProps extends PlotProps {
  readonly data: ChartData;
  /** Rows for the shared cursor while the pointer is at another chart. */
  readonly rows: readonly ChartRow[];
  readonly legend: ReactNode;
}

export const NO_ROWS: readonly ChartRow[] = [];
const NO_LIMITS: readonly ChartLimit[] = [];
/** ms between two updates of the rows under the pointer in a live chart. */
const POINTED_MS = 500;

const NewestData = createContext<ChartData>({ rows: NO_ROWS, drawn: [], top: 0 });

/** One chart of a run, with its values as text above it. */
export function TimeChart({ legend, data, rows: atRest, ...plot }: TimeChartProps) {
  const { spec, hasTimeLabels, isLive } = plot;
  const { pointed, ...onPoint } = useRowsUnderPointer(data.rows, isLive);
  return (
    <figure className={classes.chart} data-tall={spec.isTall} data-labels={hasTimeLabels}>
      <figcaption className={classes.caption}>
        <strong>{spec.title}</strong>
        <span className={classes.hint}>{spec.hint}</span>
        {legend}
      </figcaption>
      <div className={classes.plot} {...onPoint}>
        <NewestData value={data}>
          <Plot {...plot} rows={pointed ?? atRest} />
        </NewestData>
      </div>
    </figure>
  );
}

/**
 * The rows for Recharts' cursor and tooltip while the chart has the pointer or the focus. In a live chart they are
 * updated less often than drawn, since Recharts is slow to take new rows.
 */
function useRowsUnderPointer(newest: readonly ChartRow[], isLive: boolean) {
  const [pointed, setPointed] = useState<readonly ChartRow[]>();
  const isPointed = pointed !== undefined;
  const refresh = useEffectEvent(() => setPointed(newest));
  useEffect(() => {
    if (!isPointed) return;
    refresh();
    if (!isLive) return;
    const timer = setInterval(refresh, POINTED_MS);
    return () => clearInterval(timer);
  }, [isLive, isPointed]);
  // Synchronously: Recharts handles the same event next, and needs the rows to find the moment.
  const point = (): void => {
    if (!isPointed) flushSync(() => setPointed(newest));
  };
  const leave = (): void => setPointed(undefined);
  return {
    pointed,
    onPointerEnter: point,
    // A chart that appears under a resting pointer gets no enter event.
    onPointerMove: point,
    onPointerLeave: leave,
    onFocus: point,
    onBlur: leave,
  };
}

/** The axes, the cursor and the tooltip, which new values do not redraw. */
const Plot = memo(function Plot(props: PlotProps & { readonly rows: readonly ChartRow[] }) {
  const { spec, rows, startMs = 0, endMs, top, hasTimeLabels, isLive, marks, limits = NO_LIMITS } = props;
  const { onPick, onZoom } = props;
  const [stretch, setStretch] = useState<readonly [fromMs: number, toMs: number]>();
  // The click that ends a stretch opens no moment.
  const hasZoomed = useRef(false);
  const endStretch = (): void => {
    setStretch(undefined);
    if (!stretch || stretch[0] === stretch[1]) return;
    hasZoomed.current = true;
    onZoom?.(Math.min(...stretch), Math.max(...stretch));
  };
  const zooming: Pick<
    ComponentProps<typeof ComposedChart>,
    'onMouseDown' | 'onMouseMove' | 'onMouseUp'
  > = onZoom
    ? {
        onMouseDown: ({ activeLabel }) => {
          hasZoomed.current = false;
          if (activeLabel !== undefined) setStretch([Number(activeLabel), Number(activeLabel)]);
        },
        onMouseMove: ({ activeLabel }) => {
          if (stretch && activeLabel !== undefined) setStretch([stretch[0], Number(activeLabel)]);
        },
        onMouseUp: endStretch,
      }
    : {};
  const remPx = useRemPx();
  const active = useRef<number>(undefined);
  const timeTicks = useMemo(() => axisTicks(endMs, startMs), [endMs, startMs]);
  const yTicks = valueTicks(spec, top);
  const tick = { fill: 'var(--muted)', fontSize: TICK_REM * remPx };
  // In Recharts Enter hides the tooltip; here it opens the moment, as a click does.
  const pickActive = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !onPick || active.current === undefined) return;
    event.stopPropagation();
    onPick(active.current);
  };
  return (
    <div className={classes.drawing} onKeyDownCapture={pickActive}>
      <ResponsiveContainer width="100%" height="100%" debounce={80}>
        <ComposedChart
          data={rows}
          margin={{ top: 6, right: MARGIN_RIGHT_REM * remPx, bottom: 0, left: 0 }}
          {...(isLive ? {} : { syncId: 'run', syncMethod: 'value' })}
          accessibilityLayer
          title={`${spec.title}: ${spec.hint}`}
          {...zooming}
          {...(onPick
            ? { onClick: ({ activeLabel }) => (hasZoomed.current ? undefined : pick(activeLabel, onPick)) }
            : {})}
        >
          <CartesianGrid stroke="var(--line)" vertical={false} />
          <XAxis
            dataKey="tMs"
            type="number"
            domain={[startMs, endMs]}
            // Without this, Recharts draws no ticks while there are no rows.
            allowDataOverflow
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
            allowDataOverflow
          />
          {marks.map(({ tMs, label, endMs: untilMs }) =>
            untilMs === undefined ? null : (
              <ReferenceArea
                key={`${tMs} ${label}`}
                x1={Math.max(tMs, startMs)}
                x2={Math.min(untilMs, endMs)}
                fill="var(--accent)"
                fillOpacity={0.16}
                ifOverflow="hidden"
              />
            ),
          )}
          {marks.map((mark) => (
            <ReferenceLine
              key={`${mark.tMs} ${mark.label}`}
              x={mark.tMs}
              stroke="var(--accent-line)"
              strokeWidth={1.5}
              strokeDasharray="2 3"
              ifOverflow="hidden"
              {...(spec.isTall
                ? {
                    label: {
                      value: mark.label,
                      position: mark.isTurned ? 'insideTopRight' : 'insideTopLeft',
                      fill: 'var(--accent-text)',
                      fontSize: TICK_REM * remPx,
                      fontWeight: 600,
                      dy: mark.lane * MARK_LANE_REM * remPx,
                    },
                  }
                : {})}
            />
          ))}
          {limits.map(({ label, value }) => (
            <ReferenceLine
              key={label}
              y={value}
              stroke="var(--red)"
              strokeWidth={1.5}
              strokeDasharray="6 3"
              label={{
                value: label,
                position: 'insideBottomRight',
                fill: 'var(--red)',
                fontSize: TICK_REM * remPx,
                fontWeight: 600,
              }}
            />
          ))}
          {stretch ? (
            <ReferenceArea x1={stretch[0]} x2={stretch[1]} fill="var(--sky)" fillOpacity={0.25} />
          ) : null}
          <Tooltip
            isAnimationActive={false}
            // Without rows the cursor would stand at the edge.
            cursor={rows.length > 0 ? { stroke: 'var(--muted)', strokeDasharray: '3 3' } : false}
            content={<ChartTooltip spec={spec} />}
          />
          <ActiveMoment moment={active} />
          <Series spec={spec} startMs={startMs} endMs={endMs} top={top} />
          {/* Invisible except for the dot under the cursor; the cursor and the tooltip read their data. */}
          {spec.lines.map((line) => (
            <Area
              key={line.key}
              dataKey={line.key}
              name={line.label}
              type={spec.curve}
              stroke="none"
              fill="none"
              isAnimationActive={false}
              connectNulls
              activeDot={{ r: 3, strokeWidth: 0, fill: line.color }}
              {...(isOnOthers(spec, line) ? { stackId: 'all' } : {})}
            />
          ))}
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  );
});

interface SeriesProps {
  readonly spec: ChartSpec;
  readonly startMs: number;
  readonly endMs: number;
  readonly top: number;
}

/** The newest data, drawn within Recharts' axes. */
function Series({ spec, startMs, endMs, top }: SeriesProps) {
  const { rows, drawn } = use(NewestData);
  const area = usePlotArea();
  if (!area) return null;
  return seriesPaths(spec, rows, { ...area, startMs, endMs, top }).map(({ key, edge, band }, at) => {
    const line = spec.lines[at];
    if (!line) return null;
    return (
      <g key={key} data-series={key} fill="none">
        {band === undefined ? null : <path d={band} fill={line.color} fillOpacity={0.28} />}
        {drawn.includes(line) ? (
          <path
            d={edge}
            stroke={line.color}
            strokeWidth={line.kind === 'area' ? 1.75 : 2}
            {...(line.isDashed ? { strokeDasharray: '5 3' } : {})}
          />
        ) : null}
      </g>
    );
  });
}

/** Reads the moment under the cursor, which only Recharts' hook knows; draws nothing. */
function ActiveMoment({ moment }: { readonly moment: RefObject<number | undefined> }) {
  const label = useActiveTooltipLabel();
  moment.current = label === undefined ? undefined : Number(label);
  return null;
}

function pick(label: unknown, onPick: (tMs: number) => void): void {
  const tMs = Number(label);
  if (label !== undefined && Number.isFinite(tMs)) onPick(tMs);
}

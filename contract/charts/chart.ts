/** Charts as inline SVG, made by hand: a report must open offline, in ten years, without a script. */
import { niceTicks, timeLabel } from './scale.ts';
import type { LaidMark } from '../run-marks.ts';
import { type Markup, NOTHING, html } from './markup.ts';

const WIDTH = 640;
const HEIGHT = 250;
const LEFT = 52;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 28;
/** Between the names of two moments that are close to each other. */
const LANE_HEIGHT = 14;
/** SVG units; below it bars touch. */
const MIN_WIDTH_FOR_GAPS = 4;

/** Names of the colours, which the style sheets of report and window hold. */
export type ColorName = 'blue' | 'orange' | 'red' | 'green' | 'violet' | 'grey';

export interface ChartColumn {
  readonly startMs: number;
  readonly endMs: number;
  /** Shown when the pointer rests on the column. */
  readonly tooltip: string;
}

export interface ChartSeries {
  readonly name: string;
  readonly color: ColorName;
  /** `bars` are stacked on each other; `area` is a filled line. */
  readonly kind: 'bars' | 'line' | 'area';
  readonly isDashed?: boolean;
  /** A line that stands level over each column: what was sampled in it, and no slope to the next. */
  readonly isStepped?: boolean;
  /** One a column; `undefined` leaves a gap. */
  readonly values: readonly (number | undefined)[];
  /**
   * Value at time 0, of a series that tells how things stood at each column's end. Without it, a point is its
   * column's middle.
   */
  readonly initial?: number;
  /** Stands beside the name in the legend. */
  readonly note: string;
}

export interface ChartSpec {
  readonly id: string;
  readonly title: string;
  /** One sentence: what to look for. */
  readonly caption: string;
  readonly columns: readonly ChartColumn[];
  readonly series: readonly ChartSeries[];
  readonly formatY: (value: number) => string;
  readonly isWholeY?: boolean;
  /** Where the y axis is no amount. */
  readonly yTicks?: readonly number[];
  /** A count for each row of each column, the lowest row first: drawn darker, the more there are. */
  readonly heat?: readonly (readonly number[])[];
  /** Where the x axis is no time: its ticks. */
  readonly xTicks?: readonly { readonly at: number; readonly label: string }[];
  /** Moments with an upright line, such as that at which something was broken on purpose. */
  readonly moments?: readonly LaidMark[];
  /** A dashed line across, such as the stock. */
  readonly mark?: { readonly value: number; readonly label: string };
}

interface Axes {
  readonly x: (ms: number) => number;
  readonly y: (value: number) => number;
}

/** A figure with title, legend and chart. */
export function renderChart(spec: ChartSpec): Markup {
  return html`<figure class="card chart" id="${spec.id}" aria-labelledby="${spec.id}-title">
    <figcaption>
      <h3 id="${spec.id}-title">${spec.title}</h3>
      <p>${spec.caption}</p>
      ${spec.series.length === 0 ? NOTHING : renderLegend(spec.series)}
    </figcaption>
    ${spec.columns.length === 0 ? html`<p class="empty">No samples were taken.</p>` : renderPlot(spec)}
  </figure>`;
}

function renderLegend(series: readonly ChartSeries[]): Markup {
  return html`<ul class="legend">
    ${series.map(
      ({ name, color, isDashed, note }) =>
        html`<li><i class="swatch ${color}${isDashed ? ' dashed' : ''}"></i>${name} <b>${note}</b></li>`,
    )}
  </ul>`;
}

function renderPlot(spec: ChartSpec): Markup {
  const { columns, series } = spec;
  const endMs = columns.at(-1)?.endMs ?? 1;
  const yTicks = spec.yTicks ?? niceTicks(highestOf(spec), 4, spec.isWholeY);
  const top = yTicks.at(-1) ?? 1;
  const axes: Axes = {
    x: (ms) => LEFT + (ms / endMs) * (WIDTH - LEFT - RIGHT),
    y: (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM),
  };
  const description = `${spec.title}. ${series.length === 0 ? spec.caption : series.map(({ name, note }) => `${name}: ${note}`).join('; ')}`;
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${description}">
    ${spec.moments?.map((moment) => renderBand(moment, axes, endMs)) ?? NOTHING}
    ${renderGrid(spec, axes, yTicks, endMs)} ${renderBars(spec, axes)}
    ${spec.heat ? renderHeat(columns, spec.heat, axes) : NOTHING}
    ${series.filter(({ kind }) => kind !== 'bars').map((each) => renderLine(each, columns, axes))}
    ${spec.mark ? renderMark(spec.mark, axes) : NOTHING}
    ${spec.moments?.map((moment) => renderMoment(moment, axes)) ?? NOTHING}
    ${columns.map(
      ({ startMs, endMs: end, tooltip }) =>
        html`<rect
          class="hit"
          x="${round(axes.x(startMs))}"
          y="${TOP}"
          width="${round(Math.max(axes.x(end) - axes.x(startMs), 0.5))}"
          height="${HEIGHT - TOP - BOTTOM}"
          ><title>${tooltip}</title></rect
        >`,
    )}
  </svg>`;
}

function highestOf({ columns, series, mark }: ChartSpec): number {
  const bars = series.filter(({ kind }) => kind === 'bars');
  const stacked = columns.map((_, at) => bars.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const others = series
    .filter(({ kind }) => kind !== 'bars')
    .flatMap(({ values, initial }) => [initial ?? 0, ...values.map((value) => value ?? 0)]);
  return Math.max(0, mark?.value ?? 0, ...stacked, ...others);
}

function renderGrid(spec: ChartSpec, { x, y }: Axes, yTicks: readonly number[], endMs: number): Markup {
  const isSeconds = endMs >= 1_500;
  const times = niceTicks(endMs, 5).map((ms) => ({
    at: ms,
    label: ms === 0 ? '0' : timeLabel(ms, isSeconds),
  }));
  const xTicks = (spec.xTicks ?? times).filter(({ at }) => at <= endMs * 1.001);
  return html`<g class="grid">
    ${yTicks.map(
      (value) =>
        html`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(value))}" y2="${round(y(value))}" /><text
            x="${LEFT - 8}"
            y="${round(y(value) + 4)}"
            text-anchor="end"
            >${spec.formatY(value)}</text
          >`,
    )}
    ${xTicks.map(({ at: ms, label }, at) => {
      // The last label would hang over the edge.
      const anchor = x(ms) > WIDTH - RIGHT - 16 ? 'end' : at === 0 ? 'start' : 'middle';
      return html`<text x="${round(x(ms))}" y="${HEIGHT - 8}" text-anchor="${anchor}">${label}</text>`;
    })}
  </g>`;
}

function renderBars({ columns, series }: ChartSpec, { x, y }: Axes): Markup {
  const stack = columns.map(() => 0);
  return html`${series
    .filter(({ kind }) => kind === 'bars')
    .map(({ color, values }) => {
      const path = columns.map(({ startMs, endMs }, at) => {
        const value = values[at] ?? 0;
        if (value <= 0) return '';
        const from = stack[at] ?? 0;
        stack[at] = from + value;
        const width = x(endMs) - x(startMs);
        const gap = width >= MIN_WIDTH_FOR_GAPS ? Math.min(width * 0.12, 3) : 0;
        const left = round(x(startMs) + gap / 2);
        const right = round(x(endMs) - gap / 2);
        return `M${left} ${round(y(from))}V${round(y(from + value))}H${right}V${round(y(from))}Z`;
      });
      return html`<path class="bar ${color}" d="${path.join('')}" />`;
    })}`;
}

const HEAT_LEVELS = 6;

/** One path for each shade. Shades go by the logarithm: a single slow answer among thousands is seen. */
function renderHeat(
  columns: readonly ChartColumn[],
  heat: readonly (readonly number[])[],
  { x, y }: Axes,
): Markup {
  const highest = Math.max(1, ...heat.flat());
  const paths = Array.from({ length: HEAT_LEVELS }, () => '');
  for (const [at, { startMs, endMs }] of columns.entries())
    for (const [row, count] of (heat[at] ?? []).entries()) {
      if (count === 0) continue;
      const share = Math.log1p(count) / Math.log1p(highest);
      const level = Math.min(HEAT_LEVELS, Math.ceil(HEAT_LEVELS * share)) - 1;
      const [left, right, bottom, top] = [x(startMs), x(endMs), y(row), y(row + 1)].map(round);
      paths[level] += `M${left} ${bottom}V${top}H${right}V${bottom}Z`;
    }
  return html`${paths.map(
    (path, level) => html`<path class="bar blue" fill-opacity="${(level + 1) / HEAT_LEVELS}" d="${path}" />`,
  )}`;
}

function renderLine(series: ChartSeries, columns: readonly ChartColumn[], axes: Axes): Markup {
  const lines = splitAtGaps(pointsOf(series, columns));
  const path = lines
    .map((line) =>
      line
        .map(([ms, value], at) => `${at === 0 ? 'M' : 'L'}${round(axes.x(ms))} ${round(axes.y(value))}`)
        .join(''),
    )
    .join('');
  const area = lines
    .map((line) => {
      const first = line[0]?.[0] ?? 0;
      const last = line.at(-1)?.[0] ?? 0;
      const top = line.map(([ms, value]) => `L${round(axes.x(ms))} ${round(axes.y(value))}`).join('');
      return `M${round(axes.x(first))} ${round(axes.y(0))}${top}L${round(axes.x(last))} ${round(axes.y(0))}Z`;
    })
    .join('');
  return html`${series.kind === 'area' ? html`<path class="area ${series.color}" d="${area}" />` : NOTHING}<path
      class="line ${series.color}${series.isDashed ? ' dashed' : ''}"
      d="${path}"
    />`;
}

type Point = readonly [ms: number, value: number];

function pointsOf(
  { values, initial, isStepped }: ChartSeries,
  columns: readonly ChartColumn[],
): (Point | undefined)[] {
  if (isStepped)
    return columns.flatMap(({ startMs, endMs }, at) => [
      pointAt(startMs, values[at]),
      pointAt(endMs, values[at]),
    ]);
  if (initial !== undefined)
    return [[0, initial], ...columns.map(({ endMs }, at) => pointAt(endMs, values[at]))];
  const points = columns.map(({ startMs, endMs }, at) => pointAt((startMs + endMs) / 2, values[at]));
  // Flat to both edges, so that a run of one column is a line and not a dot.
  return [
    pointAt(columns[0]?.startMs ?? 0, values[0]),
    ...points,
    pointAt(columns.at(-1)?.endMs ?? 0, values.at(-1)),
  ];
}

function pointAt(ms: number, value: number | undefined): Point | undefined {
  return value === undefined ? undefined : [ms, value];
}

function splitAtGaps(points: readonly (Point | undefined)[]): Point[][] {
  const lines: Point[][] = [];
  let line: Point[] = [];
  for (const point of [...points, undefined]) {
    if (point) line.push(point);
    else if (line.length > 0) {
      lines.push(line);
      line = [];
    }
  }
  return lines;
}

function renderMark({ value, label }: { value: number; label: string }, { y }: Axes): Markup {
  return html`<g class="mark"
    ><line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(value))}" y2="${round(y(value))}" /><text
      x="${WIDTH - RIGHT - 4}"
      y="${round(y(value) + 14)}"
      text-anchor="end"
      >${label}</text
    ></g
  >`;
}

function renderBand({ tMs, endMs }: LaidMark, { x }: Axes, lastMs: number): Markup {
  if (endMs === undefined || tMs >= lastMs) return NOTHING;
  const [from, to] = [x(tMs), x(Math.min(endMs, lastMs))];
  return html`<rect
    class="band"
    x="${round(from)}"
    y="${TOP}"
    width="${round(to - from)}"
    height="${HEIGHT - TOP - BOTTOM}"
  />`;
}

function renderMoment({ tMs, label, lane, isTurned }: LaidMark, { x }: Axes): Markup {
  const at = round(x(tMs));
  return html`<g class="mark"
    ><line x1="${at}" x2="${at}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" /><text
      x="${at + (isTurned ? -4 : 4)}"
      y="${TOP + 12 + lane * LANE_HEIGHT}"
      text-anchor="${isTurned ? 'end' : 'start'}"
      >${label}</text
    ></g
  >`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

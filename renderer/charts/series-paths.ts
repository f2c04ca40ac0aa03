/**
 * The lines and bands of a chart as SVG paths. Recharts would draw them too, but through its own store, at some twenty milliseconds a
 * chart: too much for five charts ten times a second.
 */
import type { ChartRow, ChartSpec } from './chart-specs.ts';

/** Where a chart is drawn, and what its axes span. */
export interface PlotFrame {
  /** Pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** The time at the right edge, in ms, and the value at the upper one. Beyond them nothing is drawn. */
  readonly endMs: number;
  readonly top: number;
}

export interface SeriesPath {
  readonly key: string;
  readonly edge: string;
  /** Of an area: what is filled. */
  readonly band?: string;
}

/** One path a line of the chart, in the order in which they are stacked; rows without a value are passed over. */
export function seriesPaths(spec: ChartSpec, rows: readonly ChartRow[], frame: PlotFrame): SeriesPath[] {
  const { x, y, width, height, endMs, top } = frame;
  const bottom = pixel(y + height);
  const toX = (tMs: number): number => pixel(x + (tMs / endMs) * width);
  const toY = (value: number): number => pixel(y + height - (Math.min(value, top) / top) * height);
  const bases = new Float64Array(rows.length);
  return spec.lines.map(({ key, kind }) => {
    let edge = '';
    let back = '';
    let lastX = 0;
    rows.forEach((row, at) => {
      const value = row[key];
      if (value === undefined || row.tMs > endMs) return;
      const base = spec.isStacked ? (bases[at] ?? 0) : 0;
      const [atX, atY] = [toX(row.tMs), toY(base + value)];
      edge +=
        edge === '' ? `M${atX},${atY}` : spec.curve === 'stepAfter' ? `H${atX}V${atY}` : `L${atX},${atY}`;
      if (spec.isStacked) {
        back = `L${atX},${toY(base)}${back}`;
        bases[at] = base + value;
      } else if (back === '') back = `L${atX},${bottom}`;
      lastX = atX;
    });
    if (kind === 'line' || edge === '') return { key, edge };
    return { key, edge, band: `${edge}${spec.isStacked ? '' : `L${lastX},${bottom}`}${back}Z` };
  });
}

const pixel = (value: number): number => Math.round(value * 10) / 10;

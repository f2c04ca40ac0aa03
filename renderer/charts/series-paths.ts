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

/** One path a line of the chart, in the order in which they are stacked; a stretch that is not known, or long without a value, is a gap. */
export function seriesPaths(spec: ChartSpec, rows: readonly ChartRow[], frame: PlotFrame): SeriesPath[] {
  const { x, y, width, height, endMs, top } = frame;
  const bottom = pixel(y + height);
  const toX = (tMs: number): number => pixel(x + (tMs / endMs) * width);
  const toY = (value: number): number => pixel(y + height - (Math.min(value, top) / top) * height);
  const bases = new Float64Array(rows.length);
  return spec.lines.map(({ key, kind }, order) => {
    let shown = '';
    let before = 0;
    const pieces: Piece[] = [];
    let piece: Piece | undefined;
    let lastMs = 0;
    rows.forEach((row, at) => {
      const value = row[key];
      // Not known: a gap, however short.
      if (value === null) piece = undefined;
      if (value === undefined || value === null || row.tMs > endMs) return;
      const isSilent = at > 0 && rows[at - 1]?.[key] === undefined && row.tMs - lastMs > GAP_MS;
      if (piece === undefined || isSilent) pieces.push((piece = { edge: '', back: '', lastX: 0 }));
      lastMs = row.tMs;
      const base = spec.isStacked ? (bases[at] ?? 0) : 0;
      const [atX, atY] = [toX(row.tMs), toY(base + value)];
      const isFirst = piece.edge === '';
      const way = spec.curve === 'stepAfter' ? `H${atX}V${atY}` : `L${atX},${atY}`;
      piece.edge += isFirst ? `M${atX},${atY}` : way;
      // A band of nothing has the edge of the band below it, which must keep its own colour.
      const isHidden = spec.isStacked && order > 0 && value === 0 && before === 0;
      shown += isFirst || isHidden ? `M${atX},${atY}` : way;
      before = value;
      if (spec.isStacked) {
        piece.back = `L${atX},${toY(base)}${piece.back}`;
        bases[at] = base + value;
      } else if (isFirst) piece.back = `L${atX},${bottom}`;
      piece.lastX = atX;
    });
    if (kind === 'line' || shown === '') return { key, edge: shown };
    const closed = pieces.map(
      (each) => `${each.edge}${spec.isStacked ? '' : `L${each.lastX},${bottom}`}${each.back}Z`,
    );
    return { key, edge: shown, band: closed.join('') };
  });
}

/** A stretch of a line without a gap. */
interface Piece {
  edge: string;
  /** The way back to the start, of what is filled. */
  back: string;
  lastX: number;
}

/** ms without anything to tell, after which a line is not drawn on: at a low rate, many a stretch has no answer. */
const GAP_MS = 1_000;

const pixel = (value: number): number => Math.round(value * 10) / 10;

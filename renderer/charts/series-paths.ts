/**
 * The lines and bands of a chart as SVG paths. Recharts takes about 20 ms to draw a chart, too long for five charts ten
 * times a second.
 */
import { isOnOthers, type ChartRow, type ChartSpec } from './chart-specs.ts';

/** Where a chart is drawn, and the range of its axes. */
export interface PlotFrame {
  /** Pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** The times at the left and right edge in ms, and the value at the upper edge. Nothing is drawn beyond them. */
  readonly startMs?: number;
  readonly endMs: number;
  readonly top: number;
}

export interface SeriesPath {
  readonly key: string;
  readonly edge: string;
  /** The filled part of an area. */
  readonly band?: string;
}

/** One path per line, in stacking order. Unknown values, and long intervals without a value, are gaps. */
export function seriesPaths(spec: ChartSpec, rows: readonly ChartRow[], frame: PlotFrame): SeriesPath[] {
  const { x, y, width, height, startMs = 0, endMs, top } = frame;
  const bottom = pixel(y + height);
  const toX = (tMs: number): number => pixel(x + ((tMs - startMs) / (endMs - startMs)) * width);
  const toY = (value: number): number => pixel(y + height - (Math.min(value, top) / top) * height);
  const bases = new Float64Array(rows.length);
  return spec.lines.map((line, order) => {
    const { key, kind } = line;
    const isStacked = isOnOthers(spec, line);
    let shown = '';
    let before = 0;
    const pieces: Piece[] = [];
    let piece: Piece | undefined;
    let lastMs = 0;
    rows.forEach((row, at) => {
      const value = row[key];
      // Unknown: always a gap.
      if (value === null) piece = undefined;
      if (value === undefined || value === null || row.tMs > endMs || row.tMs < startMs) return;
      const isSilent = at > 0 && rows[at - 1]?.[key] === undefined && row.tMs - lastMs > GAP_MS;
      if (piece === undefined || isSilent) pieces.push((piece = { edge: '', back: '', lastX: 0 }));
      lastMs = row.tMs;
      const base = isStacked ? (bases[at] ?? 0) : 0;
      const [atX, atY] = [toX(row.tMs), toY(base + value)];
      const isFirst = piece.edge === '';
      const way = WAYS[spec.curve](atX, atY);
      piece.edge += isFirst ? `M${atX},${atY}` : way;
      // The edge of an empty band would cover the edge of the band below it.
      const isHidden = isStacked && order > 0 && value === 0 && before === 0;
      shown += isFirst || isHidden ? `M${atX},${atY}` : way;
      before = value;
      if (isStacked) {
        // The way back along the band below has the same corners.
        const back = isFirst || spec.curve !== 'stepBefore' ? '' : `H${piece.lastX}`;
        piece.back = `L${atX},${toY(base)}${back}${piece.back}`;
        bases[at] = base + value;
      } else if (isFirst) piece.back = `L${atX},${bottom}`;
      piece.lastX = atX;
    });
    if (kind === 'line' || shown === '') return { key, edge: shown };
    const closed = pieces.map(
      (each) => `${each.edge}${isStacked ? '' : `L${each.lastX},${bottom}`}${each.back}Z`,
    );
    return { key, edge: shown, band: closed.join('') };
  });
}

const WAYS: Readonly<Record<ChartSpec['curve'], (x: number, y: number) => string>> = {
  linear: (x, y) => `L${x},${y}`,
  stepAfter: (x, y) => `H${x}V${y}`,
  stepBefore: (x, y) => `V${y}H${x}`,
};

/** A stretch of a line without a gap. */
interface Piece {
  edge: string;
  /** The path back to the start, to close the filled area. */
  back: string;
  lastX: number;
}

/** ms without a value after which a line has a gap: at a low rate, many intervals have no answer. */
const GAP_MS = 1_000;

const pixel = (value: number): number => Math.round(value * 10) / 10;

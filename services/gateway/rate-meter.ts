/** ms over which the rate is taken. */
const WINDOW_MS = 1_000;

/** The rate per second of a growing count, over about the last second. */
export class RateMeter {
  readonly #points: { readonly count: number; readonly atMs: number }[] = [];

  /** Whether the count has grown within the window. */
  get isMoving(): boolean {
    const first = this.#points[0];
    const last = this.#points.at(-1);
    return first !== undefined && last !== undefined && last.count !== first.count;
  }

  /** Adds the present count and returns the rate. A lower count (a reset) starts again. */
  add(count: number, atMs: number): number {
    const points = this.#points;
    const last = points.at(-1);
    if (last !== undefined && count < last.count) points.length = 0;
    points.push({ count, atMs });
    // Keeps one point at or before the window's start, to measure from.
    while (points.length > 2 && (points[1]?.atMs ?? atMs) <= atMs - WINDOW_MS) points.shift();
    const first = points[0];
    if (first === undefined || first.atMs === atMs) return 0;
    return Math.round(((count - first.count) * 1_000) / (atMs - first.atMs));
  }
}

/** Round numbers for axes. */

const STEPS = [1, 2, 2.5, 5, 10];

/**
 * Ticks from 0 that reach `highest`, about `count` of them, at round distances.
 * @param isWhole whether fractions make no sense, as for tickets
 */
export function niceTicks(highest: number, count: number, isWhole = false): number[] {
  if (!(highest > 0)) return [0, 1];
  const raw = highest / count;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const factor = STEPS.find((step) => step * magnitude >= raw * (1 - 1e-9)) ?? 10;
  const step = isWhole ? Math.max(1, Math.ceil(factor * magnitude)) : factor * magnitude;
  const steps = Math.ceil(highest / step - 1e-9);
  // Multiplied and rounded, not summed: 0.1 + 0.2 would show.
  return Array.from({ length: steps + 1 }, (_, at) => Number((at * step).toPrecision(12)));
}

/** Times of one axis in one unit: `500 ms`, or `2.5 s`. */
export function timeLabel(ms: number, isSeconds: boolean): string {
  return isSeconds ? `${Number((ms / 1_000).toFixed(2))} s` : `${Number(ms.toFixed(2))} ms`;
}

/** Medians and spreads; the machine is noisy, so a single figure says nothing. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly values: readonly number[];
}

/** @throws Error when there are no values */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new Error('no values to take a median of');
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1
      ? (sorted[middle] ?? min)
      : ((sorted[middle - 1] ?? min) + (sorted[middle] ?? min)) / 2;
  return { median, min, max, values: [...values] };
}

/** Ratios of values that were taken one after the other in the same round. */
export function pairedRatio(values: readonly number[], against: readonly number[]): Spread {
  if (values.length !== against.length)
    throw new Error(`pairs of ${values.length} and ${against.length} values`);
  return spread(values.map((value, index) => value / (against[index] ?? Number.NaN)));
}

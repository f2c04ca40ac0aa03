/**
 * Whether two samples of runs differ, in several metrics at once. Ranks alone decide (Mann-Whitney), so that one run that
 * stood still does not count for more than another. The limit comes from shuffling which run belongs to which sample: it
 * holds for all metrics together, however they hang together, and supposes nothing of their noise.
 */
import { randomFrom } from './chaos.ts';

/** Of all comparisons of a build with itself, the share in which none of the metrics is called different. */
export const CONFIDENCE = 0.99;
const SHUFFLES = 10_000;
const SEED = 1;

/** One metric: a value for each run, all known. */
export interface Samples {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

export interface Shift {
  /** The middle of all differences b - a (Hodges-Lehmann). */
  readonly shift: number;
  /** The interval of the shift; missing where there are too few runs for one. */
  readonly interval?: readonly [low: number, high: number];
}

/**
 * The shift of each metric, with intervals that hold together: all of them hold at once with the confidence. Every metric has the
 * same number of runs, in the same order.
 */
export function shiftsOf(metrics: readonly Samples[]): Shift[] {
  const [first] = metrics;
  if (!first || first.a.length === 0 || first.b.length === 0) return [];
  const pairs = first.a.length * first.b.length;
  const limit = rankLimit(
    metrics.map(({ a, b }) => midranks([...a, ...b])),
    first.a.length,
  );
  // As many of the lowest and of the highest differences are left out as ranks allow.
  const from = limit === undefined ? 0 : Math.floor(pairs / 2 - limit) + 1;
  return metrics.map(({ a, b }) => {
    const differences = a.flatMap((one) => b.map((other) => other - one)).sort((x, y) => x - y);
    const at = (place: number) => differences[place] ?? 0;
    const shift = (at(Math.floor((pairs - 1) / 2)) + at(Math.floor(pairs / 2))) / 2;
    return from < 1 ? { shift } : { shift, interval: [at(from - 1), at(pairs - from)] };
  });
}

/** Whether so many runs could show any difference in so many metrics: that of two samples which do not overlap. */
export function canTell(runsA: number, runsB: number, metrics: number): boolean {
  let ways = 1;
  for (let at = 1; at <= Math.min(runsA, runsB); at++) ways *= (runsA + runsB + 1 - at) / at;
  return Math.min(runsA, runsB) > 0 && (2 * metrics) / ways <= 1 - CONFIDENCE;
}

/** The fewest runs of each of two samples that can show a difference. */
export function fewestRuns(metrics: number): number {
  let runs = 1;
  while (!canTell(runs, runs, metrics)) runs++;
  return runs;
}

/**
 * How far the rank sum of the first sample may be from its middle: chance alone brings any metric as far in 1 -
 * CONFIDENCE of the shuffles at most. `undefined` where it brings every metric to the end more often.
 */
function rankLimit(ranks: readonly (readonly number[])[], countA: number): number | undefined {
  const runs = ranks[0]?.length ?? 0;
  const order = Array.from({ length: runs }, (_, at) => at);
  const middle = (countA * (runs + 1)) / 2;
  const random = randomFrom(SEED);
  const farthest = new Float64Array(SHUFFLES);
  for (let shuffle = 0; shuffle < SHUFFLES; shuffle++) {
    for (let at = 0; at < countA; at++) {
      const other = at + Math.floor(random() * (runs - at));
      [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
    }
    for (const one of ranks) {
      let sum = 0;
      for (let at = 0; at < countA; at++) sum += one[order[at] ?? 0] ?? 0;
      farthest[shuffle] = Math.max(farthest[shuffle] ?? 0, Math.abs(sum - middle));
    }
  }
  farthest.sort();
  const allowed = Math.floor(SHUFFLES * (1 - CONFIDENCE));
  const beyond = farthest[SHUFFLES - 1 - allowed] ?? 0;
  // The next value that occurs: at `beyond` itself, too many shuffles would be different.
  return farthest.find((value) => value > beyond);
}

/** The place of each value in the order, from 1; equal ones share theirs. */
function midranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/**
 * Whether two samples of runs differ, in several metrics at once. Ranks alone decide (Mann-Whitney), so that one run that
 * stood still does not count for more than another. The limit comes from shuffling which run belongs to which sample: it
 * holds for all metrics together, however they hang together, and supposes nothing of their noise but its order.
 *
 * A machine changes while runs are made. Runs of both samples that were made in turn are compared within blocks of neighbours, which
 * the change hits alike. Where one sample was made after the other, neighbours that are alike show how much the machine drifts, and
 * the intervals get that much wider.
 */
import { randomFrom } from './chaos.ts';

/** Of all comparisons of a build with itself, the share in which none of the metrics is called different. */
export const CONFIDENCE = 0.99;
const SHUFFLES = 5_000;
const SEED = 1;
/** Neighbours cannot tell more: a lag that is nearly 1 would widen without end. */
const MOST_ALIKE = 0.8;

/** One metric: a value for each run in the order of time, all known. */
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
 * @param blocks of runs made in turn: the block of each run of A, then of B; each block has as many of both
 */
export function shiftsOf(metrics: readonly Samples[], blocks?: readonly number[]): Shift[] {
  const [first] = metrics;
  if (!first || first.a.length === 0 || first.b.length === 0) return [];
  const countA = first.a.length;
  const pairs = countA * first.b.length;
  const aligned = metrics.map(({ a, b }) => alignedTo(blocks, [...a, ...b]));
  const limit = rankLimit(aligned.map(midranks), countA, blocks);
  // As many of the lowest and of the highest differences are left out as ranks allow.
  const from = limit === undefined ? 0 : Math.floor(pairs / 2 - limit) + 1;
  const widening = blocks ? 1 : driftOf(metrics);
  return aligned.map((values) => {
    const [a, b] = [values.slice(0, countA), values.slice(countA)];
    const differences = a.flatMap((one) => b.map((other) => other - one)).sort((x, y) => x - y);
    const at = (place: number) => differences[place] ?? 0;
    const shift = (at(Math.floor((pairs - 1) / 2)) + at(Math.floor(pairs / 2))) / 2;
    if (from < 1) return { shift };
    const wide = (end: number) => shift + (end - shift) * widening;
    return { shift, interval: [wide(at(from - 1)), wide(at(pairs - from))] };
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

/** Values without what the runs of their block have in common. */
function alignedTo(blocks: readonly number[] | undefined, values: readonly number[]): readonly number[] {
  if (!blocks) return values;
  return values.map((value, at) => {
    const ofBlock = values.filter((_, other) => blocks[other] === blocks[at]);
    return value - ofBlock.reduce((sum, one) => sum + one, 0) / ofBlock.length;
  });
}

/**
 * How far the rank sum of the first sample may be from its middle: chance alone brings any metric as far in 1 -
 * CONFIDENCE of the shuffles at most. `undefined` where it brings every metric to the end more often.
 */
function rankLimit(
  ranks: readonly (readonly number[])[],
  countA: number,
  blocks: readonly number[] | undefined,
): number | undefined {
  const runs = ranks[0]?.length ?? 0;
  const all = Array.from({ length: runs }, (_, at) => at);
  // Which runs change places with each other, and how many of them are of the first sample.
  const groups = [...new Set(all.map((at) => blocks?.[at] ?? 0))].map((block) => {
    const members = all.filter((at) => (blocks?.[at] ?? 0) === block);
    return { members, ofA: members.filter((at) => at < countA).length };
  });
  const middle = (countA * (runs + 1)) / 2;
  const random = randomFrom(SEED);
  const farthest = new Float64Array(SHUFFLES);
  for (let shuffle = 0; shuffle < SHUFFLES; shuffle++) {
    const sums = ranks.map(() => 0);
    for (const { members, ofA } of groups)
      for (let at = 0; at < ofA; at++) {
        const other = at + Math.floor(random() * (members.length - at));
        const taken = members[other] ?? 0;
        members[other] = members[at] ?? 0;
        members[at] = taken;
        for (const [metric, own] of ranks.entries()) sums[metric] = (sums[metric] ?? 0) + (own[taken] ?? 0);
      }
    farthest[shuffle] = Math.max(...sums.map((sum) => Math.abs(sum - middle)));
  }
  farthest.sort();
  const allowed = Math.floor(SHUFFLES * (1 - CONFIDENCE));
  const beyond = farthest[SHUFFLES - 1 - allowed] ?? 0;
  // The next value that occurs: at `beyond` itself, too many shuffles would be different.
  return farthest.find((value) => value > beyond);
}

/**
 * By how much the drift of the machine widens an interval, 1 or more: from how alike neighbouring runs of a sample are, in the mean of
 * all metrics that vary.
 */
function driftOf(metrics: readonly Samples[]): number {
  const lags = metrics.flatMap(({ a, b }) => {
    const [ofA, ofB] = [a, b].map((values) => {
      // Ranks: one run that stood still is alike to none of its neighbours, and would hide the drift.
      const ranks = midranks(values);
      const mean = (ranks.length + 1) / 2;
      const off = ranks.map((rank) => rank - mean);
      const sum = (lag: number) => off.slice(lag).reduce((total, one, at) => total + one * (off[at] ?? 0), 0);
      return { with: sum(1), all: sum(0) };
    });
    const all = (ofA?.all ?? 0) + (ofB?.all ?? 0);
    return all === 0 ? [] : [((ofA?.with ?? 0) + (ofB?.with ?? 0)) / all];
  });
  if (lags.length === 0) return 1;
  const runs = Math.max(2, ((metrics[0]?.a.length ?? 0) + (metrics[0]?.b.length ?? 0)) / 2);
  // A mean that is taken from the runs themselves makes neighbours look less alike, by about 1 / runs.
  const lag = lags.reduce((sum, one) => sum + one, 0) / lags.length + 1 / runs;
  const alike = Math.min(MOST_ALIKE, Math.max(0, lag));
  return Math.sqrt((1 + alike) / (1 - alike));
}

/** The place of each value in the order, from 1; equal ones share theirs. */
function midranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

import type { Sample } from '../../../contract/run-record.ts';

/** One column of a chart: several samples of a long run in one. */
export interface Bucket {
  readonly startMs: number;
  readonly endMs: number;
  readonly acceptedPerSec: number;
  readonly refusedPerSec: number;
  readonly unknownPerSec: number;
  /** `undefined` without an answer in the interval. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** The deepest that the queue was. */
  readonly queueDepth: number;
  /** The most that waited for the broker's confirm. */
  readonly unconfirmed: number;
  /** Of what was decided since the start, the share that never touched Postgres; `undefined` before the first decision. */
  readonly keptAwayShare: number | undefined;
  /** At the end; `undefined` where Redis could not tell. */
  readonly remaining: number | undefined;
  /** Since the start of the run. */
  readonly grantedSoFar: number;
}

/** Columns that a chart has room for. */
export const MAX_BUCKETS = 120;

/**
 * Puts a series into at most `most` buckets. Peaks survive: depth and p99 are the highest of a bucket, rates its mean, p50 the mean weighted by
 * answers.
 */
export function bucketSamples(series: readonly Sample[], most = MAX_BUCKETS): Bucket[] {
  const size = Math.max(1, Math.ceil(series.length / most));
  const buckets: Bucket[] = [];
  let startMs = 0;
  let grantedSoFar = 0;
  let decidedSoFar = 0;
  for (let at = 0; at < series.length; at += size) {
    const samples = series.slice(at, at + size);
    const last = samples.at(-1);
    if (!last) break;
    const sum = (pick: (sample: Sample) => number) =>
      samples.reduce((total, sample) => total + pick(sample), 0);
    const answersOf = (sample: Sample) => sample.accepted + sample.rejected;
    const answers = sum(answersOf);
    const seconds = Math.max(last.tMs - startMs, 1) / 1_000;
    grantedSoFar += sum((sample) => sample.granted);
    decidedSoFar += sum((sample) => sample.granted + sample.refused + sample.rejected);
    buckets.push({
      startMs,
      endMs: last.tMs,
      acceptedPerSec: sum((sample) => sample.accepted) / seconds,
      refusedPerSec: sum((sample) => sample.rejected) / seconds,
      unknownPerSec: sum((sample) => sample.unknown) / seconds,
      p50Ms: answers > 0 ? sum((sample) => sample.p50Ms * answersOf(sample)) / answers : undefined,
      p99Ms: answers > 0 ? Math.max(...samples.map((sample) => sample.p99Ms)) : undefined,
      queueDepth: Math.max(...samples.map((sample) => sample.queueDepth)),
      unconfirmed: Math.max(...samples.map((sample) => sample.unconfirmed)),
      keptAwayShare: decidedSoFar > 0 ? 1 - grantedSoFar / decidedSoFar : undefined,
      remaining: last.remaining ?? undefined,
      grantedSoFar,
    });
    startMs = last.tMs;
  }
  return buckets;
}

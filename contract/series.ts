/**
 * The series of an attack in bounded memory: at most MAX_POINTS points, however long the attack. When it is full,
 * neighbours are merged and the grain doubles. Totals are kept separately and stay exact.
 */
import { halved } from './halved.ts';
import type { Sample } from './run-record.ts';

/** Points that a window's chart has room for. */
export const MAX_POINTS = 240;

/** A stretch of the attack: counts within it, its highest depths, and `remaining` at its end. */
export interface SeriesPoint extends Readonly<Sample> {
  readonly spanMs: number;
  /** Requests that had been sent and waited for an answer, at most, at the end of one of its samples. */
  readonly inFlight: number;
  /** Decided since the start; `grantedSoFar` of them became rows in Postgres. */
  readonly decidedSoFar: number;
  readonly grantedSoFar: number;
}

export interface SeriesTotals {
  readonly sent: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unknown: number;
  readonly granted: number;
  readonly refused: number;
  readonly committed: number;
  readonly peakQueueDepth: number;
  readonly peakRps: number;
  /** When the last unit was granted, in ms since the first request. */
  readonly soldOutAtMs: number | undefined;
}

export interface Series {
  readonly runId: string;
  readonly points: readonly SeriesPoint[];
  readonly totals: SeriesTotals;
  readonly maxPoints: number;
  /** How many samples make one point. */
  readonly grain: number;
  /** Samples in the last, unfinished point. */
  readonly inLast: number;
}

const NO_TOTALS: SeriesTotals = {
  sent: 0,
  accepted: 0,
  rejected: 0,
  unknown: 0,
  granted: 0,
  refused: 0,
  committed: 0,
  peakQueueDepth: 0,
  peakRps: 0,
  soldOutAtMs: undefined,
};

export function emptySeries(runId: string, maxPoints = MAX_POINTS): Series {
  return { runId, maxPoints, points: [], totals: NO_TOTALS, grain: 1, inLast: 0 };
}

/** Adds samples, which must be in order. */
export function addSamples(series: Series, samples: readonly Sample[]): Series {
  if (samples.length === 0) return series;
  let points = [...series.points];
  let { totals, grain, inLast } = series;
  for (const sample of samples) {
    const last = points.at(-1);
    // After a reconnect a batch may overlap the snapshot.
    if (last && sample.tMs <= last.tMs) continue;
    totals = addTotals(totals, sample);
    const point = toPoint(sample, last?.tMs ?? 0, totals);
    if (last && inLast < grain) {
      points[points.length - 1] = mergePoints(last, point);
      inLast++;
    } else {
      points.push(point);
      inLast = 1;
    }
    if (points.length > series.maxPoints) {
      inLast += points.length % 2 === 0 ? grain : 0;
      points = halved(points, mergePoints);
      grain *= 2;
    }
  }
  return { ...series, points, totals, grain, inLast };
}

function addTotals(totals: SeriesTotals, sample: Sample): SeriesTotals {
  return {
    sent: totals.sent + sample.sent,
    accepted: totals.accepted + sample.accepted,
    rejected: totals.rejected + sample.rejected,
    unknown: totals.unknown + sample.unknown,
    granted: totals.granted + sample.granted,
    refused: totals.refused + sample.refused,
    committed: totals.committed + sample.committed,
    peakQueueDepth: Math.max(totals.peakQueueDepth, sample.queueDepth),
    peakRps: Math.max(totals.peakRps, sample.rps),
    soldOutAtMs: totals.soldOutAtMs ?? (sample.remaining === 0 ? sample.tMs : undefined),
  };
}

function toPoint(sample: Sample, beforeMs: number, totals: SeriesTotals): SeriesPoint {
  return {
    ...sample,
    spanMs: sample.tMs - beforeMs,
    inFlight: Math.max(0, totals.sent - totals.accepted - totals.rejected - totals.unknown),
    decidedSoFar: totals.granted + totals.refused + totals.rejected,
    grantedSoFar: totals.granted,
  };
}

/**
 * Where the axis of a finished run ends: with the last thing that happened. The audit, which comes after, moves nothing.
 * @param marks of the run, which must be seen as well
 */
export function dataEndMs(
  points: readonly SeriesPoint[],
  marks: readonly { readonly tMs: number }[] = [],
): number {
  const lastMs = points.at(-1)?.tMs ?? 0;
  // Commits are not asked: those of a killed worker are only found by the audit.
  const isBusy = (point: SeriesPoint) =>
    [point.sent, point.accepted, point.rejected, point.unknown, point.granted, point.refused].some(Boolean) ||
    [point.queueDepth, point.unconfirmed, point.inFlight].some(Boolean);
  const busyMs = points.findLast(isBusy)?.tMs ?? lastMs;
  return Math.min(lastMs, Math.max(busyMs, ...marks.map(({ tMs }) => tMs)));
}

const answersOf = (sample: Readonly<Sample>): number => sample.accepted + sample.rejected;

function mergePoints(first: SeriesPoint, second: SeriesPoint): SeriesPoint {
  const answers = answersOf(first) + answersOf(second);
  return {
    ...second,
    ...mergeSamples(first, second),
    spanMs: first.spanMs + second.spanMs,
    inFlight: Math.max(first.inFlight, second.inFlight),
    // Medians can't be merged exactly; weighted by answers, the error stays within the two.
    p50Ms:
      answers === 0
        ? Math.max(first.p50Ms, second.p50Ms)
        : (first.p50Ms * answersOf(first) + second.p50Ms * answersOf(second)) / answers,
  };
}

/** One row out of two neighbours; the percentiles of a merged interval are the worse of the two, never an average. */
export function mergeSamples(first: Readonly<Sample>, second: Readonly<Sample>): Sample {
  const elapsedSec = (sample: Readonly<Sample>) => (sample.rps > 0 ? answersOf(sample) / sample.rps : 0);
  const elapsed = elapsedSec(first) + elapsedSec(second);
  const sum = (key: 'sent' | 'accepted' | 'rejected' | 'unknown' | 'granted' | 'refused' | 'committed') =>
    first[key] + second[key];
  return {
    tMs: second.tMs,
    sent: sum('sent'),
    accepted: sum('accepted'),
    rejected: sum('rejected'),
    unknown: sum('unknown'),
    rps: elapsed > 0 ? Math.round((answersOf(first) + answersOf(second)) / elapsed) : 0,
    p50Ms: Math.max(first.p50Ms, second.p50Ms),
    p99Ms: Math.max(first.p99Ms, second.p99Ms),
    queueDepth: Math.max(first.queueDepth, second.queueDepth),
    unconfirmed: Math.max(first.unconfirmed, second.unconfirmed),
    remaining: second.remaining,
    granted: sum('granted'),
    refused: sum('refused'),
    committed: sum('committed'),
  };
}

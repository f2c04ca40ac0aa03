/**
 * The series of an attack in bounded memory: at most MAX_POINTS points, whatever the attack's length. When it is full, neighbours are
 * merged and the grain doubles; so an hour at ten samples a second costs as much as ten seconds, and charts never
 * draw more points than they have pixels. Totals are kept apart and stay exact.
 */
import { halved } from '../../contract/halved.ts';
import type { Sample } from '../../contract/run-record.ts';

export const MAX_POINTS = 240;

/** A stretch of the attack. Counts are of the stretch; depths are its highest, `remaining` is as it stood at its end. */
export interface SeriesPoint {
  readonly tMs: number;
  readonly spanMs: number;
  readonly sent: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unknown: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly queueDepth: number;
  /** In the gateways, without a confirm of the broker yet. */
  readonly unconfirmed: number;
  /** null where it was not known. */
  readonly remaining: number | null;
  readonly granted: number;
  readonly refused: number;
  readonly committed: number;
  /** Decided since the start, and how much of it became rows in Postgres. */
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
  /** When the last unit went, in ms since the first request. */
  readonly soldOutAtMs: number | undefined;
}

export interface Series {
  readonly runId: string;
  readonly points: readonly SeriesPoint[];
  readonly totals: SeriesTotals;
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

export function emptySeries(runId: string): Series {
  return { runId, points: [], totals: NO_TOTALS, grain: 1, inLast: 0 };
}

/** Adds samples, which must follow those that are there. */
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
      points[points.length - 1] = merge(last, point);
      inLast++;
    } else {
      points.push(point);
      inLast = 1;
    }
    if (points.length > MAX_POINTS) {
      inLast += points.length % 2 === 0 ? grain : 0;
      points = halved(points, merge);
      grain *= 2;
    }
  }
  return { runId: series.runId, points, totals, grain, inLast };
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
    tMs: sample.tMs,
    spanMs: sample.tMs - beforeMs,
    sent: sample.sent,
    accepted: sample.accepted,
    rejected: sample.rejected,
    unknown: sample.unknown,
    p50Ms: sample.p50Ms,
    p99Ms: sample.p99Ms,
    queueDepth: sample.queueDepth,
    unconfirmed: sample.unconfirmed,
    remaining: sample.remaining,
    granted: sample.granted,
    refused: sample.refused,
    committed: sample.committed,
    decidedSoFar: totals.granted + totals.refused + totals.rejected,
    grantedSoFar: totals.granted,
  };
}

function merge(a: SeriesPoint, b: SeriesPoint): SeriesPoint {
  const answersA = a.accepted + a.rejected;
  const answersB = b.accepted + b.rejected;
  const answers = answersA + answersB;
  return {
    tMs: b.tMs,
    spanMs: a.spanMs + b.spanMs,
    sent: a.sent + b.sent,
    accepted: a.accepted + b.accepted,
    rejected: a.rejected + b.rejected,
    unknown: a.unknown + b.unknown,
    // Medians can't be merged exactly; weighted by answers, the error stays within the two.
    p50Ms: answers === 0 ? Math.max(a.p50Ms, b.p50Ms) : (a.p50Ms * answersA + b.p50Ms * answersB) / answers,
    p99Ms: Math.max(a.p99Ms, b.p99Ms),
    queueDepth: Math.max(a.queueDepth, b.queueDepth),
    unconfirmed: Math.max(a.unconfirmed, b.unconfirmed),
    remaining: b.remaining,
    granted: a.granted + b.granted,
    refused: a.refused + b.refused,
    committed: a.committed + b.committed,
    decidedSoFar: b.decidedSoFar,
    grantedSoFar: b.grantedSoFar,
  };
}

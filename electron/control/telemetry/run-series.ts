/**
 * The run's time series: what the generators saw and what the engine did, joined every 100 ms. Counts are kept as differences, so that
 * each column's sum is the run's total, whatever the sampling missed in between.
 */
import type { Sample } from '../report/run-record.ts';

/** ms between two samples. */
export const SERIES_INTERVAL_MS = 100;
/** Rows kept; beyond, neighbours are merged and the series gets coarser, not longer. */
const MAX_ROWS = 4_096;

/** What the generators saw since they were last asked. */
export interface LoadInterval {
  readonly sent: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Where the engine stands: cumulative since the run began, but for those that say how it is now. */
export interface EngineReading {
  readonly decided: number;
  readonly granted: number;
  readonly committed: number;
  readonly queueDepthNow: number;
  readonly unconfirmedNow: number;
  readonly remainingNow: number;
}

const noLoad: LoadInterval = { sent: 0, acknowledged: 0, refused: 0, unknown: 0, p50Ms: 0, p99Ms: 0 };

/** One row out of two neighbours; the percentiles of a merged interval are the worse of the two, never an average. */
export function mergeSamples(first: Sample, second: Sample): Sample {
  const answered = (sample: Sample) => sample.acknowledged + sample.refused;
  const elapsedSec = (sample: Sample) => (sample.rps > 0 ? answered(sample) / sample.rps : 0);
  const elapsed = elapsedSec(first) + elapsedSec(second);
  const sum = (
    key: 'sent' | 'acknowledged' | 'refused' | 'unknown' | 'granted' | 'refusedByWorker' | 'committed',
  ) => first[key] + second[key];
  return {
    tMs: second.tMs,
    sent: sum('sent'),
    acknowledged: sum('acknowledged'),
    refused: sum('refused'),
    unknown: sum('unknown'),
    rps: elapsed > 0 ? Math.round((answered(first) + answered(second)) / elapsed) : 0,
    p50Ms: Math.max(first.p50Ms, second.p50Ms),
    p99Ms: Math.max(first.p99Ms, second.p99Ms),
    queueDepth: second.queueDepth,
    unconfirmed: second.unconfirmed,
    remaining: second.remaining,
    granted: sum('granted'),
    refusedByWorker: sum('refusedByWorker'),
    committed: sum('committed'),
  };
}

export class RunSeries {
  #rows: Sample[] = [];
  #load: LoadInterval = noLoad;
  #told = { decided: 0, granted: 0, committed: 0 };
  #lastMs = 0;

  /** Takes what the generators saw; several intervals may come before the next row. */
  addLoad(interval: LoadInterval): void {
    const load = this.#load;
    this.#load = {
      sent: load.sent + interval.sent,
      acknowledged: load.acknowledged + interval.acknowledged,
      refused: load.refused + interval.refused,
      unknown: load.unknown + interval.unknown,
      p50Ms: Math.max(load.p50Ms, interval.p50Ms),
      p99Ms: Math.max(load.p99Ms, interval.p99Ms),
    };
  }

  /** Closes a row at `tMs` since the first request. */
  close(tMs: number, engine: EngineReading): Sample {
    const load = this.#load;
    const grow = (key: 'decided' | 'granted' | 'committed') => {
      // A reading that went back (a restarted service) adds nothing and is caught up later.
      const grown = Math.max(0, engine[key] - this.#told[key]);
      this.#told[key] += grown;
      return grown;
    };
    const [decided, granted, committed] = [grow('decided'), grow('granted'), grow('committed')];
    const elapsedMs = Math.max(1, tMs - this.#lastMs);
    const row: Sample = {
      tMs: Math.round(tMs),
      sent: load.sent,
      acknowledged: load.acknowledged,
      refused: load.refused,
      unknown: load.unknown,
      rps: Math.round(((load.acknowledged + load.refused) * 1_000) / elapsedMs),
      p50Ms: load.p50Ms,
      p99Ms: load.p99Ms,
      queueDepth: engine.queueDepthNow,
      unconfirmed: engine.unconfirmedNow,
      remaining: engine.remainingNow,
      granted,
      refusedByWorker: Math.max(0, decided - granted),
      committed,
    };
    this.#load = noLoad;
    this.#lastMs = tMs;
    this.#rows.push(row);
    if (this.#rows.length > MAX_ROWS) this.#halve();
    return row;
  }

  rows(): readonly Sample[] {
    return this.#rows;
  }

  #halve(): void {
    const halved: Sample[] = [];
    for (let at = 0; at < this.#rows.length; at += 2) {
      const [first, second] = [this.#rows[at], this.#rows[at + 1]];
      if (first) halved.push(second ? mergeSamples(first, second) : first);
    }
    this.#rows = halved;
  }
}

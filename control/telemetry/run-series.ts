/**
 * The run's time series: what the generators saw and what the engine did, joined every 100 ms. Counts are kept as differences, so that
 * each column's sum is the run's total, whatever the sampling missed in between. What the generators saw stands at the time at which
 * they saw it, not at that at which they told it: a row waits a moment for the load of its time.
 */
import { halved } from '../../contract/halved.ts';
import { mergeSamples } from '../../contract/series.ts';
import type { AttackInterval } from '../attack/runner/interval-merger.ts';
import type { Sample } from '../../contract/run-record.ts';

/** ms between two samples. */
export const SERIES_INTERVAL_MS = 100;
/** Rows kept; beyond, neighbours are merged and the series gets coarser, not longer. */
const MAX_ROWS = 4_096;

/** Readings that wait for the load of their time at the most; a generator that is later than this is counted in a later row. */
const PATIENCE = 5;

/** What the generators saw in one interval. */
export type LoadInterval = Omit<AttackInterval, 'rps' | 'eventLoopLagMaxMs' | 'cpuShare'>;

/** Where the engine stands: cumulative since the run began, but for those that say otherwise. */
export interface PipelineReading {
  readonly decided: number;
  readonly granted: number;
  readonly committed: number;
  /** The highest since the reading before. */
  readonly queueDepthPeak: number;
  readonly unconfirmedPeak: number;
  /** null while Redis could not tell. */
  readonly remainingNow: number | null;
}

interface LoadMark {
  readonly tMs: number;
  /** Since the first request. */
  readonly sent: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unknown: number;
}

type LoadCount = 'sent' | 'accepted' | 'rejected' | 'unknown';

export class RunSeries {
  readonly #onRow: (row: Sample) => void;
  #rows: Sample[] = [];
  #told = { decided: 0, granted: 0, committed: 0, sent: 0, accepted: 0, rejected: 0, unknown: 0 };
  #lastMs = 0;
  /** Where the generators' counts stood at the end of each interval; the first is where the last row ended, or before. */
  #marks: LoadMark[] = [{ tMs: 0, sent: 0, accepted: 0, rejected: 0, unknown: 0 }];
  #latencies: LoadInterval[] = [];
  #readings: { readonly tMs: number; readonly engine: PipelineReading }[] = [];
  #isLoadOver = false;

  /** @param onRow hears each row once the load of its time is known */
  constructor(onRow: (row: Sample) => void = () => undefined) {
    this.#onRow = onRow;
  }

  /** Takes what the generators saw in an interval, which may come later than the readings of that time. */
  addLoad(interval: LoadInterval): void {
    const last = this.#lastMark();
    this.#marks.push({
      tMs: Math.max(last.tMs, interval.tMs),
      sent: last.sent + interval.sent,
      accepted: last.accepted + interval.accepted,
      rejected: last.rejected + interval.rejected,
      unknown: last.unknown + interval.unknown,
    });
    this.#latencies.push(interval);
    this.#emitReady();
  }

  /** Nothing comes from the generators any more: rows need not wait for them. */
  endLoad(): void {
    this.#isLoadOver = true;
    this.#emitReady();
  }

  /** Takes a reading of the engine at `tMs` since the first request; its row ends there. */
  addReading(tMs: number, engine: PipelineReading): void {
    this.#readings.push({ tMs, engine });
    this.#emitReady();
  }

  /** Takes the last reading; its row brings whatever was not told yet, so that the sums are the totals. */
  finish(tMs: number, engine: PipelineReading): void {
    this.endLoad();
    // Load that is said to end later than the last reading still belongs into it.
    this.#marks = this.#marks.map((mark) => ({ ...mark, tMs: Math.min(mark.tMs, tMs) }));
    this.addReading(tMs, engine);
  }

  rows(): readonly Sample[] {
    return this.#rows;
  }

  #lastMark(): LoadMark {
    return this.#marks.at(-1) ?? { tMs: 0, sent: 0, accepted: 0, rejected: 0, unknown: 0 };
  }

  #emitReady(): void {
    for (;;) {
      const [next] = this.#readings;
      const isReady =
        next !== undefined &&
        (this.#isLoadOver || this.#readings.length > PATIENCE || this.#lastMark().tMs >= next.tMs);
      if (!isReady) return;
      this.#readings.shift();
      this.#emit(next.tMs, next.engine);
    }
  }

  #emit(tMs: number, engine: PipelineReading): void {
    const grow = (key: 'decided' | 'granted' | 'committed') => {
      // A reading that went back (a restarted service) adds nothing and is caught up later.
      const grown = Math.max(0, engine[key] - this.#told[key]);
      this.#told[key] += grown;
      return grown;
    };
    const [decided, granted, committed] = [grow('decided'), grow('granted'), grow('committed')];
    const load = this.#loadUntil(tMs);
    const elapsedMs = Math.max(1, tMs - this.#lastMs);
    const row: Sample = {
      tMs: Math.round(tMs),
      ...load,
      rps: Math.round(((load.accepted + load.rejected) * 1_000) / elapsedMs),
      ...this.#latencyUntil(tMs),
      queueDepth: engine.queueDepthPeak,
      unconfirmed: engine.unconfirmedPeak,
      remaining: engine.remainingNow,
      granted,
      refused: Math.max(0, decided - granted),
      committed,
    };
    this.#lastMs = tMs;
    this.#rows.push(row);
    if (this.#rows.length > MAX_ROWS) this.#rows = halved(this.#rows, mergeSamples);
    this.#onRow(row);
  }

  /** What was sent and answered since the last row: an interval that two rows share is shared out by time. */
  #loadUntil(tMs: number): Record<LoadCount, number> {
    const at = this.#marks.findIndex((mark) => mark.tMs > tMs);
    const before = this.#marks[at === -1 ? this.#marks.length - 1 : at - 1] ?? this.#lastMark();
    const after = at === -1 ? before : (this.#marks[at] ?? before);
    const share = after.tMs > before.tMs ? (tMs - before.tMs) / (after.tMs - before.tMs) : 0;
    const grow = (key: LoadCount) => {
      const standing = Math.round(before[key] + share * (after[key] - before[key]));
      const grown = Math.max(0, standing - this.#told[key]);
      this.#told[key] += grown;
      return grown;
    };
    const load = {
      sent: grow('sent'),
      accepted: grow('accepted'),
      rejected: grow('rejected'),
      unknown: grow('unknown'),
    };
    this.#marks = this.#marks.slice(this.#marks.indexOf(before));
    return load;
  }

  #latencyUntil(tMs: number): { readonly p50Ms: number; readonly p99Ms: number } {
    const touched = this.#latencies.filter((interval) => interval.tMs - interval.lengthMs < tMs);
    // One that goes on after this row is the next one's, too.
    this.#latencies = this.#latencies.filter((interval) => interval.tMs > tMs);
    return {
      p50Ms: Math.max(0, ...touched.map(({ p50Ms }) => p50Ms)),
      p99Ms: Math.max(0, ...touched.map(({ p99Ms }) => p99Ms)),
    };
  }
}

/** At most `most` rows that tell the same run more coarsely. */
export function thinSamples(rows: readonly Sample[], most: number): Sample[] {
  let thin = [...rows];
  while (thin.length > most) thin = halved(thin, mergeSamples);
  return thin;
}

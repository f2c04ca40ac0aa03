/**
 * The run's time series: what the generators saw and what the pipeline did, joined at each reading. Counts are
 * differences, so that each column's sum is the run's total, even when readings were missed. The generators'
 * counts stand at the time at which they were seen, not at which they arrived: a row waits for the load of
 * its time.
 */
import { halved } from '../../contract/halved.ts';
import { mergeSamples } from '../../contract/series.ts';
import type { AttackInterval, LoadStep } from '../attack/runner/interval-merger.ts';
import type { Sample } from '../../contract/run-record.ts';

/** Rows kept. Beyond it neighbours are merged: the series gets coarser, not longer. */
const MAX_ROWS = 4_096;

/** ms for which a reading waits for the load of its time. Load that comes later is counted in a later row. */
const PATIENCE_MS = 500;

/** What the generators saw in one interval. */
export type LoadInterval = Pick<AttackInterval, 'tMs' | 'lengthMs' | 'steps' | 'p50Ms' | 'p99Ms'>;

/** The pipeline's counters since the run began, unless a field says otherwise. */
export interface PipelineReading {
  readonly decided: number;
  readonly granted: number;
  readonly committed: number;
  /** The highest since the previous reading. */
  readonly queueDepthPeak: number;
  readonly unconfirmedPeak: number;
  /** null when Redis did not answer. */
  readonly remainingNow: number | null;
}

type LoadCount = Exclude<keyof LoadStep, 'tMs'>;

const NO_LOAD: LoadStep = { tMs: 0, sent: 0, accepted: 0, rejected: 0, unknown: 0 };

export class RunSeries {
  readonly #onRow: (row: Sample) => void;
  #rows: Sample[] = [];
  #counted = { decided: 0, granted: 0, committed: 0, sent: 0, accepted: 0, rejected: 0, unknown: 0 };
  #lastMs = 0;
  /**
   * The generators' counts since the first request, at the end of each step. The first mark is at or before the
   * end of the last row.
   */
  #marks: LoadStep[] = [NO_LOAD];
  #latencies: LoadInterval[] = [];
  #readings: { readonly tMs: number; readonly pipeline: PipelineReading }[] = [];
  #isLoadOver = false;

  /** @param onRow called with each row once the load of its time is known */
  constructor(onRow: (row: Sample) => void = () => undefined) {
    this.#onRow = onRow;
  }

  /** Adds an interval of the generators, which may come later than the readings of its time. */
  addLoad(interval: LoadInterval): void {
    // The last step of an interval may end before it: nothing happened since.
    for (const step of [...interval.steps, { ...NO_LOAD, tMs: interval.tMs }]) {
      const last = this.#lastMark();
      this.#marks.push({
        tMs: Math.max(last.tMs, step.tMs),
        sent: last.sent + step.sent,
        accepted: last.accepted + step.accepted,
        rejected: last.rejected + step.rejected,
        unknown: last.unknown + step.unknown,
      });
    }
    this.#latencies.push(interval);
    this.#emitReady();
  }

  /** No more intervals come: rows need not wait for them. */
  endLoad(): void {
    this.#isLoadOver = true;
    this.#emitReady();
  }

  /** Adds a reading taken `tMs` after the first request; its row ends there. */
  addReading(tMs: number, pipeline: PipelineReading): void {
    this.#readings.push({ tMs, pipeline });
    this.#emitReady();
  }

  /** Adds the last reading. Its row holds whatever is not counted yet, so that the sums are the totals. */
  finish(tMs: number, pipeline: PipelineReading): void {
    this.endLoad();
    // An interval may end after the last reading: it is counted in the last row.
    this.#marks = this.#marks.map((mark) => ({ ...mark, tMs: Math.min(mark.tMs, tMs) }));
    this.addReading(tMs, pipeline);
  }

  rows(): readonly Sample[] {
    return this.#rows;
  }

  #lastMark(): LoadStep {
    return this.#marks.at(-1) ?? NO_LOAD;
  }

  #emitReady(): void {
    for (;;) {
      const [next] = this.#readings;
      if (next === undefined) return;
      const waitedMs = (this.#readings.at(-1)?.tMs ?? 0) - next.tMs;
      if (!this.#isLoadOver && waitedMs < PATIENCE_MS && this.#lastMark().tMs < next.tMs) return;
      this.#readings.shift();
      this.#emit(next.tMs, next.pipeline);
    }
  }

  #emit(tMs: number, pipeline: PipelineReading): void {
    const grow = (key: 'decided' | 'granted' | 'committed') => {
      // After a service restart a reading may go back: it adds nothing until it has caught up.
      const grown = Math.max(0, pipeline[key] - this.#counted[key]);
      this.#counted[key] += grown;
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
      queueDepth: pipeline.queueDepthPeak,
      unconfirmed: pipeline.unconfirmedPeak,
      remaining: pipeline.remainingNow,
      granted,
      refused: Math.max(0, decided - granted),
      committed,
    };
    this.#lastMs = tMs;
    this.#rows.push(row);
    if (this.#rows.length > MAX_ROWS) this.#rows = halved(this.#rows, mergeSamples);
    this.#onRow(row);
  }

  /** What was sent and answered since the last row. A step that spans two rows is divided by time. */
  #loadUntil(tMs: number): Record<LoadCount, number> {
    const at = this.#marks.findIndex((mark) => mark.tMs > tMs);
    const before = this.#marks[at === -1 ? this.#marks.length - 1 : at - 1] ?? this.#lastMark();
    const after = at === -1 ? before : (this.#marks[at] ?? before);
    const share = after.tMs > before.tMs ? (tMs - before.tMs) / (after.tMs - before.tMs) : 0;
    const grow = (key: LoadCount) => {
      const standing = Math.round(before[key] + share * (after[key] - before[key]));
      const grown = Math.max(0, standing - this.#counted[key]);
      this.#counted[key] += grown;
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
    // An interval that ends after this row belongs to the next one as well.
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

/**
 * Samples what goes through the pipeline ten times a second. It reads counters that the services send anyway,
 * so it costs nothing. It does not use RabbitMQ's statistics, which are up to five seconds old.
 */
import type { FlowSample } from '../../contract/state.ts';
import type { PipelineTotals, Waiting } from '../services/service-totals.ts';

/** ms between two samples. */
export const FLOW_INTERVAL_MS = 100;
/** Samples kept for a frontend that opens later: one minute. */
const KEPT = 600;
/** Samples in one event: four events a second. */
const BATCH = 2;

export interface FlowSource {
  totals(): PipelineTotals;
  /** The most that waited since a moment of performance.now(). */
  peakSince(sinceMs: number): Waiting;
  /** Frames in the dead-letter queue. */
  deadFrames(): number;
}

/** The sample between two readings of the totals, `elapsedMs` apart. */
export function flowBetween(
  before: PipelineTotals,
  after: PipelineTotals,
  elapsedMs: number,
  atMs: number,
  waiting: Waiting,
  deadFrames: number,
): FlowSample {
  const perSec = (key: keyof PipelineTotals) =>
    Math.max(0, Math.round(((after[key] - before[key]) * 1_000) / elapsedMs));
  return {
    atMs,
    acceptedPerSec: perSec('accepted'),
    framesPerSec: perSec('frames'),
    decidedPerSec: perSec('decided'),
    grantedPerSec: perSec('granted'),
    committedPerSec: perSec('committed'),
    rejectedPerSec: perSec('rejected'),
    queueDepth: waiting.queueDepth,
    unconfirmed: waiting.unconfirmed,
    deadLettered: deadFrames,
    filteredShare:
      after.decided === 0 ? 0 : Math.min(1, Math.max(0, (after.decided - after.granted) / after.decided)),
  };
}

export class FlowSampler {
  readonly #source: FlowSource;
  readonly #onBatch: (flow: FlowSample[]) => void;
  readonly #kept: FlowSample[] = [];
  #batch: FlowSample[] = [];
  #timer: NodeJS.Timeout | undefined;
  #before: PipelineTotals | undefined;
  #beforeMs = 0;

  constructor(source: FlowSource, onBatch: (flow: FlowSample[]) => void) {
    this.#source = source;
    this.#onBatch = onBatch;
  }

  /** The last minute. */
  recent(): FlowSample[] {
    return [...this.#kept];
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#handle(), FLOW_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#before = undefined;
  }

  #handle(): void {
    const now = performance.now();
    const totals = this.#source.totals();
    if (this.#before) {
      const elapsedMs = Math.max(1, now - this.#beforeMs);
      const waiting = this.#source.peakSince(this.#beforeMs);
      const dead = this.#source.deadFrames();
      const sample = flowBetween(this.#before, totals, elapsedMs, Date.now(), waiting, dead);
      this.#kept.push(sample);
      if (this.#kept.length > KEPT) this.#kept.shift();
      this.#batch.push(sample);
      if (this.#batch.length >= BATCH) {
        this.#onBatch(this.#batch);
        this.#batch = [];
      }
    }
    this.#before = totals;
    this.#beforeMs = now;
  }
}

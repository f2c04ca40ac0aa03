/**
 * What goes through the pipeline, ten times a second. Reads counters that the services send anyway: sampling costs the engine
 * nothing, and never asks the broker (whose statistics are up to five seconds old).
 */
import type { FlowSample } from '../contract.ts';
import type { EngineTotals } from '../services/service-totals.ts';

/** ms between two samples. */
export const FLOW_INTERVAL_MS = 100;
/** Samples kept for a face that opens late: one minute. */
const KEPT = 600;
/** Samples in one event: four events a second. */
const BATCH = 2;

/** Samples in a row in which nothing moved, after which an idle engine's queue is known to be empty. */
const IDLE_SAMPLES = 5;

export interface FlowSource {
  totals(): EngineTotals;
  unconfirmed(): number;
  /** Every worker waits for frames, and there is one: then none lies in the queue. */
  isIdle(): boolean;
}

/** The sample between two readings of the totals, `elapsedMs` apart. */
export function flowBetween(
  before: EngineTotals,
  after: EngineTotals,
  elapsedMs: number,
  atMs: number,
  unconfirmed: number,
  lost = 0,
): FlowSample {
  const perSec = (key: keyof EngineTotals) =>
    Math.max(0, Math.round(((after[key] - before[key]) * 1_000) / elapsedMs));
  return {
    atMs,
    acceptedPerSec: perSec('accepted'),
    framesPerSec: perSec('frames'),
    decidedPerSec: perSec('decided'),
    grantedPerSec: perSec('granted'),
    committedPerSec: perSec('committed'),
    turnedAwayPerSec: perSec('turnedAway'),
    // A worker's sample may be newer than a gateway's: never below zero.
    queueDepth: Math.max(0, after.accepted - after.decided - lost),
    unconfirmed,
    deadLettered: after.deadLettered,
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
  #before: EngineTotals | undefined;
  #beforeMs = 0;
  #idleSamples = 0;
  /** What services that were killed took with them uncounted: accepted less decided of an engine that is known to be empty. */
  #lost = 0;

  constructor(source: FlowSource, onBatch: (flow: FlowSample[]) => void) {
    this.#source = source;
    this.#onBatch = onBatch;
  }

  /** The last minute. */
  recent(): FlowSample[] {
    return [...this.#kept];
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#take(), FLOW_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#before = undefined;
    this.#idleSamples = 0;
    this.#lost = 0;
  }

  #take(): void {
    const now = performance.now();
    const totals = this.#source.totals();
    if (this.#before) {
      const hasMoved = this.#before.accepted !== totals.accepted || this.#before.decided !== totals.decided;
      this.#idleSamples = hasMoved || !this.#source.isIdle() ? 0 : this.#idleSamples + 1;
      if (this.#idleSamples >= IDLE_SAMPLES) this.#lost = totals.accepted - totals.decided;
      const sample = flowBetween(
        this.#before,
        totals,
        Math.max(1, now - this.#beforeMs),
        Date.now(),
        this.#source.unconfirmed(),
        this.#lost,
      );
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

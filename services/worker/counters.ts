import { rareCounts } from '../shared/rare-paths.ts';

/** A worker's totals since it started. Samples, metrics and tests read the same object. */
export class WorkerCounters {
  frames = 0;
  /** Reservations decided for the first time. */
  decided = 0;
  granted = 0;
  ticketsCommitted = 0;
  framesToPostgres = 0;
  /** ms between the closing of the newest frame and its arrival here: the queue's age, by two clocks. */
  frameAgeMs = 0;
  readonly rare = rareCounts('worker');

  get repeatedFrames(): number {
    return this.rare.frameRepeated;
  }

  get deadLettered(): number {
    return this.rare.frameDeadLettered;
  }

  /** Frames given back to the queue. */
  get requeued(): number {
    return this.rare.frameRequeued;
  }

  get rebuilds(): number {
    return this.rare.saleRebuilt;
  }

  /** Tries that failed because a backend was away. */
  get retries(): number {
    return this.rare.commitRetried + this.rare.decisionRetried;
  }
}

/** A worker's totals since it started. Samples, metrics and tests read the same object. */
export class WorkerCounters {
  frames = 0;
  /** Reservations decided for the first time. */
  decided = 0;
  granted = 0;
  ticketsCommitted = 0;
  framesToPostgres = 0;
  repeatedFrames = 0;
  deadLettered = 0;
  /** Frames given back to the queue. */
  requeued = 0;
  rebuilds = 0;
  /** Tries that failed because a backend was away. */
  retries = 0;
}

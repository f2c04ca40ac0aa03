/** A worker's totals since it started. Samples, metrics and tests read the same object. */
export interface WorkerCounters {
  frames: number;
  /** Reservations decided for the first time. */
  decided: number;
  granted: number;
  ticketsCommitted: number;
  framesToPostgres: number;
  repeatedFrames: number;
  deadLettered: number;
  /** Frames given back to the queue. */
  requeued: number;
  rebuilds: number;
  /** Tries that failed because a backend was away. */
  retries: number;
}

export function newCounters(): WorkerCounters {
  return {
    frames: 0,
    decided: 0,
    granted: 0,
    ticketsCommitted: 0,
    framesToPostgres: 0,
    repeatedFrames: 0,
    deadLettered: 0,
    requeued: 0,
    rebuilds: 0,
    retries: 0,
  };
}

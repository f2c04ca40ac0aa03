/** Waiting out everything that time can cure, and telling it from what no waiting cures. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { backoffMs } from '../shared/backoff.ts';
import { FrameError } from '../shared/frame.ts';

export const RETRY_DEFAULTS = {
  /** Between two tries. */
  pause: { firstMs: 20, maxMs: 1_000 },
  /** ms after which a frame goes back to the queue, and comes again. Below RabbitMQ's own limit for an ack (30 min). */
  limitMs: 10 * 60_000,
} as const;

/** SQLSTATE classes of what is wrong with the data itself: data exception, integrity constraint violation. */
const POSTGRES_FINAL = new Set(['22', '23']);

/**
 * Whether an error will be the same at every try: the frame itself is unsound, its data break a rule of the tables, or the program has
 * a fault. All else can pass, and a granted ticket is lost if it is not waited for: a backend that is away, read-only, full,
 * starting or failing over, a password or a right that was changed, a database or a table that is not there yet.
 */
export function isFinal(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return POSTGRES_FINAL.has(error.code?.slice(0, 2) ?? '');
  return [FrameError, TypeError, RangeError, ReferenceError, SyntaxError].some(
    (kind) => error instanceof kind,
  );
}

export interface RetryOptions {
  /** Ends the waiting, for a worker that stops. */
  readonly signal: AbortSignal;
  /** Hears of each failed try. */
  readonly onRetry?: (error: unknown, tries: number) => void;
  readonly limitMs?: number;
}

/**
 * Calls `action` until it succeeds, with growing pauses.
 * @throws the last error: when it is final, the limit is over, or the signal is given
 */
export async function whileAway<Value>(action: () => Promise<Value>, options: RetryOptions): Promise<Value> {
  const deadlineMs = Date.now() + (options.limitMs ?? RETRY_DEFAULTS.limitMs);
  for (let tries = 1; ; tries++) {
    try {
      return await action();
    } catch (error) {
      const pauseMs = backoffMs(RETRY_DEFAULTS.pause, tries - 1);
      if (isFinal(error) || options.signal.aborted || Date.now() + pauseMs > deadlineMs) throw error;
      options.onRetry?.(error, tries);
      // An abort ends the pause; the next turn then throws the backend's own error.
      await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => undefined);
    }
  }
}

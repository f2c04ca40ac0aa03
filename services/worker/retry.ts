/** Retries errors that may pass, and recognises those that won't. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { backoffMs } from '../shared/backoff.ts';
import { FrameError } from '../shared/frame.ts';

export const RETRY_DEFAULTS = {
  /** Between two tries. */
  pause: { firstMs: 20, maxMs: 1_000 },
  /** ms after which a frame is given back to the queue. Below RabbitMQ's own limit for an ack (30 min). */
  limitMs: 10 * 60_000,
} as const;

/** SQLSTATE classes of what is wrong with the data itself: data exception, integrity constraint violation. */
const POSTGRES_FINAL = new Set(['22', '23']);

/**
 * Whether every try will give the same error: the frame is invalid, its data break a constraint, or the
 * program has a bug. Everything else may pass, and giving up would lose granted tickets: a backend that is
 * away, read-only, full, starting or failing over; a changed password or right; a database or a table that
 * does not exist yet.
 */
export function isFinal(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return POSTGRES_FINAL.has(error.code?.slice(0, 2) ?? '');
  return [FrameError, TypeError, RangeError, ReferenceError, SyntaxError].some(
    (kind) => error instanceof kind,
  );
}

export interface RetryOptions {
  /** Ends the waiting when the worker stops. */
  readonly signal: AbortSignal;
  /** Called after each failed try. */
  readonly onRetry?: (error: unknown, tries: number) => void;
  readonly limitMs?: number;
}

/**
 * Calls `action` until it succeeds, with growing pauses.
 * @throws the last error: when it is final, the limit is over, or the signal is given
 */
export async function whileAway<Value>(action: () => Promise<Value>, options: RetryOptions): Promise<Value> {
  const deadlineMs = performance.now() + (options.limitMs ?? RETRY_DEFAULTS.limitMs);
  for (let tries = 1; ; tries++) {
    try {
      return await action();
    } catch (error) {
      const pauseMs = backoffMs(RETRY_DEFAULTS.pause, tries - 1);
      if (isFinal(error) || options.signal.aborted || performance.now() + pauseMs > deadlineMs) throw error;
      options.onRetry?.(error, tries);
      // An abort ends the pause. The next turn then throws the backend's own error.
      await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => undefined);
    }
  }
}

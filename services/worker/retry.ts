/** Waiting out engines that are away, and telling that from errors that no waiting cures. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export const RETRY_DEFAULTS = {
  /** First pause, in ms; doubles each time. */
  firstPauseMs: 20,
  /** Longest pause, in ms. */
  maxPauseMs: 1_000,
  /**
   * ms after which a frame goes back to the queue. Long on purpose: each return counts towards the delivery limit, at which a
   * frame is dead-lettered, and an outage must not do that. Below RabbitMQ's own limit for an ack (30 min).
   */
  limitMs: 10 * 60_000,
} as const;

/** What Redis answers, or its client says, while it is away, starting, failing over or full. */
const REDIS_AWAY =
  /^(?:OOM|LOADING|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF)\b|max retries per request|Command timed out|Connection is closed|None of startup nodes|Failed to refresh slots|Cluster isn't ready/i;
/** SQLSTATE classes: connection, rollback (deadlock, serialization), resources, intervention by the operator. */
const POSTGRES_AWAY = new Set(['08', '40', '53', '57']);
/** What pg says without a SQLSTATE. */
const CONNECTION_LOST =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|not queryable/i;
const SOCKET_ERROR = /^(?:ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT)/;

/** Whether an error comes from an engine that may be back in a moment. */
export function isAway(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isAway);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error instanceof pg.DatabaseError) return POSTGRES_AWAY.has(code.slice(0, 2)) || code === '55P03';
  return SOCKET_ERROR.test(code) || REDIS_AWAY.test(error.message) || CONNECTION_LOST.test(error.message);
}

export interface RetryOptions {
  /** Ends the waiting, for a worker that stops. */
  readonly signal: AbortSignal;
  /** Hears of each failed try. */
  readonly onRetry?: (error: unknown, tries: number) => void;
  readonly limitMs?: number;
}

/**
 * Calls `action` until it succeeds, with growing pauses, as long as its engine is away.
 * @throws the last error: when it is of another kind, the limit is over, or the signal is given
 */
export async function whileAway<Value>(action: () => Promise<Value>, options: RetryOptions): Promise<Value> {
  const deadlineMs = Date.now() + (options.limitMs ?? RETRY_DEFAULTS.limitMs);
  for (let tries = 1; ; tries++) {
    try {
      return await action();
    } catch (error) {
      const pauseMs = Math.min(
        RETRY_DEFAULTS.firstPauseMs * 2 ** Math.min(tries - 1, 16),
        RETRY_DEFAULTS.maxPauseMs,
      );
      if (!isAway(error) || options.signal.aborted || Date.now() + pauseMs > deadlineMs) throw error;
      options.onRetry?.(error, tries);
      // An abort ends the pause; the next turn then throws the engine's own error.
      await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => undefined);
    }
  }
}

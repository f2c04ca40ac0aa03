/** The one back-off, for every process and the page. */

export interface Backoff {
  /** Most ms before the second attempt; doubles with each attempt. */
  readonly firstMs: number;
  /** ms that no wait exceeds. */
  readonly maxMs: number;
}

/**
 * ms to wait before the next attempt. Half of it is random, so that a fleet does not return in one step.
 * @param attempt from 0
 * @param chance 0..1
 */
export function backoffMs(
  { firstMs, maxMs }: Backoff,
  attempt: number,
  chance: number = Math.random(),
): number {
  // Past 2^16 the ceiling is reached long since; an unbounded power would end as Infinity.
  const ceilingMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 16));
  return (ceilingMs * (1 + chance)) / 2;
}

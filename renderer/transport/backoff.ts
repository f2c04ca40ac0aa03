const FIRST_MS = 300;
const LONGEST_MS = 8_000;

/**
 * ms to wait before the next attempt: doubles from 300 ms to 8 s.
 * @param attempt from 0
 * @param chance 0..1; spreads the waits of several windows by up to a quarter
 */
export function backoffMs(attempt: number, chance: number): number {
  const base = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(base * (0.875 + chance * 0.25));
}

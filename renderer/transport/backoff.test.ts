import { expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

it('waits longer with each attempt, and never longer than nine seconds', () => {
  const waits = Array.from({ length: 40 }, (_, attempt) => backoffMs(attempt, 0.5));
  expect(waits[0]).toBe(300);
  expect(waits[1]).toBe(600);
  expect(waits.every((wait, index) => index === 0 || wait >= (waits[index - 1] ?? 0))).toBe(true);
  expect(Math.max(...Array.from({ length: 40 }, (_, attempt) => backoffMs(attempt, 1)))).toBeLessThanOrEqual(
    9_000,
  );
});

it('spreads the waits of several windows', () => {
  expect(backoffMs(3, 0)).toBeLessThan(backoffMs(3, 1));
});

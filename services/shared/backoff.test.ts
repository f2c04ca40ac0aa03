import { expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

const BACKOFF = { firstMs: 300, maxMs: 8_000 };

it('waits longer with each attempt, and never longer than the limit', () => {
  const waits = Array.from({ length: 2_000 }, (_, attempt) => backoffMs(BACKOFF, attempt, 1));
  expect(waits.slice(0, 3)).toEqual([300, 600, 1_200]);
  expect(waits.every((wait, index) => index === 0 || wait >= (waits[index - 1] ?? 0))).toBe(true);
  expect(Math.max(...waits)).toBe(8_000);
});

it('spreads the waits of several clients over half of it', () => {
  expect(backoffMs(BACKOFF, 3, 0)).toBe(1_200);
  const waits = Array.from({ length: 100 }, () => backoffMs(BACKOFF, 3));
  expect(new Set(waits).size).toBeGreaterThan(1);
  expect(waits.every((wait) => wait >= 1_200 && wait <= 2_400)).toBe(true);
});

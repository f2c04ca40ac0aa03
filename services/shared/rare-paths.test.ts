import { expect, it } from 'vitest';
import { addCoverages, rareCounts, taken } from './rare-paths.ts';

it('counts only what is in the table, each service its own paths', () => {
  const counts = rareCounts('gateway');
  expect(counts.frameNacked).toBe(0);
  // @ts-expect-error It is not in the table.
  expect(counts.madeUp).toBeUndefined();
  // @ts-expect-error The worker counts it.
  expect(counts.saleRebuilt).toBeUndefined();
});

it('leaves out what was never taken, and what another version counts', () => {
  const counts = { ...rareCounts('worker'), saleRebuilt: 2 };
  expect(taken(counts)).toEqual({ saleRebuilt: 2 });
  expect(addCoverages([counts, undefined, { saleRebuilt: 1, madeUp: 3 }])).toEqual({ saleRebuilt: 3 });
});

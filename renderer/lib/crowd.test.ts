import { expect, it } from 'vitest';
import { MAX_DOTS, crowdOf } from './crowd.ts';

it.each([0, 1, 59, 60, 61, 999, 8_412, 123_456, 5_000_000])(
  'draws a crowd of %s within its bound',
  (count) => {
    const { dots, perDot } = crowdOf(count);
    expect(dots).toBeLessThanOrEqual(MAX_DOTS);
    expect(dots * perDot).toBeGreaterThanOrEqual(count);
    expect((dots - 1) * perDot).toBeLessThan(Math.max(1, count));
  },
);

it('draws every buyer of a small crowd', () => {
  expect(crowdOf(42)).toEqual({ dots: 42, perDot: 1 });
});

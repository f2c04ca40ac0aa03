import { expect, it } from 'vitest';
import { pairedRatio, spread } from './stats.ts';

it('takes the median of an odd and of an even number of values', () => {
  expect(spread([3, 1, 2])).toMatchObject({ median: 2, min: 1, max: 3 });
  expect(spread([4, 1, 2, 3])).toMatchObject({ median: 2.5, min: 1, max: 4 });
  expect(() => spread([])).toThrow('no values');
});

it('compares what was measured in the same round, so that a slow round can’t tilt the ratio', () => {
  expect(pairedRatio([80, 40, 8], [100, 50, 10]).median).toBeCloseTo(0.8);
  expect(() => pairedRatio([1], [1, 2])).toThrow('pairs of 1 and 2');
});

import { expect, it } from 'vitest';
import { redrawIntervalMs } from './redraw-interval.ts';

it('draws as often as samples come while that is cheap, and rests longer where it is not', () => {
  expect([0, 5, 12.5, 13, 26, 1_000].map(redrawIntervalMs)).toEqual([200, 200, 200, 400, 600, 800]);
});

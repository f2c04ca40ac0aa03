import { expect, it } from 'vitest';
import type { FlowSample } from '../../contract/state.ts';
import { areaPath } from './area-path.ts';
import { smoothFlow } from './flow.ts';
import { strengthOf } from './strength.ts';

const sample = (accepted: number, queueDepth: number): FlowSample => ({
  atMs: 0,
  acceptedPerSec: accepted,
  framesPerSec: 0,
  decidedPerSec: 0,
  grantedPerSec: 0,
  committedPerSec: 0,
  rejectedPerSec: 0,
  queueDepth,
  unconfirmed: 0,
  deadLettered: 0,
  filteredShare: 0,
});

it('averages rates over the last half second, and takes depths as they stand', () => {
  const flow = smoothFlow([sample(9_999, 1), ...[100, 200, 300, 400, 500].map((rate) => sample(rate, rate))]);
  expect(flow.acceptedPerSec).toBe(300);
  expect(flow.queueDepth).toBe(500);
});

it('is nothing before the first sample', () => {
  expect(smoothFlow([])).toMatchObject({ acceptedPerSec: 0, queueDepth: 0 });
});

it('makes a trickle and a flood look different', () => {
  expect([0, 1, 20, 300, 4_000, 50_000].map(strengthOf)).toEqual([0, 1, 2, 3, 4, 4]);
});

it('draws an area that never leaves its frame', () => {
  expect(areaPath([1], 100, 20)).toBe('');
  const heights = [...areaPath([0, 50, 100], 100, 20).matchAll(/,(-?[\d.]+)/g)].map(([, y]) => Number(y));
  expect(Math.min(...heights)).toBe(0);
  expect(Math.max(...heights)).toBe(20);
});

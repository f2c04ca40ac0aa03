import { expect, it } from 'vitest';
import type { Sample } from '../../electron/control/report/run-record.ts';
import { addSamples, emptySeries } from '../store/series.ts';
import { CHARTS, axisEndMs, axisTicks, figureOf, formatAxis, toRows } from './chart-specs.ts';

const sample = (tMs: number, over: Partial<Sample> = {}): Sample => ({
  tMs,
  sent: 100,
  acknowledged: 90,
  refused: 10,
  unknown: 0,
  rps: 1_000,
  p50Ms: 5,
  p99Ms: 20,
  queueDepth: 30,
  unconfirmed: 0,
  remaining: 5,
  granted: 2,
  refusedByWorker: 8,
  committed: 2,
  ...over,
});
const { points } = addSamples(emptySeries('r'), [sample(100), sample(200, { queueDepth: 70 }), sample(300)]);
const chart = (id: string) => {
  const spec = CHARTS.find((candidate) => candidate.id === id);
  if (!spec) throw new Error(`no chart ${id}`);
  return spec;
};

it('draws rates a second, whatever a point spans', () => {
  expect(toRows(chart('surge'), points, 20).at(-1)).toMatchObject({
    tMs: 300,
    acknowledged: 900,
    refused: 100,
  });
});

it('begins the stock at the stock and the queue at nothing', () => {
  expect(toRows(chart('inventory'), points, 20)[0]).toEqual({ tMs: 0, left: 20 });
  expect(toRows(chart('queue'), points, 20)[0]).toEqual({ tMs: 0, depth: 0, unconfirmed: 0 });
  expect(toRows(chart('latency'), points, 20)[0]).toMatchObject({ tMs: 100 });
  expect(toRows(chart('inventory'), [], 20)).toEqual([]);
});

it('leaves out the latency of a stretch in which nobody was answered', () => {
  const silent = addSamples(emptySeries('r'), [
    sample(100, { acknowledged: 0, refused: 0, p50Ms: 0, p99Ms: 0 }),
  ]);
  expect(toRows(chart('latency'), silent.points, 20)[0]?.['p99']).toBeUndefined();
});

it('counts whoever is not granted as kept away from Postgres', () => {
  // 6 of 60 decided were granted: 24 by the worker, 30 refused by the gateway.
  expect(toRows(chart('share'), points, 20).at(-1)?.['share']).toBeCloseTo(0.9);
});

it('tells the present while the attack runs, and the peak after', () => {
  const rows = toRows(chart('queue'), points, 20);
  const [line] = chart('queue').lines;
  expect(line && figureOf(line, rows, false)).toBe(30);
  expect(line && figureOf(line, rows, true)).toBe(70);
  expect(line && figureOf(line, [], true)).toBeUndefined();
});

it.each([0, 90, 3_400, 9_999, 61_000, 3_599_000])(
  'keeps the time axis ahead of %s ms with few marks',
  (lastMs) => {
    const endMs = axisEndMs(lastMs);
    expect(endMs).toBeGreaterThanOrEqual(lastMs);
    expect(axisTicks(endMs).length).toBeLessThanOrEqual(8);
    expect(axisTicks(endMs).at(-1)).toBeLessThanOrEqual(endMs);
  },
);

it('writes moments in seconds, then in minutes', () => {
  expect(formatAxis(2_500)).toBe('2.5 s');
  expect(formatAxis(90_000)).toBe('1:30');
});

import { expect, it } from 'vitest';
import type { Sample } from '../../contract/run-record.ts';
import { addSamples, emptySeries } from '../../contract/series.ts';
import {
  CHARTS,
  axisEndMs,
  axisTicks,
  chartsOf,
  metricsNow,
  metricsOver,
  formatAxis,
  limitsOf,
  marksOf,
  toChart,
  topOf,
  valueTicks,
} from './chart-specs.ts';

const sample = (tMs: number, over: Partial<Sample> = {}): Sample => ({
  tMs,
  sent: 100,
  accepted: 90,
  rejected: 10,
  unknown: 0,
  rps: 1_000,
  p50Ms: 5,
  p99Ms: 20,
  queueDepth: 30,
  unconfirmed: 0,
  remaining: 5,
  granted: 2,
  refused: 8,
  committed: 2,
  ...over,
});
const { points } = addSamples(emptySeries('r'), [sample(100), sample(200, { queueDepth: 70 }), sample(300)]);
type Points = Parameters<typeof toChart>[1];
const chart = (id: string) => {
  const spec = CHARTS.find((candidate) => candidate.id === id);
  if (!spec) throw new Error(`no chart ${id}`);
  return spec;
};

const rowsOf = (spec: Parameters<typeof toChart>[0], of: Points) => toChart(spec, of, 20).rows;

it('draws rates a second, whatever a point spans', () => {
  expect(rowsOf(chart('surge'), points).at(-1)).toMatchObject({
    tMs: 300,
    accepted: 900,
    rejected: 100,
  });
});

it('begins the stock at the stock and the queue at nothing', () => {
  expect(rowsOf(chart('inventory'), points)[0]).toEqual({ tMs: 0, left: 20 });
  expect(rowsOf(chart('queue'), points)[0]).toEqual({ tMs: 0, depth: 0, unconfirmed: 0 });
  expect(rowsOf(chart('latency'), points)[0]).toMatchObject({ tMs: 100 });
  expect(rowsOf(chart('inventory'), [])).toEqual([]);
});

it('leaves out the latency of a stretch in which nobody was answered', () => {
  const silent = addSamples(emptySeries('r'), [
    sample(100, { accepted: 0, rejected: 0, p50Ms: 0, p99Ms: 0 }),
  ]);
  expect(rowsOf(chart('latency'), silent.points)[0]?.['p99']).toBeUndefined();
});

it('counts whoever is not granted as kept away from Postgres', () => {
  // 6 of 60 decided were granted: 24 by the worker, 30 refused by the gateway.
  expect(rowsOf(chart('share'), points).at(-1)?.['share']).toBeCloseTo(0.9);
});

it('tells the present while the attack runs, and the peak after', () => {
  expect(metricsNow(chart('queue'), points)['depth']).toBe(30);
  expect(metricsOver(chart('queue'), points, undefined)['depth']).toBe(70);
  expect(metricsNow(chart('queue'), [])['depth']).toBeUndefined();
  expect(metricsOver(chart('inventory'), points, undefined)).toEqual({ left: 5 });
});

it('takes the latency of a finished run from its record: stretches do not add up to it', () => {
  const latencyMs = { p50: 7, p90: 9, p99: 11, p999: 12, max: 13, mean: 7 };
  expect(metricsOver(chart('latency'), points, latencyMs)).toEqual({ p50: 7, p99: 11 });
  expect(metricsOver(chart('latency'), points, undefined)['p50']).toBeUndefined();
});

it('keeps the latest latency while nobody is answered', () => {
  const later = addSamples(emptySeries('r'), [
    sample(100),
    sample(200, { accepted: 0, rejected: 0, p50Ms: 0 }),
  ]);
  expect(metricsNow(chart('latency'), later.points)).toEqual({ p50: 5, p99: 20 });
});

it('shows the offered rate beside the answers, on its own and not on top of them', () => {
  const surge = chartsOf('0..2000@200ms', true).find(({ id }) => id === 'surge');
  if (!surge) throw new Error('no chart');
  const { rows, drawn, top } = toChart(surge, points, 20);
  expect(rows.slice(0, 3).map(({ offered }) => offered)).toEqual([undefined, 500, 1_500]);
  expect(drawn.map(({ key }) => key)).toContain('offered');
  // On top of the 1,000 answers it would be 2,500.
  expect(top).toBe(1_600);
  const keysOf = (isOtherShop: boolean) =>
    chartsOf(undefined, isOtherShop).map(({ id, lines }) => [id, lines.length]);
  expect(keysOf(false)).toEqual(CHARTS.map(({ id, lines }) => [id, lines.length]));
  expect(keysOf(true).map(([id]) => id)).toEqual(['arrivals', 'surge', 'latency']);
});

it('shows the crowd above its answers: what leaves in 20 ms, and what waits for an answer', () => {
  expect(CHARTS.slice(0, 2).map(({ id }) => id)).toEqual(['arrivals', 'surge']);
  const crowd = addSamples(emptySeries('r'), [
    sample(20, { sent: 1_000, accepted: 0, rejected: 0 }),
    sample(40, { sent: 500, accepted: 900, rejected: 100 }),
    sample(60, { sent: 0, accepted: 500, rejected: 0 }),
  ]);
  expect(rowsOf(chart('arrivals'), crowd.points)).toEqual([
    { tMs: 0, sent: 0, inFlight: 0 },
    { tMs: 20, sent: 1_000, inFlight: 1_000 },
    { tMs: 40, sent: 500, inFlight: 500 },
    { tMs: 60, sent: 0, inFlight: 0 },
  ]);
  // Under a rate a sample is five times as long.
  expect(rowsOf(chart('arrivals'), points)[1]).toMatchObject({ sent: 20 });
});

it('draws a burst in the steps in which it was sampled, and a rate as a line', () => {
  const curves = (stages: string | undefined) => chartsOf(stages, false).map(({ curve }) => curve);
  const others = ['stepAfter', 'linear', 'linear'];
  expect(curves(undefined)).toEqual(['stepBefore', 'stepBefore', 'stepBefore', ...others]);
  expect(curves('500@10s')).toEqual(['linear', 'linear', 'linear', ...others]);
});

it('draws only the bands of a stack that hold something', () => {
  expect(toChart(chart('queue'), points, 20).drawn.map(({ key }) => key)).toEqual(['depth']);
  expect(toChart(chart('queue'), points, 20).top).toBe(80);
  expect(toChart(chart('share'), points, 20).drawn).toHaveLength(1);
});

it('marks the y axis from zero to a round value above the highest value', () => {
  const ticksOf = (id: string, maximum: number, stock: number) =>
    valueTicks(chart(id), topOf(chart(id), maximum, stock));
  expect(ticksOf('arrivals', 12_345, 20)).toEqual([0, 4_000, 8_000, 12_000, 16_000]);
  expect(ticksOf('queue', 0, 20)).toEqual([0, 5, 10]);
  expect(ticksOf('queue', 100, 20)).toEqual([0, 50, 100]);
  expect(ticksOf('latency', 618, 20)).toEqual([0, 400, 800]);
  expect(ticksOf('inventory', 20, 20)).toEqual([0, 10, 20]);
  expect(ticksOf('inventory', 5, 5)).toEqual([0, 5]);
  expect(ticksOf('share', 0.3, 20)).toEqual([0, 0.5, 1]);
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

it('has round marks in a part of the time axis too', () => {
  expect(axisTicks(812, 333)).toEqual([400, 500, 600, 700, 800]);
  expect(axisTicks(95_000, 61_000)).toEqual([65_000, 70_000, 75_000, 80_000, 85_000, 90_000, 95_000]);
  for (const [from, to] of [
    [1, 201],
    [3_000, 3_200],
    [600_000, 3_600_000],
  ] as const)
    expect(axisTicks(to, from).length).toBeLessThanOrEqual(8);
});

it('shows a threshold in the chart of its metric, and none elsewhere', () => {
  const slo = 'p99<50ms rps>2000 errors<1% time_to_sold_out<2s p50<0.01s';
  expect(limitsOf(chart('latency'), slo)).toEqual([
    { label: 'p99<50ms', value: 50 },
    { label: 'p50<0.01s', value: 10 },
  ]);
  expect(limitsOf(chart('surge'), slo)).toEqual([{ label: 'rps>2000', value: 2_000 }]);
  expect(limitsOf(chart('queue'), slo)).toEqual([]);
  expect(limitsOf(chart('latency'), undefined)).toEqual([]);
});

it('writes moments in seconds, then in minutes', () => {
  expect(formatAxis(2_500)).toBe('2.5 s');
  expect(formatAxis(90_000)).toBe('1:30');
});

it('marks the moments that a run has', () => {
  expect(marksOf(undefined, [], 1_000)).toEqual([]);
  const back = { tMs: 900, label: 'Redis back' };
  expect(marksOf(120, [back], 1_000).map(({ tMs }) => tMs)).toEqual([120, 900]);
});

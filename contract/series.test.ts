import { describe, expect, it } from 'vitest';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import type { Sample } from './run-record.ts';
import { MAX_POINTS, addSamples, dataEndMs, emptySeries } from './series.ts';

const sample = (tMs: number, over: Partial<Sample> = {}): Sample => ({
  tMs,
  sent: 10,
  accepted: 8,
  rejected: 1,
  unknown: 1,
  rps: 100,
  p50Ms: 5,
  p99Ms: 20,
  queueDepth: 3,
  unconfirmed: 0,
  remaining: 5,
  granted: 1,
  refused: 6,
  committed: 1,
  ...over,
});
const many = (count: number): Sample[] =>
  Array.from({ length: count }, (_, index) => sample((index + 1) * 100));

describe('the series of an attack', () => {
  it('keeps every sample as a point while there is room', () => {
    const { points, grain } = addSamples(emptySeries('r'), many(MAX_POINTS));
    expect(points).toHaveLength(MAX_POINTS);
    expect(grain).toBe(1);
    expect(points[1]).toMatchObject({ tMs: 200, spanMs: 100, sent: 10 });
  });

  it('never holds more than its bound, however long the attack is', () => {
    let series = emptySeries('r');
    for (let at = 0; at < 36_000; at += 7) {
      series = addSamples(
        series,
        Array.from({ length: 7 }, (_, index) => sample((at + index + 1) * 100)),
      );
      expect(series.points.length).toBeLessThanOrEqual(MAX_POINTS);
    }
    expect(series.points.length).toBeGreaterThan(MAX_POINTS / 3);
  });

  it('loses no request and no moment when it merges points', () => {
    const { points, totals } = addSamples(emptySeries('r'), many(5_003));
    const sumOf = (read: (point: (typeof points)[number]) => number): number =>
      points.reduce((sum, point) => sum + read(point), 0);
    expect(totals.sent).toBe(50_030);
    expect(sumOf((point) => point.sent)).toBe(50_030);
    expect(sumOf((point) => point.accepted)).toBe(totals.accepted);
    expect(sumOf((point) => point.committed)).toBe(totals.committed);
    expect(sumOf((point) => point.spanMs)).toBe(500_300);
    expect(points.at(-1)?.tMs).toBe(500_300);
  });

  it('comes to the same whether samples arrive one by one or all at once', () => {
    const samples = many(1_111);
    const oneByOne = samples.reduce((series, one) => addSamples(series, [one]), emptySeries('r'));
    expect(oneByOne).toEqual(addSamples(emptySeries('r'), samples));
  });

  it('keeps peaks when it merges, and the last stock', () => {
    const samples = many(MAX_POINTS + 2);
    samples[10] = sample(1_100, { queueDepth: 999, p99Ms: 777 });
    const { points, totals } = addSamples(emptySeries('r'), samples);
    expect(Math.max(...points.map(({ queueDepth }) => queueDepth))).toBe(999);
    expect(Math.max(...points.map(({ p99Ms }) => p99Ms))).toBe(777);
    expect(totals.peakQueueDepth).toBe(999);
  });

  it('knows how many were in flight, at most, however its samples are merged', () => {
    const crowd = [
      sample(20, { sent: 900 }),
      sample(40, { sent: 0, accepted: 888 }),
      sample(60, { sent: 10, accepted: 8 }),
    ];
    const inFlight = (maxPoints: number) =>
      addSamples(emptySeries('r', maxPoints), crowd).points.map((point) => point.inFlight);
    expect(inFlight(4)).toEqual([890, 0, 0]);
    expect(inFlight(2)).toEqual([890, 0]);
  });

  it('ends with the last thing that happened, or a mark, and not with the audit', () => {
    const still = {
      sent: 0,
      accepted: 0,
      rejected: 0,
      unknown: 0,
      queueDepth: 0,
      granted: 0,
      refused: 0,
      committed: 0,
    };
    const { points } = addSamples(emptySeries('r'), [sample(100), sample(220, still), sample(2_000, still)]);
    expect(dataEndMs(points)).toBe(100);
    expect(dataEndMs(points, [{ tMs: 700 }])).toBe(700);
    expect(dataEndMs(points, [{ tMs: 9_000 }])).toBe(2_000);
    expect(dataEndMs(points.slice(1))).toBe(2_000);
    const found = addSamples(emptySeries('r'), [sample(100), sample(2_000, { ...still, committed: 9 })]);
    expect(dataEndMs(found.points)).toBe(100);
    expect(dataEndMs([])).toBe(0);
  });

  it('ignores samples that it has already', () => {
    const once = addSamples(emptySeries('r'), many(5));
    expect(addSamples(once, many(5))).toEqual(once);
    expect(addSamples(once, many(6)).totals.sent).toBe(60);
  });

  it('remembers when the last unit went, not when it was last seen gone', () => {
    const samples = [sample(100), sample(200, { remaining: 0 }), sample(300, { remaining: 0 })];
    expect(addSamples(emptySeries('r'), samples).totals.soldOutAtMs).toBe(200);
  });

  it('keeps sums and peaks of a run when its samples become a few columns', () => {
    const { series } = fixtureRun();
    const { points } = addSamples(emptySeries('r', 4), series);
    expect(points.length).toBeLessThanOrEqual(4);
    expect(points.reduce((sum, { accepted, rejected }) => sum + accepted + rejected, 0)).toBe(10_000);
    expect(points.reduce((sum, { spanMs }) => sum + spanMs, 0)).toBe(series.at(-1)?.tMs);
    expect(Math.max(...points.map(({ queueDepth }) => queueDepth))).toBe(
      Math.max(...series.map(({ queueDepth }) => queueDepth)),
    );
    expect(points.at(-1)).toMatchObject({ grantedSoFar: 20, remaining: 0 });
  });
});

import { expect, it } from 'vitest';
import { latencyHeatSchema } from '../../contract/run-record.ts';
import { LatencyHistogram } from '../attack/protocol/latency-histogram.ts';
import { HEAT_EDGES_MS } from '../attack/runner/interval-merger.ts';
import { HeatSeries } from './heat-series.ts';

const countsOf = (...valuesMs: number[]) => {
  const histogram = new LatencyHistogram();
  for (const value of valuesMs) histogram.recordUs(value * 1_000);
  return histogram.countsUpTo(HEAT_EDGES_MS);
};

it('counts each answer in the row of its latency, also the quickest and the slowest', () => {
  const counts = countsOf(0.1, 0.2, 12, 17, 200_000);
  const rows = counts.flatMap((count, row) => (count === 0 ? [] : [[HEAT_EDGES_MS[row], count]]));
  expect(rows).toEqual([
    [0.316, 2],
    [17.8, 2],
    [undefined, 1],
  ]);
});

it.each([1, 80, 81, 3_600 * 10])(
  'keeps every answer of %i intervals in few columns of the same length',
  (intervals) => {
    const heat = new HeatSeries();
    for (let at = 1; at <= intervals; at++) heat.add({ tMs: at * 100, latencyCounts: countsOf(1, 50) });
    const { columns } = latencyHeatSchema.parse(heat.data());
    expect(columns.length).toBeLessThanOrEqual(80);
    expect(columns.at(-1)?.tMs).toBe(intervals * 100);
    expect(columns.flatMap(({ counts }) => counts).reduce((sum, count) => sum + count, 0)).toBe(
      2 * intervals,
    );
    const lengths = columns.slice(0, -1).map(({ tMs }, at) => tMs - (columns[at - 1]?.tMs ?? 0));
    expect(new Set(lengths).size).toBeLessThanOrEqual(1);
  },
);

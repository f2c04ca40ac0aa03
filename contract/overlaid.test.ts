import { expect, it } from 'vitest';
import { fixtureRun, fixtureSeries } from '../tests/support/run-fixture.ts';
import { compareRuns, secondSide, sideName } from './comparison.ts';
import { overlaidCharts } from './overlaid.ts';

const run = (id: string, change: Parameters<typeof fixtureRun>[0] = {}, group?: string) => ({
  ...fixtureRun({ id, ...change }),
  ...(group === undefined ? {} : { group }),
});
const charts = (a: readonly string[], b: readonly string[]) => {
  const side = (ids: readonly string[]) => ({ name: '', records: ids.map((id) => run(id)) });
  const comparison = compareRuns(side(a), side(b));
  return overlaidCharts(comparison.a, comparison.b);
};

it('lays every run of both sides over each other, on one time axis that ends with the longest', () => {
  const short = run('short', { series: fixtureSeries().slice(0, 5) });
  const { a, b } = compareRuns({ name: 'A', records: [short] }, { name: 'B', records: [run('long')] });
  const found = overlaidCharts(a, b);
  expect(found?.endsMs.at(-1)).toBe(1_000);
  const surge = found?.charts.find(({ id }) => id === 'surge');
  expect(surge?.lines.map(({ side, runId }) => [side, runId])).toEqual([
    ['A', 'short'],
    ['B', 'long'],
  ]);
  const [first, second] = surge?.lines.map(({ values }) => values) ?? [];
  expect(first?.slice(0, 40)).toEqual(second?.slice(0, 40));
  expect(first?.[41]).toBeUndefined();
  expect(second?.[41]).toBe(13_500);
});

it('draws of many runs the one in the middle, and says so', () => {
  const found = charts(['a1', 'a2', 'a3', 'a4'], ['b1']);
  expect(found?.charts[0]?.lines).toHaveLength(2);
  expect(found?.hint).toMatch(/in the middle/);
  expect(charts(['a1'], ['b1'])?.hint).toBe('Every run of both sides.');
  expect(charts([], [])).toBeUndefined();
});

it('makes B of the other set-up, or else of the other group, or else of all but the oldest', () => {
  const { attack } = fixtureRun();
  const day = (at: number) => ({ startedAtMs: Date.UTC(2026, 10, at) });
  const ids = (records: Parameters<typeof secondSide>[0]) => secondSide(records).map(({ id }) => id);
  const other = { attack: { ...attack, connections: 77 } };
  expect(ids([run('3', { ...day(3), ...other }), run('2', day(2)), run('1', day(1))])).toEqual(['3']);
  expect(
    ids([run('1', day(1), 'group-a'), run('2', day(2), 'group-a'), run('3', day(3), 'group-b')]),
  ).toEqual(['3']);
  expect(ids([run('2', day(2)), run('1', day(1)), run('3', day(3))])).toEqual(['2', '3']);
  expect(secondSide([])).toEqual([]);
});

it('names a side by its group, its runs, or how many there are', () => {
  expect(sideName([run('1', {}, 'group-a'), run('2', {}, 'group-a')])).toBe('group-a');
  expect(sideName([run('1'), run('2')])).toBe('1, 2');
  expect(sideName(['1', '2', '3', '4'].map((id) => run(id)))).toBe('4 runs');
});

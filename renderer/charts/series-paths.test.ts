import { expect, it } from 'vitest';
import { CHARTS, type ChartSpec } from './chart-specs.ts';
import { seriesPaths, type PlotFrame } from './series-paths.ts';

const specOf = (id: string): ChartSpec => {
  const spec = CHARTS.find((each) => each.id === id);
  if (!spec) throw new Error(`no chart ${id}`);
  return spec;
};
const FRAME: PlotFrame = { x: 10, y: 5, width: 100, height: 50, endMs: 1_000, top: 100 };

it('stacks bands on each other, in the order of the lines', () => {
  const rows = [
    { tMs: 0, accepted: 0, rejected: 0, unknown: 0 },
    { tMs: 500, accepted: 50, rejected: 20, unknown: 0 },
    { tMs: 1_000, accepted: 100, rejected: 0, unknown: 0 },
  ];
  expect(seriesPaths(specOf('surge'), rows, FRAME)).toEqual([
    { key: 'accepted', edge: 'M10,55L60,30L110,5', band: 'M10,55L60,30L110,5L110,55L60,55L10,55Z' },
    { key: 'rejected', edge: 'M10,55L60,20L110,5', band: 'M10,55L60,20L110,5L110,5L60,30L10,55Z' },
    // Its edge would be that of the band below.
    { key: 'unknown', edge: 'M10,55M60,20M110,5', band: 'M10,55L60,20L110,5L110,5L60,20L10,55Z' },
  ]);
});

it('shows the edge of a stacked band only where there is something of it', () => {
  const counts = [0, 0, 10, 0, 0];
  const rows = counts.map((unknown, at) => ({ tMs: at * 250, accepted: 50, rejected: 0, unknown }));
  const paths = seriesPaths(specOf('surge'), rows, FRAME);
  expect(paths.at(-1)?.edge).toBe('M10,30M35,30L60,25L85,30M110,30');
});

it('stands level over the interval that a sample tells of, in every band of a stack', () => {
  const rows = [
    { tMs: 0, accepted: 0, rejected: 0, unknown: 0 },
    { tMs: 500, accepted: 50, rejected: 20, unknown: 0 },
    { tMs: 1_000, accepted: 100, rejected: 0, unknown: 0 },
  ];
  expect(seriesPaths({ ...specOf('surge'), curve: 'stepBefore' }, rows, FRAME).slice(0, 2)).toEqual([
    { key: 'accepted', edge: 'M10,55V30H60V5H110', band: 'M10,55V30H60V5H110L110,55H60L60,55H10L10,55Z' },
    // Its lower edge has the corners of the band below.
    { key: 'rejected', edge: 'M10,55V20H60V5H110', band: 'M10,55V20H60V5H110L110,5H60L60,30H10L10,55Z' },
  ]);
});

it('goes down in steps where the value holds until the next one', () => {
  const rows = [
    { tMs: 0, left: 100 },
    { tMs: 500, left: 40 },
    { tMs: 1_000, left: 0 },
  ];
  expect(seriesPaths(specOf('inventory'), rows, FRAME)).toEqual([
    { key: 'left', edge: 'M10,5H60V35H110V55', band: 'M10,5H60V35H110V55L110,55L10,55Z' },
  ]);
});

it('passes over stretches that have nothing to tell', () => {
  const rows = [
    { tMs: 0, p50: 10, p99: undefined },
    { tMs: 500, p50: undefined, p99: 50 },
    { tMs: 1_000, p50: 20, p99: 100 },
  ];
  expect(seriesPaths(specOf('latency'), rows, FRAME)).toEqual([
    { key: 'p99', edge: 'M60,30L110,5' },
    { key: 'p50', edge: 'M10,50L110,45' },
  ]);
});

it('draws what is not known as a gap, and does not bridge a long silence', () => {
  const left = [
    { tMs: 0, left: 100 },
    { tMs: 200, left: 60 },
    { tMs: 300, left: null },
    { tMs: 400, left: 20 },
    { tMs: 500, left: 0 },
  ];
  expect(seriesPaths(specOf('inventory'), left, FRAME)).toEqual([
    {
      key: 'left',
      edge: 'M10,5H30V25M50,45H60V55',
      band: 'M10,5H30V25L30,55L10,55ZM50,45H60V55L60,55L50,55Z',
    },
  ]);
  const silent = [
    { tMs: 0, p50: 10 },
    { tMs: 500, p50: undefined },
    { tMs: 1_500, p50: undefined },
    { tMs: 2_000, p50: 20 },
  ];
  expect(seriesPaths(specOf('latency'), silent, { ...FRAME, endMs: 2_000 })[1]?.edge).toBe('M10,50M110,45');
});

it('stays within the axes while they are older than the metrics', () => {
  const rows = [
    { tMs: 0, left: 100 },
    { tMs: 900, left: 150 },
    { tMs: 1_100, left: 150 },
  ];
  expect(seriesPaths(specOf('inventory'), rows, FRAME)[0]?.edge).toBe('M10,5H100V5');
});

it('draws nothing of nothing', () => {
  expect(seriesPaths(specOf('inventory'), [], FRAME)).toEqual([{ key: 'left', edge: '' }]);
});

it('draws only the part of the run that is shown, over the whole width', () => {
  const rows = [0, 250, 500, 750, 1_000].map((tMs) => ({ tMs, p50: tMs / 10 }));
  const [, path] = seriesPaths(specOf('latency'), rows, { ...FRAME, startMs: 500, endMs: 750 });
  expect(path?.edge).toBe('M10,30L110,17.5');
});

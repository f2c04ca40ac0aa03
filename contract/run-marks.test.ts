import { expect, it } from 'vitest';
import { layMarks, marksOfRun } from './run-marks.ts';
import type { Incident } from './run-record.ts';

it('gives neighbours lanes of their own, so that no name is written over another', () => {
  const laid = layMarks(
    [
      { tMs: 1_500, label: 'Redis back' },
      { tMs: 1_000, label: 'Redis ended' },
      { tMs: 7_500, label: 'worker-1 ended' },
      { tMs: 9_000, label: 'worker-1 back' },
    ],
    10_000,
  );
  // The last name stands to the left of its moment, where the one before stands too.
  expect(laid.map(({ label, lane, isTurned }) => [label, lane, isTurned])).toEqual([
    ['Redis ended', 0, false],
    ['Redis back', 1, false],
    ['worker-1 ended', 0, false],
    ['worker-1 back', 1, true],
  ]);
});

const incident = (tMs: number, part: string, kind: Incident['kind']): Incident => ({
  tMs,
  part,
  kind,
  text: '',
});

it('marks each end and each return, and one mark for what happens to several at once', () => {
  const incidents = [
    incident(100, 'redis', 'ended'),
    incident(700, 'redis', 'back'),
    incident(750, 'worker-1', 'back'),
    incident(900, 'gateway-1', 'failed'),
    incident(2_000, 'machine', 'paused'),
    incident(3_000, 'sale', 'notClosed'),
    ...[1, 2, 3].map((number) => incident(5_000 + number, `worker-${number}`, 'ended')),
  ];
  expect(marksOfRun({ incidents })).toEqual([
    { tMs: 100, label: 'Redis away' },
    { tMs: 700, label: 'Redis, worker-1 back' },
    { tMs: 900, label: 'gateway-1 given up' },
    { tMs: 2_000, label: 'machine stood still' },
    { tMs: 5_001, label: '3 parts away' },
  ]);
  expect(marksOfRun({})).toEqual([]);
});

it('marks the return of what was broken before the first request, and no other incident of that time', () => {
  const incidents = [
    incident(-1_500, 'redis', 'ended'),
    incident(-800, 'redis', 'back'),
    incident(-900, 'postgres', 'ended'),
    incident(-500, 'postgres', 'back'),
  ];
  const faults = [{ fault: 'kill:redis@0%', target: 'redis', tMs: -1_600, effect: '', hadEffect: true }];
  expect(marksOfRun({ faults, incidents })).toEqual([
    { tMs: 0, label: 'Redis killed' },
    { tMs: 0, label: 'Redis back' },
  ]);
});

it('tells a fault as what was done, and the return of its part as a return', () => {
  const incidents = [incident(350, 'worker-1', 'ended'), incident(900, 'worker-1', 'back')];
  const faults = [
    { fault: 'kill:worker@25%', target: 'worker-1', tMs: 300, effect: '', hadEffect: true },
    { fault: 'kill:redis@9s', target: 'redis', effect: 'It never took place.', hadEffect: false },
  ];
  expect(marksOfRun({ faults, incidents })).toEqual([
    { tMs: 300, label: 'worker-1 killed' },
    { tMs: 900, label: 'worker-1 back' },
  ]);
});

it('gives a fault that lasts a band: until its end, or until its planned end while it lasts', () => {
  const fault = (asked: string, more: object) => ({
    fault: asked,
    target: 'redis',
    tMs: 1_000,
    effect: '',
    hadEffect: true,
    ...more,
  });
  const bands = (...faults: ReturnType<typeof fault>[]) => marksOfRun({ faults }).map(({ endMs }) => endMs);
  expect(bands(fault('pause:redis@1s+2s', { endMs: 2_500 }))).toEqual([2_500]);
  expect(bands(fault('pause:redis@1s+2s', {}))).toEqual([3_000]);
  expect(bands(fault('kill:redis@1s', {}), fault('melt:redis@1s+2s', {}))).toEqual([undefined, undefined]);
  expect(bands(fault('pause:redis@1s+2s', { hadEffect: false }))).toEqual([undefined]);
});

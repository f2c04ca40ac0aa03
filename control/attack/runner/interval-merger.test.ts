import { describe, expect, it } from 'vitest';
import type { IntervalMessage } from '../protocol/generator-messages.ts';
import { IntervalMerger, type AttackInterval } from './interval-merger.ts';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';

function interval(
  index: number,
  accepted: number,
  isLast = false,
  steps: IntervalMessage['steps'] = {
    fromMs: index * 100,
    lengthMs: 100,
    counts: Uint32Array.of(accepted, accepted, 0, 0),
  },
): IntervalMessage {
  const latency = new LatencyHistogram();
  for (let at = 0; at < accepted; at++) latency.recordUs(1_000);
  return {
    type: 'interval',
    index,
    sent: accepted,
    accepted,
    rejected: 0,
    unknown: 0,
    steps,
    latency: latency.data(),
    eventLoopLagMaxMs: index,
    cpuMicros: 50_000,
    isLast,
  };
}

function merger(processes: number) {
  const told: AttackInterval[] = [];
  return { told, merger: new IntervalMerger(processes, (one) => told.push(one)) };
}

const brief = (told: readonly AttackInterval[]) => told.map((one) => [one.tMs, one.accepted]);

describe('the intervals of several generators', () => {
  it('are told once every process has passed them', () => {
    const { told, merger: both } = merger(2);
    both.add(0, interval(0, 5));
    expect(told).toEqual([]);
    both.add(1, interval(0, 7));
    expect(told).toEqual([
      expect.objectContaining({ tMs: 100, lengthMs: 100, sent: 12, accepted: 12, rps: 120, cpuShare: 1 }),
    ]);
  });

  it('do not wait for one that hangs, and count what it brings later', () => {
    const { told, merger: both } = merger(2);
    both.add(1, interval(0, 1));
    for (let index = 0; index < 8; index++) both.add(0, interval(index, 10));
    expect(told.at(-1)?.tMs).toBe(300);
    both.add(1, interval(7, 100));
    expect(told.reduce((sum, one) => sum + one.accepted, 0)).toBe(181);
    expect(told.map((one) => one.tMs)).toEqual([100, 200, 300, 800]);
  });

  it('have the steps of all processes, and a late step where there is still room for it', () => {
    const { told, merger: both } = merger(2);
    const steps = (fromMs: number, ...counts: number[]) => ({
      fromMs,
      lengthMs: 20,
      counts: Uint32Array.of(...counts),
    });
    both.add(0, interval(0, 0, false, steps(0, 9, 0, 0, 0, 1, 4, 0, 0)));
    both.add(1, interval(0, 0, false, steps(0, 3, 0, 0, 0, 0, 2, 1, 0)));
    both.add(0, interval(7, 0));
    both.add(1, interval(7, 0, false, steps(100, 0, 0, 0, 5)));
    const [first, , last] = told;
    expect(first?.steps).toEqual([
      { tMs: 20, sent: 12, accepted: 0, rejected: 0, unknown: 0 },
      { tMs: 40, sent: 1, accepted: 6, rejected: 1, unknown: 0 },
    ]);
    expect(last?.steps.find(({ unknown }) => unknown > 0)).toMatchObject({ tMs: 320, unknown: 5 });
  });

  it('end with the attack, and lose nothing of a process that ended earlier', () => {
    const { told, merger: both } = merger(2);
    both.add(0, interval(0, 1));
    both.add(0, interval(1, 2, true));
    both.add(1, interval(0, 10));
    both.add(1, interval(1, 20));
    both.add(1, interval(2, 40, true));
    both.finish(237);
    expect(brief(told)).toEqual([
      [100, 11],
      [200, 22],
      [237, 40],
    ]);
    expect(told.at(-1)).toMatchObject({ lengthMs: 37, rps: (40 * 1000) / 37 });
  });
});

import { expect, it, vi } from 'vitest';
import type { IntervalMessage } from '../protocol/generator-messages.ts';
import { IntervalCounter } from './interval-counter.ts';
import { LoopLagMeter } from './loop-lag.ts';

it('tells a burst in steps, each event at its own time, even when the timer was late', () => {
  vi.useFakeTimers();
  try {
    let nowMs = 0;
    const told: IntervalMessage[] = [];
    const counter = new IntervalCounter(
      () => nowMs,
      new LoopLagMeter(),
      (one) => told.push(one),
      20,
    );
    counter.start();
    for (let at = 0; at < 1_000; at++) counter.countSent(5);
    counter.countAnswer(true, 3_000, 37);
    counter.countAnswer(false, 3_000, 99);
    // The loop was busy: this belongs to the second interval, although the first one has not been told yet.
    counter.countAnswer(true, 3_000, 115);
    nowMs = 118;
    vi.advanceTimersByTime(100);
    counter.countUnknown(130);
    counter.finish(130);
    const steps = told.map(({ sent, accepted, rejected, unknown, steps: { fromMs, counts } }) => ({
      sums: [sent, accepted, rejected, unknown],
      fromMs,
      counts: Array.from({ length: counts.length / 4 }, (_, at) => [...counts.subarray(at * 4, at * 4 + 4)]),
    }));
    const none = [0, 0, 0, 0];
    expect(steps).toEqual([
      {
        sums: [1_000, 1, 1, 0],
        fromMs: 0,
        counts: [[1_000, 0, 0, 0], [0, 1, 0, 0], none, none, [0, 0, 1, 0]],
      },
      {
        sums: [0, 1, 0, 1],
        fromMs: 100,
        counts: [
          [0, 1, 0, 0],
          [0, 0, 0, 1],
        ],
      },
    ]);
  } finally {
    vi.useRealTimers();
  }
});

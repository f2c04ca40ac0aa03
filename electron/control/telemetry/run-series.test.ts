import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunSeries, mergeSamples, type EngineReading, type LoadInterval } from './run-series.ts';

const still: EngineReading = {
  queueDepthNow: 0,
  decided: 0,
  granted: 0,
  committed: 0,
  unconfirmedNow: 0,
  remainingNow: 20,
};
const quiet: LoadInterval = { sent: 0, acknowledged: 0, refused: 0, unknown: 0, p50Ms: 0, p99Ms: 0 };

function sums(series: RunSeries) {
  const total = {
    sent: 0,
    acknowledged: 0,
    refused: 0,
    unknown: 0,
    granted: 0,
    refusedByWorker: 0,
    committed: 0,
  };
  for (const row of series.rows()) {
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += row[key];
  }
  return total;
}

describe('the run series', () => {
  it('gives each row what happened since the row before', () => {
    const series = new RunSeries();
    series.addLoad({ ...quiet, sent: 50, acknowledged: 40, refused: 5, p99Ms: 12 });
    const first = series.close(100, {
      ...still,
      queueDepthNow: 10,
      decided: 30,
      granted: 20,
      committed: 10,
      remainingNow: 0,
    });
    const second = series.close(200, {
      ...still,
      decided: 40,
      granted: 20,
      committed: 20,
      remainingNow: 0,
    });
    expect(first).toMatchObject({
      sent: 50,
      rps: 450,
      p99Ms: 12,
      queueDepth: 10,
      granted: 20,
      refusedByWorker: 10,
      committed: 10,
    });
    expect(second).toMatchObject({
      sent: 0,
      rps: 0,
      queueDepth: 0,
      granted: 0,
      refusedByWorker: 10,
      committed: 10,
    });
  });

  it('catches up when a reading went back and came again', () => {
    const series = new RunSeries();
    series.close(100, { ...still, decided: 100, granted: 10 });
    series.close(200, { ...still, decided: 60, granted: 4 });
    series.close(300, { ...still, decided: 120, granted: 12 });
    expect(sums(series)).toMatchObject({ granted: 12, refusedByWorker: 108 });
  });

  it('keeps every column’s sum equal to the totals, however long the run', () => {
    const interval = fc.record({
      sent: fc.nat(50),
      acknowledged: fc.nat(50),
      refused: fc.nat(50),
      unknown: fc.nat(5),
      granted: fc.nat(3),
      decided: fc.nat(60),
    });
    fc.assert(
      fc.property(
        fc.array(interval, { maxLength: 40 }),
        fc.integer({ min: 1, max: 300 }),
        (intervals, repeats) => {
          const series = new RunSeries();
          const total = { sent: 0, acknowledged: 0, refused: 0, unknown: 0, granted: 0, decided: 0 };
          let tMs = 0;
          for (let round = 0; round < repeats; round++) {
            for (const load of intervals) {
              const granted = Math.min(load.granted, load.decided);
              total.sent += load.sent;
              total.acknowledged += load.acknowledged;
              total.refused += load.refused;
              total.unknown += load.unknown;
              total.granted += granted;
              total.decided += load.decided;
              series.addLoad({ ...quiet, ...load });
              series.close((tMs += 100), {
                ...still,
                decided: total.decided,
                granted: total.granted,
                committed: total.granted,
              });
            }
          }
          expect(series.rows().length).toBeLessThanOrEqual(4_096);
          expect(sums(series)).toEqual({
            sent: total.sent,
            acknowledged: total.acknowledged,
            refused: total.refused,
            unknown: total.unknown,
            granted: total.granted,
            refusedByWorker: total.decided - total.granted,
            committed: total.granted,
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('merges two rows into their mean rate and their worse latency', () => {
    const series = new RunSeries();
    series.addLoad({ ...quiet, acknowledged: 100, p99Ms: 5 });
    const first = series.close(100, still);
    series.addLoad({ ...quiet, acknowledged: 300, p99Ms: 9 });
    const second = series.close(200, still);
    expect(mergeSamples(first, second)).toMatchObject({ tMs: 200, acknowledged: 400, rps: 2_000, p99Ms: 9 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sample } from '../../contract/run-record.ts';
import { mergeSamples } from '../../contract/series.ts';
import { RunSeries, thinSamples, type PipelineReading, type LoadInterval } from './run-series.ts';

const still: PipelineReading = {
  queueDepthPeak: 0,
  decided: 0,
  granted: 0,
  committed: 0,
  unconfirmedPeak: 0,
  remainingNow: 20,
};
const quiet = { tMs: 100, lengthMs: 100, p50Ms: 0, p99Ms: 0 };

/** An interval of one step. */
function load({
  sent = 0,
  accepted = 0,
  rejected = 0,
  unknown = 0,
  ...interval
}: Partial<LoadInterval & Sample>): LoadInterval {
  const whole = { ...quiet, ...interval };
  return { ...whole, steps: [{ tMs: whole.tMs, sent, accepted, rejected, unknown }] };
}

function sums(series: RunSeries) {
  const total = {
    sent: 0,
    accepted: 0,
    rejected: 0,
    unknown: 0,
    granted: 0,
    refused: 0,
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
    series.addLoad(load({ sent: 50, accepted: 40, rejected: 5, p99Ms: 12 }));
    series.addReading(100, {
      ...still,
      queueDepthPeak: 10,
      decided: 30,
      granted: 20,
      committed: 10,
      remainingNow: 0,
    });
    series.finish(200, { ...still, decided: 40, granted: 20, committed: 20, remainingNow: 0 });
    const [first, second] = series.rows();
    expect(first).toMatchObject({
      sent: 50,
      rps: 450,
      p99Ms: 12,
      queueDepth: 10,
      granted: 20,
      refused: 10,
      committed: 10,
    });
    expect(second).toMatchObject({
      sent: 0,
      rps: 0,
      p99Ms: 0,
      queueDepth: 0,
      granted: 0,
      refused: 10,
      committed: 10,
    });
  });

  it('puts a late interval where it happened: a steady load stays steady', () => {
    const rows: Sample[] = [];
    const series = new RunSeries((row) => rows.push(row));
    const steady = (tMs: number) => load({ tMs, sent: 100, accepted: 100 });
    series.addReading(103, still);
    expect(rows).toEqual([]);
    series.addLoad(steady(100));
    series.addReading(203, still);
    series.addReading(303, still);
    series.addLoad(steady(200));
    series.addLoad(steady(300));
    series.addLoad(steady(400));
    series.finish(450, still);
    expect(rows.map(({ accepted }) => accepted)).toEqual([103, 100, 100, 97]);
    expect(rows.slice(0, 3).map(({ rps }) => rps)).toEqual([1_000, 1_000, 1_000]);
  });

  it('shows the crowd of a burst, which comes and goes within one interval', () => {
    const series = new RunSeries();
    const step = (tMs: number, sent: number, accepted: number) => ({
      tMs,
      sent,
      accepted,
      rejected: 0,
      unknown: 0,
    });
    series.addLoad({ ...quiet, steps: [step(20, 1_000, 0), step(40, 0, 600), step(60, 0, 400)] });
    for (const tMs of [20, 40, 60, 80, 100]) series.addReading(tMs, still);
    expect(series.rows().map(({ sent, accepted, rps }) => [sent, accepted, rps])).toEqual([
      [1_000, 0, 0],
      [0, 600, 30_000],
      [0, 400, 20_000],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('does not wait for ever for a generator that is late', () => {
    const rows: Sample[] = [];
    const series = new RunSeries((row) => rows.push(row));
    for (let tMs = 100; tMs <= 1_000; tMs += 100) series.addReading(tMs, still);
    expect(rows).toHaveLength(5);
    series.addLoad(load({ tMs: 1_000, lengthMs: 1_000, sent: 700 }));
    expect(rows).toHaveLength(10);
    expect(sums(series).sent).toBe(700);
  });

  it('catches up when a reading went back and came again', () => {
    const series = new RunSeries();
    series.endLoad();
    series.addReading(100, { ...still, decided: 100, granted: 10 });
    series.addReading(200, { ...still, decided: 60, granted: 4 });
    series.addReading(300, { ...still, decided: 120, granted: 12 });
    expect(sums(series)).toMatchObject({ granted: 12, refused: 108 });
  });

  it('keeps every column’s sum equal to the totals, however long the run and however late the load', () => {
    const interval = fc.record({
      sent: fc.nat(50),
      accepted: fc.nat(50),
      rejected: fc.nat(50),
      unknown: fc.nat(5),
      granted: fc.nat(3),
      decided: fc.nat(60),
      isLate: fc.boolean(),
      readAfterMs: fc.integer({ min: 1, max: 130 }),
    });
    fc.assert(
      fc.property(
        fc.array(interval, { maxLength: 40 }),
        fc.integer({ min: 1, max: 300 }),
        (intervals, repeats) => {
          const series = new RunSeries();
          const total = { sent: 0, accepted: 0, rejected: 0, unknown: 0, granted: 0, decided: 0 };
          const engine = () => ({
            ...still,
            decided: total.decided,
            granted: total.granted,
            committed: total.granted,
          });
          let tMs = 0;
          let readMs = 0;
          for (let round = 0; round < repeats; round++) {
            for (const { isLate, readAfterMs, ...counts } of intervals) {
              const granted = Math.min(counts.granted, counts.decided);
              total.sent += counts.sent;
              total.accepted += counts.accepted;
              total.rejected += counts.rejected;
              total.unknown += counts.unknown;
              total.granted += granted;
              total.decided += counts.decided;
              tMs += 100;
              if (!isLate) series.addLoad(load({ ...counts, tMs }));
              series.addReading((readMs += readAfterMs), engine());
              if (isLate) series.addLoad(load({ ...counts, tMs }));
            }
          }
          series.finish(readMs + 1, engine());
          expect(series.rows().length).toBeLessThanOrEqual(4_096);
          expect(series.rows().every(({ sent, rps }) => sent >= 0 && rps >= 0)).toBe(true);
          expect(sums(series)).toEqual({
            sent: total.sent,
            accepted: total.accepted,
            rejected: total.rejected,
            unknown: total.unknown,
            granted: total.granted,
            refused: total.decided - total.granted,
            committed: total.granted,
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('merges two rows into their mean rate, their worse latency and their higher queue', () => {
    const series = new RunSeries();
    series.addLoad(load({ accepted: 100, p99Ms: 5 }));
    series.addReading(100, { ...still, queueDepthPeak: 70 });
    series.addLoad(load({ tMs: 200, accepted: 300, p99Ms: 9 }));
    series.addReading(200, still);
    const merged = {
      tMs: 200,
      accepted: 400,
      rps: 2_000,
      p99Ms: 9,
      queueDepth: 70,
    };
    const [first, second] = series.rows();
    expect(first && second && mergeSamples(first, second)).toMatchObject(merged);
    expect(thinSamples(series.rows(), 1)).toMatchObject([merged]);
  });
});

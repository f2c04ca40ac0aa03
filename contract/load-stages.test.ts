import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StageSyntaxError, paceOf, parseStages, stageText, type Stage } from './load-stages.ts';

const stage = fc.record({
  fromPerSec: fc.integer({ min: 0, max: 5_000 }),
  toPerSec: fc.integer({ min: 0, max: 5_000 }),
  lengthMs: fc.integer({ min: 1, max: 5_000 }),
});
const someStages = fc
  .array(stage, { minLength: 1, maxLength: 6 })
  .filter((stages) => paceOf(stages).total > 0);

/** Requests of a list of stages, summed up as whole half-milli-requests. */
const exact = (stages: readonly Stage[]) =>
  Math.ceil(
    Number(stages.reduce((sum, one) => sum + BigInt((one.fromPerSec + one.toPerSec) * one.lengthMs), 0n)) /
      2_000,
  );

describe('the pace of an attack', () => {
  it('is the integral of its rate: counts are exact, no request is due early, and the order holds', () => {
    fc.assert(
      fc.property(someStages, (stages) => {
        const pace = paceOf(stages);
        expect(pace.total).toBe(exact(stages));
        let last = 0;
        for (let index = 0; index < pace.total; index += Math.max(1, Math.floor(pace.total / 50))) {
          const dueMs = pace.dueMs(index);
          expect(dueMs).toBeGreaterThanOrEqual(last);
          expect(dueMs).toBeLessThanOrEqual(pace.endMs + 1e-6);
          // At its due time, exactly the requests before it were due.
          expect(pace.dueBefore(dueMs)).toBeCloseTo(index, 3);
          last = dueMs;
        }
      }),
    );
  });

  it('sends a steady rate evenly', () => {
    const pace = paceOf(parseStages('500@20s'));
    expect(pace).toMatchObject({ total: 10_000, endMs: 20_000, peakPerSec: 500 });
    expect([0, 1, 9_999].map(pace.dueMs)).toEqual([0, 2, 19_998]);
  });

  it('knows a ramp, a pause, and the way down', () => {
    const pace = paceOf(parseStages('0..1000@2s, 0@1s, 1000..0@2s'));
    expect(pace.total).toBe(2_000);
    expect(pace.dueMs(250)).toBeCloseTo(1_000);
    expect([pace.dueMs(1_000), pace.dueMs(1_750)]).toEqual([3_000, 4_000]);
    expect([1_000, 2_500, 4_000, 9_000].map(pace.dueBefore)).toEqual([250, 1_000, 1_750, 2_000]);
  });
});

describe('stages as a text', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(someStages, (stages) => {
        expect(parseStages(stages.map(stageText).join(','))).toEqual(stages);
      }),
    );
  });

  it('are written short', () => {
    expect(parseStages('0..2000@30s, 2000@60s 5@1500ms 7@0.5min').map(stageText)).toEqual([
      '0..2000@30s',
      '2000@1m',
      '5@1500ms',
      '7@30s',
    ]);
  });

  it.each([
    ['', 'write 1 to 100 stages'],
    ['500', '"500": write RATE@LENGTH or FROM..TO@LENGTH'],
    ['500@30', '"500@30": a length takes the unit ms, s, m or h'],
    ['5@3toString', 'write RATE@LENGTH'],
    ['500@1s,900000@1s', '"900000@1s": a rate may be at most 200000 a second'],
    ['500@0s', '"500@0s": a stage lasts at least 1ms'],
    ['500@40m,500@40m', 'all stages together may last an hour'],
    ['0@5s', 'no request is ever due'],
  ])('refuse %j and say what is wrong', (text, message) => {
    expect(() => parseStages(text)).toThrow(StageSyntaxError);
    expect(() => parseStages(text)).toThrow(message);
  });
});

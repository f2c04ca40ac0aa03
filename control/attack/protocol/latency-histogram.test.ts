import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

const filled = (values: readonly number[]) => {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.recordUs(value);
  return histogram;
};

const anyDurations = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 300 });

describe('the latency histogram', () => {
  it('gives each quantile within 0.8 % above the true value', () => {
    fc.assert(
      fc.property(anyDurations, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 0.999, 1), (values, share) => {
        const sorted = values.toSorted((a, b) => a - b);
        const trueMs = (sorted[Math.max(1, Math.ceil(share * values.length)) - 1] ?? 0) / 1000;
        const foundMs = filled(values).quantileMs(share);
        expect(foundMs).toBeGreaterThanOrEqual(trueMs);
        expect(foundMs).toBeLessThanOrEqual(trueMs * 1.008);
      }),
    );
  });

  it('merged from parts says the same as one that saw everything', () => {
    fc.assert(
      fc.property(anyDurations, anyDurations, (first, second) => {
        const merged = new LatencyHistogram();
        merged.add(filled(first).data());
        merged.add(filled(second).data());
        const whole = filled([...first, ...second]);
        expect(merged.percentiles()).toEqual(whole.percentiles());
        expect(merged.count).toBe(whole.count);
      }),
    );
  });

  it('is exact in its maximum and its mean', () => {
    expect(filled([1_001, 2_003, 300_009]).percentiles()).toMatchObject({ max: 300.009, mean: 101.004 });
  });

  it('is empty again after a reset, and says 0 then', () => {
    const histogram = filled([5, 6_000]);
    histogram.reset();
    expect(histogram.percentiles()).toEqual({ p50: 0, p90: 0, p99: 0, p999: 0, p9999: 0, max: 0, mean: 0 });
    expect(histogram.data().buckets).toHaveLength(0);
  });

  it('refuses buckets that do not exist', () => {
    const data = { buckets: Uint32Array.from([999_999, 1]), maxUs: 1, sumUs: 1 };
    expect(() => new LatencyHistogram().add(data)).toThrow(RangeError);
  });
});

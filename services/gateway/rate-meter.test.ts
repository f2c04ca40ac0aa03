import { describe, expect, it } from 'vitest';
import { RateMeter } from './rate-meter.ts';

describe('a rate meter', () => {
  it('gives the rate of the last second and falls to nought', () => {
    const meter = new RateMeter();
    const rates = Array.from({ length: 31 }, (_, tick) => meter.add(Math.min(tick, 20) * 100, tick * 100));
    expect(rates[0]).toBe(0);
    expect(rates[20]).toBe(1_000);
    expect(meter.isMoving).toBe(false);
    expect(rates[30]).toBe(0);
  });

  it('begins anew when the count falls', () => {
    const meter = new RateMeter();
    meter.add(5_000, 0);
    meter.add(6_000, 100);
    expect(meter.add(0, 200)).toBe(0);
    expect(meter.add(10, 300)).toBe(100);
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { moveClock } from './moved-clock.ts';

const HOUR_MS = 3_600_000;
afterEach(() => moveClock(0));

describe('a moved clock', () => {
  it.each([HOUR_MS, -HOUR_MS])('is wrong by %i ms however it is read, until it is put right', (byMs) => {
    const [right, steadyMs] = [Date, performance.now()];
    const trueMs = Date.now();
    moveClock(byMs);
    for (const read of [Date.now(), new Date().getTime(), Date.parse(Date())])
      expect(Math.abs(read - trueMs - byMs)).toBeLessThan(60_000);
    expect(performance.now() - steadyMs).toBeLessThan(60_000);
    moveClock(0);
    expect(Date).toBe(right);
    expect(Math.abs(Date.now() - trueMs)).toBeLessThan(60_000);
  });

  it('changes nothing else of a date', () => {
    moveClock(HOUR_MS);
    expect(new Date(7).getTime()).toBe(7);
    expect(new Date(2026, 10, 26)).toBeInstanceOf(Date);
    expect(Date.UTC(1970, 0)).toBe(0);
    class Own extends Date {}
    expect(new Own()).toBeInstanceOf(Own);
  });
});

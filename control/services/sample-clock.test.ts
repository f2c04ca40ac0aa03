import { describe, expect, it } from 'vitest';
import type { WorkerSample } from '../../services/shared/messages.ts';
import { SampleClock } from './sample-clock.ts';

const sampleAt = (atMs: number, sinceMs = 0) => {
  const ok = { state: 'ok', reason: 'ok', sinceMs } as const;
  return { atMs, health: { rabbitmq: ok, redis: ok, postgres: ok } } as WorkerSample;
};
const WAY_MS = 2;

describe('the time of a sample', () => {
  it.each([300_000, -300_000])(
    'is ours while the service’s clock is wrong by %i ms, and after it',
    (byMs) => {
      const clock = new SampleClock();
      const told: number[] = [];
      for (let trueMs = 1_000_000; trueMs < 1_003_000; trueMs += 100) {
        const isWrong = trueMs >= 1_001_000 && trueMs < 1_002_000;
        const { atMs } = clock.correct(sampleAt(trueMs + (isWrong ? byMs : 0)), trueMs + WAY_MS);
        told.push(atMs - trueMs);
        expect(Math.abs(clock.skewMs - (isWrong ? byMs : 0))).toBeLessThanOrEqual(WAY_MS);
      }
      expect(Math.max(...told.map(Math.abs))).toBeLessThanOrEqual(WAY_MS);
    },
  );

  it('is when it was taken, although we were busy when it came', () => {
    const clock = new SampleClock();
    clock.correct(sampleAt(1_000), 1_001);
    expect(clock.correct(sampleAt(1_100), 4_000).atMs).toBe(1_101);
    expect(clock.correct(sampleAt(1_200), 4_000).atMs).toBe(1_201);
  });

  it('keeps the moment at which a backend fell ill, by our clock', () => {
    const clock = new SampleClock();
    const since = (sample: WorkerSample, nowMs: number) => clock.correct(sample, nowMs).health?.redis.sinceMs;
    expect(since(sampleAt(1_000, 900), 1_000)).toBe(900);
    expect(since(sampleAt(301_100, 900), 1_100)).toBe(900);
    expect(since(sampleAt(301_200, 301_150), 1_200)).toBe(1_150);
    expect(since(sampleAt(1_300, 301_150), 1_300)).toBe(1_150);
  });
});

import { describe, expect, it } from 'vitest';
import { waitForDrain } from './drain.ts';
import type { DrainOptions, DrainProgress } from './drain.ts';

/** A probe that goes through `looks`, and then repeats the last. */
function drainOf(looks: readonly (DrainProgress | Error)[], options: Partial<DrainOptions> = {}) {
  let at = 0;
  return waitForDrain({
    accepted: 100,
    timeoutMs: 5_000,
    pollMs: 1,
    quietMs: 60,
    signal: new AbortController().signal,
    probe: () => {
      const look = looks[Math.min(at++, looks.length - 1)];
      return look instanceof Error || !look
        ? Promise.reject(look ?? new Error('no look'))
        : Promise.resolve(look);
    },
    ...options,
  });
}

describe('waitForDrain', () => {
  it('ends once the queue is empty and all that was accepted is decided', async () => {
    const seen: DrainProgress[] = [];
    const looks = [
      { waiting: 2, decided: 10 },
      { waiting: 0, decided: 90 },
      { waiting: 0, decided: 100 },
    ];
    expect(await drainOf(looks, { onProgress: (progress) => seen.push(progress) })).toMatchObject({
      isDrained: true,
    });
    expect(seen).toEqual(looks);
  });

  it('goes on waiting while frames wait, although everything seems decided', async () => {
    expect(await drainOf([{ waiting: 1, decided: 100 }], { timeoutMs: 100 })).toMatchObject({
      isDrained: false,
    });
  });

  it('ends after a quiet time when the counter falls short, as after a Redis that lost its memory', async () => {
    const result = await drainOf([{ waiting: 0, decided: 40 }]);
    expect(result.isDrained).toBe(true);
    expect(result.durationMs).toBeGreaterThanOrEqual(60);
  });

  it('asks a backend that is away again', async () => {
    expect(await drainOf([new Error('ECONNREFUSED'), { waiting: 0, decided: 100 }])).toMatchObject({
      isDrained: true,
    });
  });

  it('tells what was wrong when a backend stays away', async () => {
    const result = await drainOf([new Error('ECONNREFUSED')], { timeoutMs: 50 });
    expect(result).toMatchObject({ isDrained: false, lastError: { message: 'ECONNREFUSED' } });
  });

  it('asks no more when a backend has ended for good', async () => {
    const result = await drainOf([new Error('ECONNREFUSED')], {
      timeoutMs: 60_000,
      isBackendLost: () => true,
    });
    expect(result).toMatchObject({ isDrained: false, lastError: { message: 'ECONNREFUSED' } });
    expect(result.durationMs).toBeLessThan(30_000);
  });

  it('ends at once on abort', async () => {
    const controller = new AbortController();
    const drain = drainOf([{ waiting: 1, decided: 0 }], {
      signal: controller.signal,
      timeoutMs: 60_000,
      pollMs: 30_000,
    });
    controller.abort(new Error('cancelled'));
    await expect(drain).rejects.toThrow(/cancelled|aborted/);
  });
});

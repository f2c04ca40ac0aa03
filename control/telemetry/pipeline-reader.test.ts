import { expect, it } from 'vitest';
import { ServiceTotals, type PipelineTotals } from '../services/service-totals.ts';
import { PipelineReader } from './pipeline-reader.ts';

const zero = new ServiceTotals().read();

function engine() {
  const totals: PipelineTotals = { ...zero, decided: 1_000, granted: 500, committed: 500 };
  const sale = { decided: 0, granted: 0, remaining: 20 };
  const state = { isAway: false, isSilent: false, asked: 0 };
  const reader = new PipelineReader({
    totals: () => ({ ...totals }),
    peakSince: () => ({ queueDepth: totals.accepted, unconfirmed: 3 }),
    readSale: () => {
      state.asked++;
      if (state.isSilent) return new Promise(() => undefined);
      return state.isAway ? Promise.reject(new Error('Redis is away')) : Promise.resolve({ ...sale });
    },
  });
  const work = (decided: number, granted: number): void => {
    totals.decided += decided;
    totals.granted += granted;
    totals.committed += granted;
    sale.decided += decided;
    sale.granted += granted;
    sale.remaining -= granted;
  };
  return { totals, state, reader, work };
}

it('reads the sale from Redis, and counts what others decided before this run out', async () => {
  const { reader, work } = engine();
  work(10, 4);
  expect(await reader.read()).toEqual({
    decided: 10,
    granted: 4,
    committed: 4,
    queueDepthPeak: 0,
    unconfirmedPeak: 3,
    remainingNow: 16,
  });
});

it('goes on while Redis is away, with the workers’ counters, and says that what is left is not known', async () => {
  const { reader, work, state, totals } = engine();
  work(10, 4);
  await reader.read();
  state.isAway = true;
  work(5, 1);
  totals.accepted = 2_001;
  expect(await reader.read()).toMatchObject({
    decided: 15,
    granted: 5,
    queueDepthPeak: 2_001,
    remainingNow: null,
  });
  state.isAway = false;
  expect(await reader.read()).toMatchObject({ decided: 15, granted: 5, remainingNow: 15 });
});

it('is not held up by a Redis that gives no answer, and asks it only once', async () => {
  const { reader, work, state } = engine();
  await reader.read();
  state.isSilent = true;
  work(7, 0);
  const beganMs = performance.now();
  for (let reading = 0; reading < 5; reading++)
    expect(await reader.read()).toMatchObject({ decided: 7, remainingNow: null });
  expect(performance.now() - beganMs).toBeLessThan(1_000);
  expect(state.asked).toBe(2);
});

import { describe, expect, it } from 'vitest';
import { ServiceTotals } from './service-totals.ts';

const process = { eventLoopLagMs: 0, cpuMicros: 0, rssBytes: 0, rarePaths: {} };
const gateway = (atMs: number, accepted: number) =>
  ({
    type: 'sample',
    role: 'gateway',
    ...process,
    atMs,
    accepted,
    frames: 1,
    rejected: { client4xx: 0, soldOut409: 0, unavailable503: 0 },
    unconfirmedNow: 0,
    isBrokerUp: true,
  }) as const;
const worker = (atMs: number, decided: number, framesInHandNow = 0) =>
  ({
    type: 'sample',
    role: 'worker',
    ...process,
    atMs,
    frames: 1,
    decided,
    granted: 0,
    ticketsCommitted: 0,
    framesToPostgres: 0,
    repeatedFrames: 0,
    deadLettered: 0,
    rebuilds: 0,
    framesInHandNow,
  }) as const;

describe('the queue’s depth', () => {
  it('is read as of one moment, though services sample at moments of their own', () => {
    const totals = new ServiceTotals();
    // Both move 30 a millisecond, the worker 200 behind; the gateway's samples come 60 ms after the worker's.
    totals.add('gateway-1', gateway(1_060, 31_800));
    totals.add('worker-1', worker(1_100, 32_800, 1));
    totals.add('gateway-1', gateway(1_160, 34_800));
    totals.add('worker-1', worker(1_200, 35_800, 1));
    expect(totals.queueDepth()).toBe(200);
  });

  it('counts what waits when the worker stands still, and several services together', () => {
    const totals = new ServiceTotals();
    totals.add('gateway-1', gateway(1_000, 500));
    totals.add('gateway-2', gateway(1_000, 300));
    totals.add('worker-1', worker(1_000, 200, 1));
    expect(totals.queueDepth()).toBe(600);
  });

  it('is not held back by a service that has fallen silent', () => {
    const totals = new ServiceTotals();
    totals.add('worker-1', worker(1_000, 0, 1));
    totals.add('gateway-1', gateway(5_000, 100));
    totals.add('gateway-1', gateway(5_100, 200));
    expect(totals.queueDepth()).toBe(200);
  });

  it('forgets what a killed worker left uncounted, once the backend is idle', () => {
    const totals = new ServiceTotals();
    totals.add('gateway-1', gateway(1_000, 1_000));
    totals.add('worker-1', worker(1_000, 960, 1));
    // 40 decisions die with it, uncounted; its successor sees repeats only.
    totals.retire('worker-1');
    totals.add('worker-1', worker(1_100, 0));
    expect(totals.queueDepth()).toBe(40);
    for (let atMs = 1_200; atMs <= 1_800; atMs += 100) {
      totals.add('gateway-1', gateway(atMs, 1_000));
      totals.add('worker-1', worker(atMs, 0));
    }
    expect(totals.queueDepth()).toBe(0);
    totals.add('gateway-1', gateway(1_900, 1_010));
    totals.add('worker-1', worker(1_900, 0, 1));
    expect(totals.queueDepth()).toBe(10);
  });

  it('remembers the most that waited since a moment', () => {
    const totals = new ServiceTotals();
    const sinceMs = performance.now();
    totals.add('gateway-1', gateway(1_000, 900));
    totals.add('worker-1', worker(1_000, 200, 1));
    totals.add('gateway-1', gateway(1_100, 900));
    totals.add('worker-1', worker(1_100, 900, 1));
    expect(totals.queueDepth()).toBe(0);
    expect(totals.peakSince(sinceMs).queueDepth).toBeGreaterThanOrEqual(700);
    expect(totals.peakSince(performance.now() + 1).queueDepth).toBe(0);
  });

  it('is nothing when nothing runs', () => {
    expect(new ServiceTotals().queueDepth()).toBe(0);
  });
});

it('keeps the counters of a service that ended', () => {
  const totals = new ServiceTotals();
  totals.add('worker-1', worker(1_000, 500));
  totals.retire('worker-1');
  totals.add('worker-1', worker(1_100, 20));
  expect(totals.read()).toMatchObject({ decided: 520 });
});

it('adds up the rare paths that all services took, those that ended included', () => {
  const totals = new ServiceTotals();
  expect(totals.coverage()).toEqual({});
  totals.add('gateway-1', { ...gateway(1_000, 0), rarePaths: { frameNacked: 2 } });
  totals.add('worker-1', { ...worker(1_000, 0), rarePaths: { saleRebuilt: 1, ackLost: 3 } });
  totals.retire('worker-1');
  totals.add('worker-1', { ...worker(1_100, 0), rarePaths: { saleRebuilt: 1 } });
  totals.add('worker-2', { ...worker(1_100, 0), rarePaths: { saleRebuilt: 4 } });
  expect(totals.coverage()).toEqual({ frameNacked: 2, saleRebuilt: 6, ackLost: 3 });
});

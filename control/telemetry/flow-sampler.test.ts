import { expect, it } from 'vitest';
import { ServiceTotals } from '../services/service-totals.ts';
import { flowBetween } from './flow-sampler.ts';

const process = { atMs: 0, eventLoopLagMs: 0, cpuMicros: 0, rssBytes: 0, rarePaths: {} };
const gateway = (accepted: number) =>
  ({
    type: 'sample',
    role: 'gateway',
    ...process,
    accepted,
    frames: 1,
    rejected: { client4xx: 1, soldOut409: 2, unavailable503: 3 },
    unconfirmedNow: 4,
    isBrokerUp: true,
  }) as const;
const worker = (decided: number, granted: number) =>
  ({
    type: 'sample',
    role: 'worker',
    ...process,
    frames: 1,
    decided,
    granted,
    ticketsCommitted: granted,
    framesToPostgres: 1,
    repeatedFrames: 0,
    deadLettered: 0,
    rebuilds: 0,
    framesInHandNow: 0,
  }) as const;

it('tells rates per second and what waits between gateways and workers', () => {
  const totals = new ServiceTotals();
  const before = totals.read();
  totals.add('gateway-1', gateway(1_000));
  totals.add('worker-1', worker(900, 9));
  const flow = flowBetween(before, totals.read(), 500, 0, totals.peakSince(performance.now()), 0);
  expect(flow).toMatchObject({
    acceptedPerSec: 2_000,
    decidedPerSec: 1_800,
    queueDepth: 100,
    unconfirmed: 4,
    rejectedPerSec: 12,
    filteredShare: 0.99,
  });
});

it('keeps the counters of a service that ended', () => {
  const totals = new ServiceTotals();
  totals.add('worker-1', worker(500, 5));
  totals.retire('worker-1');
  totals.add('worker-1', worker(20, 0));
  expect(totals.read()).toMatchObject({ decided: 520, granted: 5 });
});

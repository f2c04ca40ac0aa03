import { expect, it } from 'vitest';
import { WorkerCounters } from './counters.ts';
import { createMetrics } from './metrics.ts';

it('tells how long the newest frame had waited, only while one is in hand', async () => {
  const counters = new WorkerCounters();
  let inHand = 1;
  const registry = createMetrics(counters, () => inHand);
  counters.frameAgeMs = 2_500;
  expect(await registry.metrics()).toMatch(/^flashgrid_worker_frame_age_seconds 2\.5$/m);
  inHand = 0;
  expect(await registry.metrics()).toMatch(/^flashgrid_worker_frame_age_seconds 0$/m);
});

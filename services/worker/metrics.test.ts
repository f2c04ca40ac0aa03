import { expect, it } from 'vitest';
import { WorkerCounters } from './counters.ts';
import { createMetrics } from './metrics.ts';

const OK = { state: 'ok', reason: 'ok', sinceMs: 0 } as const;

it('tells how long the newest frame had waited, only while one is in hand, and which backend serves', async () => {
  const counters = new WorkerCounters();
  let inHand = 1;
  const registry = createMetrics(
    counters,
    () => inHand,
    () => ({ rabbitmq: OK, redis: OK, postgres: { ...OK, state: 'away' } }),
  );
  counters.frameAgeMs = 2_500;
  expect(await registry.metrics()).toMatch(/^flashgrid_worker_frame_age_seconds 2\.5$/m);
  inHand = 0;
  expect(await registry.metrics()).toMatch(/^flashgrid_worker_frame_age_seconds 0$/m);
  expect(await registry.metrics()).toMatch(/_backend_up\{backend="redis"\} 1\n.*backend="postgres"\} 0$/m);
});

/** Prometheus metrics. They read the worker's counters on request, so a frame costs nothing. */
import { Counter, Gauge, Registry } from 'prom-client';
import { addBackendsUp } from '../shared/backend-metrics.ts';
import type { Backends } from '../shared/messages.ts';
import type { WorkerCounters } from './counters.ts';

const HELP: Readonly<
  Record<Exclude<keyof WorkerCounters, 'rare' | 'frameAgeMs'>, readonly [name: string, help: string]>
> = {
  frames: ['frames_total', 'Frames finished.'],
  decided: ['reservations_decided_total', 'Reservations decided for the first time.'],
  granted: ['reservations_granted_total', 'Reservations granted for the first time.'],
  ticketsCommitted: ['tickets_committed_total', 'Tickets committed to Postgres, repeats included.'],
  framesToPostgres: ['frames_to_postgres_total', 'Frames that had grants to record.'],
  repeatedFrames: ['frames_repeated_total', 'Frames that had been decided earlier.'],
  deadLettered: ['frames_dead_lettered_total', 'Frames that can never be decided.'],
  requeued: ['frames_requeued_total', 'Frames given back to the queue.'],
  rebuilds: ['rebuilds_total', 'Sales rebuilt in Redis from Postgres.'],
  retries: ['retries_total', 'Tries that failed because Redis or Postgres was away.'],
};

/** A registry that shows the counters, and the frames in hand. */
export function createMetrics(
  counters: WorkerCounters,
  framesInHand: () => number,
  backends: () => Backends,
): Registry {
  const registry = new Registry();
  addBackendsUp(registry, 'worker', backends);
  for (const key of Object.keys(HELP).filter(isCounter)) {
    const [name, help] = HELP[key];
    new Counter({
      name: `flashgrid_worker_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(counters[key]);
      },
    });
  }
  new Counter({
    name: 'flashgrid_worker_rare_paths_total',
    help: 'How often the worker took each of its rare paths (docs/rare-paths.md).',
    labelNames: ['path'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [path, count] of Object.entries(counters.rare)) this.inc({ path }, count);
    },
  });
  new Gauge({
    name: 'flashgrid_worker_frames_in_hand',
    help: 'Frames handed out to this worker and not settled.',
    registers: [registry],
    collect() {
      this.set(framesInHand());
    },
  });
  new Gauge({
    name: 'flashgrid_worker_frame_age_seconds',
    help: 'How long the frame that came last had waited in the queue; 0 while none is in hand.',
    registers: [registry],
    collect() {
      this.set(framesInHand() > 0 ? counters.frameAgeMs / 1_000 : 0);
    },
  });
  return registry;
}

function isCounter(key: string): key is keyof typeof HELP {
  return Object.hasOwn(HELP, key);
}

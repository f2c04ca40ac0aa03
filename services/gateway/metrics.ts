/** Prometheus metrics. Histograms observe once a message, never once a request; the rest is read on request. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { LinkState } from '../shared/amqp/broker-connection.ts';
import { addBackendsUp } from '../shared/backend-metrics.ts';
import type { Backends } from '../shared/messages.ts';
import { problemKinds, type GatewayCounters } from './gateway-counters.ts';
import type { FrameEnd } from './frame-collector.ts';

const FRAME_ENDS: readonly FrameEnd[] = ['confirmed', 'nacked', 'returned', 'timeout', 'lost', 'away'];

export interface MetricsSources {
  readonly counters: GatewayCounters;
  readonly backends: () => Backends;
  /** Messages in the queue that no worker has in hand; `undefined` when the broker does not say. */
  readonly queueLength: () => Promise<number | undefined>;
  readonly unconfirmedNow: () => number;
  readonly linkState: () => LinkState;
  readonly clientCount: () => number;
}

export class GatewayMetrics {
  readonly registry = new Registry();
  readonly #frameSize: Histogram;
  readonly #confirmSeconds: Histogram;
  readonly #ends: Counter<'end'>;

  constructor(sources: MetricsSources) {
    const registers = [this.registry];
    // Event-loop lag is among the default metrics: nodejs_eventloop_lag_*.
    collectDefaultMetrics({ register: this.registry });
    const { counters } = sources;
    const count = (name: string, help: string, read: () => number) =>
      new Counter({
        name: `flashgrid_gateway_${name}`,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name: `flashgrid_gateway_${name}`,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    count(
      'accepted_total',
      'Reservations that the broker has confirmed, answered 202.',
      () => counters.accepted,
    );
    count(
      'repeated_total',
      'Repeats under an Idempotency-Key whose reservation was decided already: answered 202 again, not queued.',
      () => counters.rare.keyReplayed,
    );
    new Counter({
      name: 'flashgrid_gateway_rare_paths_total',
      help: 'How often the gateway took each of its rare paths (docs/rare-paths.md).',
      labelNames: ['path'],
      registers,
      collect() {
        this.reset();
        for (const [path, count] of Object.entries(counters.rare)) this.inc({ path }, count);
      },
    });
    new Counter({
      name: 'flashgrid_gateway_rejected_total',
      help: 'Reservations rejected by the gateway, by kind of problem.',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset();
        // Also those that never came: an alert on the first one needs the zero before it.
        for (const reason of problemKinds()) this.inc({ reason }, counters.rejected[reason] ?? 0);
      },
    });
    gauge('unconfirmed', "Reservations that wait for the broker's confirm.", sources.unconfirmedNow);
    gauge('broker_up', '1 while the broker takes frames.', () => (sources.linkState() === 'up' ? 1 : 0));
    gauge('live_clients', 'Socket.IO clients.', sources.clientCount);
    addBackendsUp(this.registry, 'gateway', sources.backends);
    new Gauge({
      name: 'flashgrid_gateway_queue_messages',
      help: 'Messages in the queue that no worker has in hand; every gateway tells the same. NaN: unknown.',
      registers,
      async collect() {
        this.set((await sources.queueLength()) ?? NaN);
      },
    });
    this.#ends = new Counter({
      name: 'flashgrid_gateway_frames_total',
      help: 'Messages of one or several frames by how they ended; `confirmed` ones were accepted.',
      labelNames: ['end'],
      registers,
    });
    for (const end of FRAME_ENDS) this.#ends.inc({ end }, 0);
    this.#frameSize = new Histogram({
      name: 'flashgrid_gateway_frame_reservations',
      help: 'Reservations in a message, of one or several sales.',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
      registers,
    });
    this.#confirmSeconds = new Histogram({
      name: 'flashgrid_gateway_confirm_seconds',
      help: 'From closing a message to its confirm.',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    });
  }

  /** Observes a message that has ended. */
  observeFrame(count: number, end: FrameEnd, tookMs: number): void {
    this.#ends.inc({ end });
    this.#frameSize.observe(count);
    if (end === 'confirmed') this.#confirmSeconds.observe(tookMs / 1_000);
  }
}

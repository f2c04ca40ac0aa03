/**
 * Tells the times of a service's samples by our own clock. The clock of a service may be set while it runs: what we
 * measure by it would then be minutes too long, or negative.
 */
import type { BackendHealth } from '../../services/shared/backend-trouble.ts';
import type { GatewaySample, WorkerSample } from '../../services/shared/messages.ts';

export class SampleClock {
  /** ms by which our clock is ahead; samples that were late on their way do not count. */
  #aheadMs = Infinity;
  #lastMs = 0;
  /** Since when a backend is as it is, by the service's clock and by ours: found once, as that clock was then. */
  readonly #since = new Map<string, { readonly theirsMs: number; readonly oursMs: number }>();

  /** ms by which the clock of the service is ahead of ours, but for the way of a sample; NaN before the first one. */
  get skewMs(): number {
    return this.#aheadMs === Infinity ? NaN : -this.#aheadMs;
  }

  correct<Sample extends GatewaySample | WorkerSample>(sample: Sample, nowMs = Date.now()): Sample {
    const aheadMs = nowMs - sample.atMs;
    this.#aheadMs = sample.atMs < this.#lastMs ? aheadMs : Math.min(this.#aheadMs, aheadMs);
    this.#lastMs = sample.atMs;
    const { health } = sample;
    return {
      ...sample,
      atMs: sample.atMs + this.#aheadMs,
      ...(health && {
        health: {
          rabbitmq: this.#correct('rabbitmq', health.rabbitmq),
          redis: this.#correct('redis', health.redis),
          postgres: this.#correct('postgres', health.postgres),
        },
      }),
    };
  }

  #correct(role: string, health: BackendHealth): BackendHealth {
    const theirsMs = health.sinceMs;
    let since = this.#since.get(role);
    if (since?.theirsMs !== theirsMs) {
      since = { theirsMs, oursMs: Math.round(theirsMs + this.#aheadMs) };
      this.#since.set(role, since);
    }
    return { ...health, sinceMs: since.oursMs };
  }
}

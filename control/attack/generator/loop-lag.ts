/** Measures how late the event loop is: a late generator measures itself instead of the engine. */
import { performance } from 'node:perf_hooks';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';

const STEP_MS = 10;

export class LoopLagMeter {
  /** Delay that something due at any moment would have met. */
  readonly histogram = new LatencyHistogram();
  #intervalMaxMs = 0;
  #expectedMs = 0;
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#expectedMs = performance.now() + STEP_MS;
    this.#timer = setTimeout(() => this.#tick(), STEP_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Longest delay since the last call, in ms. */
  drainMaxMs(): number {
    const maxMs = this.#intervalMaxMs;
    this.#intervalMaxMs = 0;
    return maxMs;
  }

  #tick(): void {
    const now = performance.now();
    const lagMs = Math.max(0, now - this.#expectedMs);
    if (lagMs > this.#intervalMaxMs) this.#intervalMaxMs = lagMs;
    // A delay of 1 s hides a hundred steps of 10 ms that would each have been late: count them too.
    for (let lateMs = lagMs; lateMs >= 0; lateMs -= STEP_MS) this.histogram.recordUs(lateMs * 1000);
    this.#expectedMs = now + STEP_MS;
    this.#timer = setTimeout(() => this.#tick(), STEP_MS);
  }
}

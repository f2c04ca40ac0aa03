/**
 * Counts the events of each 100 ms in one process, and emits them at the interval's end. Each event is in
 * exactly one interval.
 */
import { INTERVAL_MS, type IntervalMessage } from '../protocol/generator-messages.ts';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';
import type { LoopLagMeter } from './loop-lag.ts';

/** ms by which a timer may come early. */
const EARLY_MS = 2;

export class IntervalCounter {
  readonly #nowMs: () => number;
  readonly #lag: LoopLagMeter;
  readonly #emit: (interval: IntervalMessage) => void;
  readonly #latency = new LatencyHistogram();
  #sent = 0;
  #accepted = 0;
  #rejected = 0;
  #unknown = 0;
  #lastIndex = -1;
  #cpu = process.cpuUsage();
  #timer: NodeJS.Timeout | undefined;

  constructor(nowMs: () => number, lag: LoopLagMeter, tell: (interval: IntervalMessage) => void) {
    this.#nowMs = nowMs;
    this.#lag = lag;
    this.#emit = tell;
  }

  start(): void {
    this.#cpu = process.cpuUsage();
    this.#arm();
  }

  countSent(): void {
    this.#sent++;
  }

  /** @param latencyUs missing where the buyer delayed the answer itself */
  countAnswer(isAccepted: boolean, latencyUs: number | undefined): void {
    if (isAccepted) this.#accepted++;
    else this.#rejected++;
    if (latencyUs !== undefined) this.#latency.recordUs(latencyUs);
  }

  countUnknown(): void {
    this.#unknown++;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Tells what is left, as the interval in which the attack ended. */
  finish(endMs: number): void {
    this.stop();
    this.#flush(Math.max(this.#lastIndex + 1, Math.floor(endMs / INTERVAL_MS)), true);
  }

  #arm(): void {
    const nowMs = this.#nowMs();
    const current = Math.max(0, Math.floor(nowMs / INTERVAL_MS));
    this.#timer = setTimeout(() => this.#tick(), (current + 1) * INTERVAL_MS - nowMs);
  }

  #tick(): void {
    // Timers may come a little early: the interval that this one was meant for has ended.
    const ended = Math.floor((this.#nowMs() + EARLY_MS) / INTERVAL_MS) - 1;
    if (ended > this.#lastIndex) this.#flush(ended, false);
    this.#arm();
  }

  #flush(index: number, isLast: boolean): void {
    const used = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    this.#emit({
      type: 'interval',
      index,
      sent: this.#sent,
      accepted: this.#accepted,
      rejected: this.#rejected,
      unknown: this.#unknown,
      latency: this.#latency.data(),
      eventLoopLagMaxMs: this.#lag.drainMaxMs(),
      cpuMicros: used.user + used.system,
      isLast,
    });
    this.#lastIndex = index;
    this.#sent = this.#accepted = this.#rejected = this.#unknown = 0;
    this.#latency.reset();
  }
}

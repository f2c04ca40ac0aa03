/**
 * Counts the events of each 100 ms in one process, in steps, and emits them at the interval's end. Each event is
 * in exactly one interval and step.
 */
import { INTERVAL_MS, type IntervalMessage } from '../protocol/generator-messages.ts';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';
import type { LoopLagMeter } from './loop-lag.ts';

/** ms by which a timer may come early. */
const EARLY_MS = 2;
/** Steps that are counted apart: half a minute of a burst. What comes later, while nothing is emitted, is in the last. */
const MAX_STEPS = 1_500;
/** Counts of a step. */
const [SENT, ACCEPTED, REJECTED, UNKNOWN, KINDS] = [0, 1, 2, 3, 4];

export class IntervalCounter {
  readonly #nowMs: () => number;
  readonly #lag: LoopLagMeter;
  readonly #emit: (interval: IntervalMessage) => void;
  readonly #latency = new LatencyHistogram();
  readonly #stepMs: number;
  /** Of the steps since the last interval. */
  readonly #counts = new Uint32Array(MAX_STEPS * KINDS);
  #lastIndex = -1;
  #cpu = process.cpuUsage();
  #timer: NodeJS.Timeout | undefined;

  /** @param stepMs a divisor of the interval's length */
  constructor(
    nowMs: () => number,
    lag: LoopLagMeter,
    tell: (interval: IntervalMessage) => void,
    stepMs = INTERVAL_MS,
  ) {
    this.#stepMs = stepMs;
    this.#nowMs = nowMs;
    this.#lag = lag;
    this.#emit = tell;
  }

  start(): void {
    this.#cpu = process.cpuUsage();
    this.#arm();
  }

  countSent(nowMs: number): void {
    this.#count(SENT, nowMs);
  }

  /** @param latencyUs missing where the buyer delayed the answer itself */
  countAnswer(isAccepted: boolean, latencyUs: number | undefined, nowMs: number): void {
    this.#count(isAccepted ? ACCEPTED : REJECTED, nowMs);
    if (latencyUs !== undefined) this.#latency.recordUs(latencyUs);
  }

  countUnknown(nowMs: number): void {
    this.#count(UNKNOWN, nowMs);
  }

  #count(kind: number, nowMs: number): void {
    const step = Math.floor((nowMs - this.#fromMs()) / this.#stepMs);
    const at = Math.min(MAX_STEPS - 1, Math.max(0, step)) * KINDS + kind;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** Where the first step begins. */
  #fromMs(): number {
    return (this.#lastIndex + 1) * INTERVAL_MS;
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
    const fromMs = this.#fromMs();
    // What a late timer lets through belongs to the next interval, unless there is none.
    const taken = isLast
      ? this.#used()
      : Math.min(MAX_STEPS, ((index + 1) * INTERVAL_MS - fromMs) / this.#stepMs);
    const counts = this.#counts.slice(0, taken * KINDS);
    this.#counts.copyWithin(0, counts.length).fill(0, this.#counts.length - counts.length);
    const sum = (kind: number) =>
      counts.reduce((total, count, at) => (at % KINDS === kind ? total + count : total), 0);
    this.#emit({
      type: 'interval',
      index,
      sent: sum(SENT),
      accepted: sum(ACCEPTED),
      rejected: sum(REJECTED),
      unknown: sum(UNKNOWN),
      steps: { fromMs, lengthMs: this.#stepMs, counts },
      latency: this.#latency.data(),
      eventLoopLagMaxMs: this.#lag.drainMaxMs(),
      cpuMicros: used.user + used.system,
      isLast,
    });
    this.#lastIndex = index;
    this.#latency.reset();
  }

  /** Steps up to the last event. */
  #used(): number {
    return Math.ceil((this.#counts.findLastIndex((count) => count > 0) + 1) / KINDS);
  }
}

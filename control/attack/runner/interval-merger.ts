/**
 * Merges the intervals of all generator processes, 100 ms by 100 ms. An interval is emitted when every
 * process has passed it, or when the slowest is far behind. What comes late is counted in the next interval,
 * so the sums stay exact.
 */
import { INTERVAL_MS, type IntervalMessage } from '../protocol/generator-messages.ts';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';

/** Rows of latencies: four for each power of ten, from 0.3 ms to 100 s. */
export const HEAT_EDGES_MS: readonly number[] = Array.from({ length: 23 }, (_, at) =>
  Number((10 ** (at / 4 - 0.5)).toPrecision(3)),
);
/** Intervals by which the slowest process may lag behind the fastest before it is not waited for. */
const PATIENCE = 5;
/** Instead of an interval's index: the process has sent its last one. */
const ENDED = Number.MAX_SAFE_INTEGER;

/** What was sent and answered in a short stretch that ends at `tMs`. */
export interface LoadStep {
  readonly tMs: number;
  readonly sent: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unknown: number;
}

/** What all generators together saw in one interval; counts are of this interval alone. */
export interface AttackInterval {
  /** The same counts in the steps of the generators, those of a burst shorter; in the order of time. */
  readonly steps: readonly LoadStep[];
  /** ms since the start of the attack; the end of the interval. */
  readonly tMs: number;
  /** Length of the interval in ms; longer than 100 when a generator was late. */
  readonly lengthMs: number;
  readonly sent: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unknown: number;
  /** Answers a second. */
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers by how long they took, in the rows of HEAT_EDGES_MS. */
  readonly latencyCounts: readonly number[];
  /** Longest event-loop delay of a generator, in ms. */
  readonly eventLoopLagMaxMs: number;
  /** Share of one core that the generators used, together. */
  readonly cpuShare: number;
}

export class IntervalMerger {
  readonly #passed: number[];
  readonly #emit: (interval: AttackInterval) => void;
  readonly #latency = new LatencyHistogram();
  readonly #waiting: IntervalMessage[] = [];
  #emittedTMs = 0;

  constructor(processes: number, tell: (interval: AttackInterval) => void) {
    this.#passed = new Array<number>(processes).fill(-1);
    this.#emit = tell;
  }

  add(processIndex: number, interval: IntervalMessage): void {
    this.#passed[processIndex] = interval.isLast ? ENDED : interval.index;
    this.#waiting.push(interval);
    const running = this.#passed.filter((index) => index !== ENDED);
    if (running.length === 0) return;
    const complete = Math.max(Math.min(...running), Math.max(...running) - PATIENCE);
    this.#emitUpTo(complete, (complete + 1) * INTERVAL_MS);
  }

  /** Emits the rest as an interval that ends with the attack. */
  finish(endMs: number): void {
    if (this.#waiting.length > 0) this.#emitUpTo(ENDED, Math.max(endMs, this.#emittedTMs + 1));
  }

  #emitUpTo(index: number, tMs: number): void {
    if (tMs <= this.#emittedTMs) return;
    const due = this.#waiting.filter((interval) => interval.index <= index);
    const left = this.#waiting.filter((interval) => interval.index > index);
    this.#waiting.length = 0;
    this.#waiting.push(...left);
    const sum = (pick: (interval: IntervalMessage) => number) =>
      due.reduce((total, one) => total + pick(one), 0);
    this.#latency.reset();
    for (const { latency } of due) this.#latency.add(latency);
    const lengthMs = tMs - this.#emittedTMs;
    const steps = stepsOf(due, this.#emittedTMs, tMs);
    this.#emittedTMs = tMs;
    this.#emit({
      tMs,
      lengthMs,
      steps,
      sent: sum((one) => one.sent),
      accepted: sum((one) => one.accepted),
      rejected: sum((one) => one.rejected),
      unknown: sum((one) => one.unknown),
      rps: (sum((one) => one.accepted + one.rejected) * 1000) / lengthMs,
      p50Ms: this.#latency.quantileMs(0.5),
      p99Ms: this.#latency.quantileMs(0.99),
      latencyCounts: this.#latency.countsUpTo(HEAT_EDGES_MS),
      eventLoopLagMaxMs: Math.max(0, ...due.map((one) => one.eventLoopLagMaxMs)),
      cpuShare: sum((one) => one.cpuMicros) / 1000 / lengthMs,
    });
  }
}

/** The steps of all processes, added up; what came late counts in the first step that is still open. */
function stepsOf(intervals: readonly IntervalMessage[], fromMs: number, untilMs: number): LoadStep[] {
  const sums = new Map<number, LoadStep>();
  for (const { steps } of intervals)
    for (let at = 0; at * 4 < steps.counts.length; at++) {
      const [sent = 0, accepted = 0, rejected = 0, unknown = 0] = steps.counts.subarray(at * 4);
      const endMs = steps.fromMs + (at + 1) * steps.lengthMs;
      const tMs = Math.min(untilMs, Math.max(endMs, fromMs + steps.lengthMs));
      const sum = sums.get(tMs);
      sums.set(tMs, {
        tMs,
        sent: sent + (sum?.sent ?? 0),
        accepted: accepted + (sum?.accepted ?? 0),
        rejected: rejected + (sum?.rejected ?? 0),
        unknown: unknown + (sum?.unknown ?? 0),
      });
    }
  return [...sums.values()].sort((a, b) => a.tMs - b.tMs);
}

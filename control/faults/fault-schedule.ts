/** Says when each fault of an attack is due. */
import type { FaultEvent, FaultSpec } from '../../contract/fault-syntax.ts';
import { ALL_FAULTS } from './all-faults.ts';
import type { FaultTools } from './fault.ts';
import type { FaultRunner } from './fault-runner.ts';

/** How far the attack has come. */
export interface AttackProgress {
  /** Share of the requests that are answered, 0..1. */
  readonly progress: number;
  readonly granted: number;
  readonly remaining: number;
}

/**
 * @throws FailureError when one of the faults can't be made on this cluster
 */
export function checkFaults(faults: readonly Omit<FaultSpec, 'at'>[], tools: FaultTools): void {
  for (const { kind, target } of faults) ALL_FAULTS[kind].check(target, tools);
}

export class FaultSchedule {
  readonly #runner: Pick<FaultRunner, 'prepare' | 'inject' | 'skip'>;
  readonly #waiting: Set<FaultSpec>;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(faults: readonly FaultSpec[], runner: Pick<FaultRunner, 'prepare' | 'inject' | 'skip'>) {
    this.#runner = runner;
    this.#waiting = new Set(faults);
  }

  /**
   * Makes ready what needs it, and makes what is due before the first request.
   * @throws FailureError when a fault can't be made ready
   */
  async prepare(): Promise<void> {
    await this.#runner.prepare([...this.#waiting]);
    await this.#due(({ at }) => isEvent(at, 'start'));
  }

  /** The first request leaves at this moment, in ms since the epoch. */
  begin(startAtMs: number): void {
    for (const { at } of this.#waiting) {
      if (!('afterMs' in at)) continue;
      const waitMs = startAtMs + at.afterMs - Date.now();
      this.#timers.push(setTimeout(() => void this.#due((spec) => spec.at === at), waitMs));
    }
  }

  handle({ progress, granted, remaining }: AttackProgress): void {
    void this.#due(
      ({ at }) =>
        ('percent' in at && progress * 100 >= at.percent) ||
        (isEvent(at, 'first-grant') && granted > 0) ||
        (isEvent(at, 'sold-out') && granted > 0 && remaining === 0),
    );
  }

  /** All requests are answered. */
  drain(): void {
    void this.#due(({ at }) => isEvent(at, 'drain'));
  }

  /** Nothing is due any more; what was never due is noted. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const spec of this.#waiting) this.#runner.skip(spec);
    this.#waiting.clear();
  }

  async #due(isDue: (spec: FaultSpec) => boolean): Promise<void> {
    const due = [...this.#waiting].filter(isDue);
    for (const spec of due) this.#waiting.delete(spec);
    await Promise.all(due.map((spec) => this.#runner.inject(spec)));
  }
}

const isEvent = (at: FaultSpec['at'], event: FaultEvent) => 'event' in at && at.event === event;

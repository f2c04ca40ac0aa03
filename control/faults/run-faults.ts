/** The faults of one attack: made ready before it, made in time, and ended with it. */
import { once } from 'node:events';
import { parseFaults, type FaultSpec } from '../../contract/fault-syntax.ts';
import type { FaultOutcome } from '../../contract/run-record.ts';
import type { FaultTools } from './fault.ts';
import { FaultRunner } from './fault-runner.ts';
import { FaultSchedule, type AttackProgress } from './fault-schedule.ts';

export class RunFaults {
  /** ms that `release` may take. */
  static readonly releaseLimitMs = 60_000;
  readonly #tools: FaultTools;
  readonly #runner: FaultRunner;
  readonly #schedule: FaultSchedule;

  constructor(tools: FaultTools, faults: string, told: { onChange(): void; onLog(text: string): void }) {
    this.#tools = tools;
    this.#runner = new FaultRunner(tools, told);
    this.#schedule = new FaultSchedule(parseFaults(faults), this.#runner);
  }

  /** What was made so far, in the order of time. */
  outcomes(startMs: number): FaultOutcome[] {
    return this.#runner.outcomes(startMs);
  }

  /**
   * Breaks a part now.
   * @param firstRequestAtMs when the attack began; it has not yet without
   */
  async breakNow(fault: Omit<FaultSpec, 'at'>, firstRequestAtMs: number | undefined): Promise<void> {
    const afterMs = firstRequestAtMs === undefined ? undefined : Math.max(0, Date.now() - firstRequestAtMs);
    await this.#runner.inject({ ...fault, at: afterMs === undefined ? { event: 'start' } : { afterMs } });
  }

  /** @throws FailureError when a fault can't be made ready */
  async prepare(): Promise<void> {
    await this.#schedule.prepare();
  }

  begin(startAtMs: number): void {
    this.#schedule.begin(startAtMs);
  }

  handle(progress: AttackProgress): void {
    this.#schedule.handle(progress);
  }

  /** All requests are answered: makes what is due then, and waits until no fault lasts any more. */
  async over(progress: AttackProgress, signal: AbortSignal): Promise<void> {
    this.#schedule.handle(progress);
    this.#schedule.drain();
    await Promise.race([this.#runner.over(), once(signal, 'abort')]);
    signal.throwIfAborted();
  }

  /** Nothing is due any more. */
  end(): void {
    this.#schedule.end();
  }

  /** Ends what still lasts; resolves when the effect of each is known. */
  async settle(): Promise<void> {
    this.#schedule.end();
    await this.#runner.settle();
  }

  /** Takes the proxy out from between the parts. */
  removeLinks(): Promise<void> {
    return this.#tools.links.remove();
  }

  /** Nothing that was broken on purpose outlives the attack. */
  async release(): Promise<void> {
    this.#schedule.end();
    await this.#runner.heal();
    await this.removeLinks();
  }
}

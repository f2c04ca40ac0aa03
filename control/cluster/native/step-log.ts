/** Runs the steps of a start and tells each one's progress, time and outcome. */
import type { ClusterEvents } from '../cluster.ts';
import { FailureError } from '../../../contract/failure.ts';
import type { Step } from '../../../contract/backends.ts';

export class StepLog {
  readonly #events: Pick<ClusterEvents, 'onStep'>;
  readonly #titles = new Map<string, string>();

  /** Tells all steps as waiting, so that a frontend can show the whole way at once. */
  constructor(
    events: Pick<ClusterEvents, 'onStep'>,
    steps: readonly { readonly id: string; readonly title: string }[],
  ) {
    this.#events = events;
    for (const { id, title } of steps) {
      this.#titles.set(id, title);
      events.onStep({ id, title, state: 'waiting' });
    }
  }

  /**
   * Runs one step.
   * @param work returns the step's value and how it ended, in words
   * @throws FailureError with the step's id in it; other errors as they are
   */
  async run<Value>(
    id: string,
    work: () => Promise<{ value: Value; detail?: string; isSkipped?: boolean }>,
  ): Promise<Value> {
    const startedAtMs = Date.now();
    const base: Step = { id, title: this.#titles.get(id) ?? id, state: 'running', startedAtMs };
    this.#events.onStep(base);
    const begun = performance.now();
    const durationMs = () => Math.round(performance.now() - begun);
    try {
      const { value, detail, isSkipped } = await work();
      this.#events.onStep({
        ...base,
        state: isSkipped ? 'skipped' : 'done',
        durationMs: durationMs(),
        ...(detail === undefined ? {} : { detail }),
      });
      return value;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#events.onStep({ ...base, state: 'failed', durationMs: durationMs(), detail });
      if (error instanceof FailureError && error.failure.step === undefined)
        throw new FailureError({ ...error.failure, step: id }, { cause: error });
      throw error;
    }
  }
}

/** Tells how one step goes: waiting → running → done, skipped or failed. */
import type { ClusterEvents } from '../cluster.ts';
import type { Step } from '../../../contract/backends.ts';
import { errorText } from './errors.ts';

export class StepReporter {
  readonly id: string;
  readonly #title: string;
  readonly #events: Pick<ClusterEvents, 'onStep'>;
  #startedAtMs: number | undefined;
  #state: Step['state'] = 'waiting';
  #progress: Step['progress'];

  constructor(events: Pick<ClusterEvents, 'onStep'>, id: string, title: string) {
    this.#events = events;
    this.id = id;
    this.#title = title;
    this.#emit('waiting');
  }

  start(detail?: string): void {
    this.#startedAtMs ??= Date.now();
    this.#emit('running', detail);
  }

  note(detail: string): void {
    this.#emit('running', detail);
  }

  progress(detail: string, progress: NonNullable<Step['progress']>): void {
    this.#progress = progress;
    this.#emit('running', detail);
  }

  done(detail?: string): void {
    this.#emit('done', detail);
  }

  skip(detail: string): void {
    this.#emit('skipped', detail);
  }

  /** Harmless after the step has ended. */
  fail(detail: string): void {
    if (this.#state === 'running' || this.#state === 'waiting') this.#emit('failed', detail);
  }

  /** Runs work as this step: its error is the step's. */
  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      const isGivenUp = error instanceof Error && error.name === 'AbortError';
      this.fail(isGivenUp ? 'given up: the start was cancelled, or another step failed' : errorText(error));
      throw error;
    }
  }

  #emit(state: Step['state'], detail?: string): void {
    this.#state = state;
    const startedAtMs = this.#startedAtMs;
    const hasEnded = state === 'done' || state === 'failed' || state === 'skipped';
    this.#events.onStep({
      id: this.id,
      title: this.#title,
      state,
      ...(detail === undefined ? {} : { detail }),
      ...(startedAtMs === undefined ? {} : { startedAtMs }),
      ...(hasEnded && startedAtMs !== undefined ? { durationMs: Date.now() - startedAtMs } : {}),
      ...(this.#progress ? { progress: this.#progress } : {}),
    });
  }
}

/** One step of a start, stop or restart, and how it goes: waiting → running → done, skipped or failed. */
import type { Step } from '../../contract/backends.ts';
import { FailureError } from '../../contract/failure.ts';
import type { ClusterEvents } from './cluster.ts';

type StepEvents = Pick<ClusterEvents, 'onStep'>;

export class StepReporter {
  readonly id: string;
  readonly #title: string;
  readonly #events: StepEvents;
  #startedAtMs: number | undefined;
  #begunMs = 0;
  #state: Step['state'] = 'waiting';
  #progress: Step['progress'];

  /** Tells the step as waiting, so that a frontend can show the whole way at once. */
  constructor(events: StepEvents, id: string, title: string) {
    this.#events = events;
    this.id = id;
    this.#title = title;
    this.#emit('waiting');
  }

  /** What is going on. */
  note(detail?: string): void {
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

  /**
   * Runs work as this step: its error is the step's, and its return ends the step that it has not ended
   * itself.
   * @throws FailureError with the step's id in it; other errors as they are
   */
  async run<Value>(work: (step: this) => Promise<Value> | Value): Promise<Value> {
    this.note();
    try {
      const value = await work(this);
      if (this.#state === 'running') this.done();
      return value;
    } catch (error) {
      this.#emit('failed', reasonOf(error));
      if (error instanceof FailureError && error.failure.step === undefined)
        throw new FailureError({ ...error.failure, step: this.id }, { cause: error });
      throw error;
    }
  }

  #emit(state: Step['state'], detail?: string): void {
    this.#state = state;
    if (state === 'running' && this.#startedAtMs === undefined) {
      this.#startedAtMs = Date.now();
      this.#begunMs = performance.now();
    }
    const startedAtMs = this.#startedAtMs;
    const hasEnded = state === 'done' || state === 'failed' || state === 'skipped';
    this.#events.onStep({
      id: this.id,
      title: this.#title,
      state,
      ...(detail === undefined ? {} : { detail }),
      ...(startedAtMs === undefined ? {} : { startedAtMs }),
      ...(hasEnded ? { durationMs: Math.round(performance.now() - this.#begunMs) } : {}),
      ...(this.#progress ? { progress: this.#progress } : {}),
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isGivenUp = error.name === 'AbortError';
  return isGivenUp ? 'given up: the start was cancelled, or another step failed' : error.message;
}

/**
 * Attacks that belong together, one after the other: those of the crash matrix, the lab, or a campaign.
 *
 * Phases: idle → running → idle; running → stopping → idle when a person asks.
 */
import { FailureError, type Failure } from '../contract/failure.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { errorText } from '../services/shared/error-text.ts';
import type { Attacks } from './attacks.ts';

interface SeriesState {
  phase: 'idle' | 'running' | 'stopping';
  /** Why it was broken off. */
  failure?: Failure | undefined;
  /** The attack that is made. */
  current?: unknown;
}

interface SeriesOptions<State> {
  readonly attacks: Pick<Attacks, 'cancel' | 'whenOver'>;
  getRun(id: string): Promise<RunRecord>;
  onState(state: State): void;
}

export abstract class AttackSeries<State extends SeriesState, Options extends SeriesOptions<State>> {
  protected readonly options: Options;
  readonly #name: string;
  #state: State;
  #abort = new AbortController();
  #work: Promise<void> | undefined;

  /** @param name as a sentence has it: `the lab` */
  constructor(name: string, options: Options, idle: State) {
    this.#name = name;
    this.options = options;
    this.#state = idle;
  }

  get state(): State {
    return this.#state;
  }

  /** @throws FailureError that says what it is doing */
  refuseWhileRunning(): void {
    if (this.#state.phase !== 'idle') throw this.busy();
  }

  /** Ends it; resolves when nothing of it runs. */
  async stop(): Promise<void> {
    if (this.#state.phase === 'running') {
      this.replace({ ...this.#state, phase: 'stopping' });
      this.#abort.abort();
      await this.options.attacks.cancel();
    }
    await this.#work;
  }

  protected abstract busy(): FailureError;

  /** Called once nothing of it runs any more, before its state says so. */
  protected ended(_failure: Failure | undefined, _wasStopped: boolean): void {
    // Most have nothing to add.
  }

  /**
   * Begins, and returns at once.
   * @param work makes the attacks; resolves to what they came to
   */
  protected begin(state: State, work: (signal: AbortSignal) => Promise<Partial<State>>): State {
    this.#abort = new AbortController();
    this.replace({ ...state, phase: 'running' });
    this.#work = this.#run(work, this.#abort.signal);
    return this.#state;
  }

  protected set(change: Partial<State>): void {
    this.replace({ ...this.#state, ...change });
  }

  protected replace(state: State): void {
    this.#state = state;
    this.options.onState(state);
  }

  /**
   * Waits for the verdict of an attack that was launched.
   * @throws the signal's reason once the series is called off, or FailureError when the attack was cancelled alone or left no record
   */
  protected async toEnd(runId: string, signal: AbortSignal): Promise<RunRecord> {
    const { attacks, getRun } = this.options;
    // Stopped while it was launched: it had not begun when the attack that runs was cancelled.
    if (signal.aborted) await attacks.cancel();
    const last = await attacks.whenOver();
    // An attack that was cancelled says nothing.
    signal.throwIfAborted();
    if (last?.phase === 'cancelled')
      throw new FailureError({
        code: 'attack.cancelled',
        message: `The attack ${runId} of ${this.#name} was cancelled.`,
        fix: `Start ${this.#name} again.`,
      });
    // A failed attack has a record too, unless it could not be written.
    return await getRun(runId).catch((error: unknown) => {
      throw last?.failure ? new FailureError(last.failure) : error;
    });
  }

  async #run(work: (signal: AbortSignal) => Promise<Partial<State>>, signal: AbortSignal): Promise<void> {
    let end: Partial<State> = {};
    let failure: Failure | undefined;
    try {
      end = await work(signal);
    } catch (error) {
      if (!signal.aborted) failure = this.#failureOf(error);
    }
    const state: State = { ...this.#state, ...end, ...(failure && { failure }), phase: 'idle' };
    delete state.current;
    this.ended(failure, signal.aborted);
    this.replace(state);
  }

  #failureOf(error: unknown): Failure {
    if (error instanceof FailureError) return error.failure;
    return {
      code: 'app.surprise',
      message: `${this.#name.replace(/^./, (first) => first.toUpperCase())} met an error that nothing foresaw: ${errorText(error)}.`,
      fix: 'Look at the logs, then start it again.',
    };
  }
}

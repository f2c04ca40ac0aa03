import { withLimit } from './time-limit.ts';
import { errorText } from './error-text.ts';

/**
 * Whatever starts registers its undo here, at that moment. Release runs the undos in reverse order, each with
 * a limit, and collects every failure instead of stopping at the first. Quit, stop and tests all end through
 * a release stack.
 */
export class ReleaseStack {
  readonly #undos: { readonly name: string; readonly undo: () => unknown; readonly limitMs: number }[] = [];
  readonly #limitMs: number;
  #released: Promise<void> | undefined;

  /** @param limitMs ms that an undo may take, unless it has a limit of its own */
  constructor(limitMs = 10_000) {
    this.#limitMs = limitMs;
  }

  /**
   * Registers an undo.
   * @param limitMs ms after which release goes on without it, and reports it
   */
  add(name: string, undo: () => unknown, limitMs = this.#limitMs): void {
    if (this.#released) throw new Error(`${name} was started after release began`);
    this.#undos.push({ name, undo, limitMs });
  }

  get isReleased(): boolean {
    return this.#released !== undefined;
  }

  /**
   * Runs all undos once; a second call gives the same promise.
   * @throws AggregateError with one error for each undo that failed or took too long
   */
  release(): Promise<void> {
    this.#released ??= this.#run();
    return this.#released;
  }

  async #run(): Promise<void> {
    const errors: Error[] = [];
    for (const { name, undo, limitMs } of this.#undos.reverse()) {
      try {
        await withLimit(Promise.resolve().then(undo), limitMs, `${name} did not end within ${limitMs} ms`);
      } catch (error) {
        errors.push(new Error(`${name}: ${errorText(error)}`, { cause: error }));
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join('; '));
  }
}

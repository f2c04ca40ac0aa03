/** What a service has started, and how each of it ends. */
import type { Logger } from 'pino';

/** Undoes what was started, last first; each within a limit, and none kept from its turn by another's failure. */
export class UndoList {
  readonly #undos: (() => unknown)[] = [];
  readonly #log: Pick<Logger, 'warn'>;
  readonly #stepLimitMs: number;

  /** @param stepLimitMs ms that one step may take before the next has its turn */
  constructor(log: Pick<Logger, 'warn'>, stepLimitMs: number) {
    this.#log = log;
    this.#stepLimitMs = stepLimitMs;
  }

  add(undo: () => unknown): void {
    this.#undos.push(undo);
  }

  /** Never rejects; failures go to the log. */
  async run(): Promise<void> {
    for (let undo = this.#undos.pop(); undo !== undefined; undo = this.#undos.pop()) {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#stepLimitMs)));
      try {
        await Promise.race([undo(), limit]);
      } catch (error) {
        this.#log.warn({ err: error }, 'closing failed');
      } finally {
        clearTimeout(timer);
      }
    }
  }
}

/** ms between two looks: time in which this process stands still itself counts as one look at most. */
const LOOK_MS = 500;

/**
 * Finds out that another process says nothing. A machine that was suspended lets both go on at the same time: what the
 * other one says then is read a little after the timers that are due.
 */
export class SilenceWatch {
  readonly #onSilent: (limitMs: number) => void;
  readonly #lookMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(onSilent: (limitMs: number) => void, lookMs = LOOK_MS) {
    this.#onSilent = onSilent;
    this.#lookMs = lookMs;
  }

  /** Something was said: waits for the next word, for at most so many ms. */
  heard(limitMs: number): void {
    this.stop();
    let quietMs = 0;
    this.#timer = setInterval(() => {
      quietMs += this.#lookMs;
      if (quietMs < limitMs) return;
      this.stop();
      this.#onSilent(limitMs);
    }, this.#lookMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

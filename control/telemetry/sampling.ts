/** Takes readings of the pipeline, one at a time, from a run's first request on. */
import type { PipelineReading } from './run-series.ts';

/** ms between two readings. */
const EVERY_MS = 100;
/** ms between two readings while a burst is young, and how long that is: then a longer series says no more. */
const BURST_EVERY_MS = 20;
const YOUNG_MS = 10_000;

export class Sampling {
  readonly #read: () => Promise<PipelineReading>;
  readonly #onReading: (tMs: number, reading: PipelineReading) => void;
  #startedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;

  /**
   * @param read never rejects: a part that is away leaves a gap in the reading, not in the series
   * @param onReading called with each reading, and with the ms from the first request to its beginning
   */
  constructor(
    read: () => Promise<PipelineReading>,
    onReading: (tMs: number, reading: PipelineReading) => void,
  ) {
    this.#read = read;
    this.#onReading = onReading;
  }

  /**
   * @param startAtMs moment of the first request, in ms since the epoch; may lie a little ahead
   * @param isBurst whether all happens within a moment, so that the first seconds are read more often
   */
  begin(startAtMs: number, isBurst = false): void {
    this.#startedMs = performance.now() + (startAtMs - Date.now());
    const take = (): void => {
      if (this.elapsedMs() <= 0) return;
      this.#reading ??= this.#handle().finally(() => {
        this.#reading = undefined;
      });
      if (!isBurst || this.elapsedMs() < YOUNG_MS) return;
      isBurst = false;
      clearInterval(this.#timer);
      this.#timer = setInterval(take, EVERY_MS);
    };
    this.#timer = setInterval(take, isBurst ? BURST_EVERY_MS : EVERY_MS);
  }

  /** ms since the first request. */
  elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** Resolves when the last reading is in. Harmless when called again. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reading;
  }

  async #handle(): Promise<void> {
    const tMs = this.elapsedMs();
    this.#onReading(tMs, await this.#read());
  }
}

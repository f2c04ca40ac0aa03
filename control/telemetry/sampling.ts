/** Takes a reading of the pipeline every 100 ms of a run, one at a time, from its first request on. */
import { SERIES_INTERVAL_MS, type PipelineReading } from './run-series.ts';

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

  /** @param startAtMs moment of the first request, in ms since the epoch; may lie a little ahead */
  begin(startAtMs: number): void {
    this.#startedMs = performance.now() + (startAtMs - Date.now());
    this.#timer = setInterval(() => {
      if (this.elapsedMs() <= 0) return;
      this.#reading ??= this.#handle().finally(() => {
        this.#reading = undefined;
      });
    }, SERIES_INTERVAL_MS);
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

/** Hands the rows of a run on in small batches, and logs once a second how the attack goes. */
import type { AttackState } from '../../contract/state.ts';
import { milliseconds, whole } from '../../contract/format.ts';
import type { Sample } from '../../contract/run-record.ts';

/** ms of the run that one event tells of: two samples under a rate, more of a burst. */
const BATCH_MS = 180;
/** ms between two progress lines, so that every moment of a chart has a line in the logs. */
const LOG_EVERY_MS = 1_000;

export interface SampleFeedOptions {
  onSamples(samples: Sample[]): void;
  onLog(level: 'debug' | 'info', text: string): void;
}

export class SampleFeed {
  readonly #options: SampleFeedOptions;
  #batch: Sample[] = [];
  #granted = 0;
  #isSoldOut = false;
  #loggedMs = 0;
  /** End of the last event's samples. */
  #toldMs = 0;

  constructor(options: SampleFeedOptions) {
    this.#options = options;
  }

  add(row: Sample, { phase, sent }: Pick<AttackState, 'phase' | 'sent'>): void {
    this.#granted += row.granted;
    if (row.remaining === 0 && this.#granted > 0 && !this.#isSoldOut) {
      this.#isSoldOut = true;
      this.#options.onLog('info', `sold out after ${whole(row.tMs)} ms`);
    }
    if (phase === 'attacking' && row.tMs - this.#loggedMs >= LOG_EVERY_MS) {
      this.#loggedMs = row.tMs;
      const left = row.remaining === null ? '?' : whole(row.remaining);
      const p99 = row.p99Ms > 0 ? milliseconds(row.p99Ms) : '–';
      this.#options.onLog(
        'debug',
        `${whole(row.tMs)} ms: ${whole(sent)} sent, ${left} left, queue depth ${whole(row.queueDepth)}, p99 ${p99}`,
      );
    }
    this.#batch.push(row);
    if (row.tMs - this.#toldMs >= BATCH_MS) this.flush();
  }

  /** Hands on what waits for its batch. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const samples = this.#batch;
    this.#batch = [];
    this.#toldMs = samples.at(-1)?.tMs ?? 0;
    this.#options.onSamples(samples);
  }
}

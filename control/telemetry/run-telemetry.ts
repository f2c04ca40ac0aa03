/**
 * Builds the time series of one attack: what the generators report, and the readings of the
 * pipeline.
 */
import type { Audit, Sample } from '../../contract/run-record.ts';
import type { ServiceTotals } from '../services/service-totals.ts';
import { PipelineReader, type SaleCounters } from './pipeline-reader.ts';
import { RunSeries, type LoadInterval } from './run-series.ts';
import { Sampling } from './sampling.ts';

export interface RunTelemetryOptions {
  readonly totals: Pick<ServiceTotals, 'read' | 'peakSince'>;
  /** The sale's counters in Redis; may reject or hang while Redis is away. */
  readSale(): Promise<SaleCounters | undefined>;
  onRow(row: Sample): void;
}

export class RunTelemetry {
  readonly #reader: PipelineReader;
  readonly #series: RunSeries;
  readonly #sampling: Sampling;

  constructor({ totals, readSale, onRow }: RunTelemetryOptions) {
    this.#series = new RunSeries(onRow);
    this.#reader = new PipelineReader({
      totals: () => totals.read(),
      peakSince: (sinceMs) => totals.peakSince(sinceMs),
      readSale,
    });
    this.#sampling = new Sampling(
      () => this.#reader.read(),
      (tMs, reading) => this.#series.addReading(tMs, reading),
    );
  }

  rows(): readonly Sample[] {
    return this.#series.rows();
  }

  /** @param startAtMs moment of the first request, in ms since the epoch */
  begin(startAtMs: number, isBurst: boolean): void {
    this.#sampling.begin(startAtMs, isBurst);
  }

  addLoad(interval: LoadInterval): void {
    this.#series.addLoad(interval);
  }

  /** The generators have sent their last interval. */
  endLoad(): void {
    this.#series.endLoad();
  }

  /** Ends the readings; resolves when the last one is in. Harmless when called again. */
  async end(): Promise<void> {
    await this.#sampling.end();
  }

  /**
   * Adds the last row. It holds whatever no reading has seen, so that each column's sum is the run's total.
   */
  async finish(found: Audit): Promise<void> {
    await this.end();
    const last = await this.#reader.read();
    const reading =
      last.remainingNow === null
        ? {
            decided: found.granted + found.refused,
            granted: found.granted,
            unconfirmedPeak: 0,
            remainingNow: Math.max(0, found.stock - found.sold),
            committed: found.sold,
          }
        : last;
    this.#series.finish(this.#sampling.elapsedMs(), {
      ...reading,
      committed: Math.max(reading.committed, found.sold),
      queueDepthPeak: found.pending,
    });
  }
}

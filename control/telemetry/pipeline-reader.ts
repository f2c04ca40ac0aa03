/**
 * Reads the pipeline's counters from whatever still answers. The sale's own counters are in Redis. While
 * Redis does not answer, the workers' counters, which come over IPC, give what was decided since, and the
 * remaining stock is unknown.
 */
import type { PipelineTotals, Waiting } from '../services/service-totals.ts';
import { afterArrivals } from '../../services/shared/backend-watch.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import type { PipelineReading } from './run-series.ts';

/**
 * ms that Redis may take to answer: more than a busy machine delays it. Only the first reading of an outage
 * waits so long.
 */
const SALE_LIMIT_MS = 400;

export interface SaleCounters {
  readonly decided: number;
  readonly granted: number;
  readonly remaining: number;
}

export interface PipelineReaderSources {
  totals(): PipelineTotals;
  peakSince(sinceMs: number): Waiting;
  /** Rejects or hangs while Redis is away; `undefined` when Redis does not have the sale. */
  readSale(): Promise<SaleCounters | undefined>;
}

export class PipelineReader {
  readonly #sources: PipelineReaderSources;
  readonly #before: PipelineTotals;
  /** The sale's last known counters, and the workers' counters at that time. */
  #known: { readonly decided: number; readonly granted: number; readonly totals: PipelineTotals };
  #asking: Promise<SaleCounters | undefined> | undefined;
  #peakFromMs = performance.now();

  constructor(sources: PipelineReaderSources) {
    this.#sources = sources;
    this.#before = sources.totals();
    this.#known = { decided: 0, granted: 0, totals: this.#before };
  }

  /** Takes a reading; never rejects, and takes no longer than SALE_LIMIT_MS. */
  async read(): Promise<PipelineReading> {
    const totals = this.#sources.totals();
    const waiting = this.#sources.peakSince(this.#peakFromMs);
    this.#peakFromMs = performance.now();
    const sale = await this.#sale();
    if (sale !== undefined) this.#known = { decided: sale.decided, granted: sale.granted, totals };
    const { decided, granted, totals: then } = this.#known;
    return {
      decided: decided + Math.max(0, totals.decided - then.decided),
      granted: granted + Math.max(0, totals.granted - then.granted),
      committed: totals.committed - this.#before.committed,
      queueDepthPeak: waiting.queueDepth,
      unconfirmedPeak: waiting.unconfirmed,
      remainingNow: sale?.remaining ?? null,
    };
  }

  /** The sale's counters. While Redis is away, one query waits and no further ones are sent. */
  async #sale(): Promise<SaleCounters | undefined> {
    if (this.#asking !== undefined) return undefined;
    const asking = this.#sources.readSale().catch(() => undefined);
    this.#asking = asking;
    void asking.finally(() => (this.#asking = undefined));
    return await withLimit(asking, SALE_LIMIT_MS, 'no answer', afterArrivals).catch(() => undefined);
  }
}

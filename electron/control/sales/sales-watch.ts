/** The sales as the faces show them: read twice a second while the cluster runs, told only when something changed. */
import type { SaleView } from '../../../services/shared/sales.ts';
import type { EngineClient } from './engine-client.ts';

const INTERVAL_MS = 500;
/** Pause after a reading, in readings: with thousands of sales to read the watch gets slower, not the engine busier. */
const PAUSE_READINGS = 20;

export class SalesWatch {
  readonly #engine: EngineClient;
  readonly #onChange: (sales: SaleView[]) => void;
  #latest: SaleView[] = [];
  #told = '[]';
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;
  #dueMs = 0;

  constructor(engine: EngineClient, onChange: (sales: SaleView[]) => void) {
    this.#engine = engine;
    this.#onChange = onChange;
  }

  latest(): SaleView[] {
    return this.#latest;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      if (performance.now() >= this.#dueMs) void this.refresh();
    }, INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#tell([]);
  }

  /** Reads now; a gateway that does not answer leaves the last view, and the services' states tell why. */
  async refresh(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const startedMs = performance.now();
    try {
      const sales = await this.#engine.listSales();
      if (this.#timer !== undefined) this.#tell(sales);
    } catch {
      // See above: shown by the gateway's state, not here.
    } finally {
      this.#dueMs = performance.now() + PAUSE_READINGS * (performance.now() - startedMs);
      this.#isReading = false;
    }
  }

  #tell(sales: SaleView[]): void {
    this.#latest = sales;
    const text = JSON.stringify(sales);
    if (text === this.#told) return;
    this.#told = text;
    this.#onChange(sales);
  }
}

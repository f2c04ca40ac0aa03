/** The sales as the frontends show them: read twice a second while the cluster runs, told only when something changed. */
import type { SaleView } from '../../services/shared/sales.ts';
import { MAX_SHOWN_SALES } from '../../contract/contract.ts';
import type { GatewayClient } from './gateway-client.ts';

const INTERVAL_MS = 500;
/** Pause after a reading, in readings: with thousands of sales to read the watch gets slower, not the backend busier. */
const PAUSE_READINGS = 20;

/** The newest sales, and how many there are in all. */
export interface SalesSeen {
  readonly sales: SaleView[];
  readonly total: number;
}

export class SalesWatch {
  readonly #gateways: Pick<GatewayClient, 'listSales'>;
  readonly #onChange: (seen: SalesSeen) => void;
  #latest: SalesSeen = { sales: [], total: 0 };
  #told = JSON.stringify(this.#latest);
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;
  #dueMs = 0;

  constructor(gateways: Pick<GatewayClient, 'listSales'>, onChange: (seen: SalesSeen) => void) {
    this.#gateways = gateways;
    this.#onChange = onChange;
  }

  latest(): SalesSeen {
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
    this.#emit([]);
  }

  /** Reads now; a gateway that does not answer leaves the last view, and the services' states tell why. */
  async refresh(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const startedMs = performance.now();
    try {
      const sales = await this.#gateways.listSales();
      if (this.#timer !== undefined) this.#emit(sales);
    } catch {
      // See above: shown by the gateway's state, not here.
    } finally {
      this.#dueMs = performance.now() + PAUSE_READINGS * (performance.now() - startedMs);
      this.#isReading = false;
    }
  }

  #emit(all: SaleView[]): void {
    this.#latest = { sales: all.slice(0, MAX_SHOWN_SALES), total: all.length };
    const text = JSON.stringify(this.#latest);
    if (text === this.#told) return;
    this.#told = text;
    this.#onChange(this.#latest);
  }
}

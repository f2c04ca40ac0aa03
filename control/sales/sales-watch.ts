/**
 * The sales as the frontends show them: read twice a second while the cluster runs, and emitted when they
 * have changed.
 */
import type { SaleView } from '../../services/shared/sales.ts';
import { MAX_SHOWN_SALES } from '../../contract/contract.ts';
import type { GatewayClient } from './gateway-client.ts';

const INTERVAL_MS = 500;
/**
 * Pause after a reading, as a multiple of its duration: with thousands of sales the watch slows down and
 * spares the gateway.
 */
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
  #emitted = JSON.stringify(this.#latest);
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

  /** Reads now. When no gateway answers, the last view stays; the services' states show why. */
  async refresh(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const startedMs = performance.now();
    try {
      const sales = await this.#gateways.listSales();
      if (this.#timer !== undefined) this.#emit(sales);
    } catch {
      // The gateway's state shows it.
    } finally {
      this.#dueMs = performance.now() + PAUSE_READINGS * (performance.now() - startedMs);
      this.#isReading = false;
    }
  }

  #emit(all: SaleView[]): void {
    this.#latest = { sales: all.slice(0, MAX_SHOWN_SALES), total: all.length };
    const text = JSON.stringify(this.#latest);
    if (text === this.#emitted) return;
    this.#emitted = text;
    this.#onChange(this.#latest);
  }
}

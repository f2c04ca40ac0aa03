/**
 * The sales as the frontends show them: read twice a second while the cluster runs, and emitted when they
 * have changed.
 */
import type { SaleView } from '../../services/shared/sales.ts';
import { MAX_SHOWN_SALES } from '../../contract/contract.ts';
import type { GatewayClient } from './gateway-client.ts';

const INTERVAL_MS = 500;
/** Pause after a reading, as a multiple of its duration: the watch spares a gateway that is slow to answer. */
const PAUSE_READINGS = 20;

/** The newest sales, before them the one that is attacked where it is older, and how many there are in all. */
export interface SalesSeen {
  readonly sales: SaleView[];
  readonly total: number;
}

const NONE: SalesSeen = { sales: [], total: 0 };
type SalesSource = Pick<GatewayClient, 'listSales' | 'findSale'>;

export class SalesWatch {
  readonly #gateways: SalesSource;
  readonly #attackedSale: () => string | undefined;
  readonly #onChange: (seen: SalesSeen) => void;
  #latest = NONE;
  #emitted = JSON.stringify(NONE);
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;
  #dueMs = 0;

  /** @param attackedSale id of the sale that is attacked, or was last */
  constructor(
    gateways: SalesSource,
    attackedSale: () => string | undefined,
    onChange: (seen: SalesSeen) => void,
  ) {
    this.#gateways = gateways;
    this.#attackedSale = attackedSale;
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
    this.#emit(NONE);
  }

  /** Reads now. When no gateway answers, the last view stays; the services' states show why. */
  async refresh(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const startedMs = performance.now();
    try {
      const seen = await this.read();
      if (this.#timer !== undefined) this.#emit(seen);
    } catch {
      // The gateway's state shows it.
    } finally {
      this.#dueMs = performance.now() + PAUSE_READINGS * (performance.now() - startedMs);
      this.#isReading = false;
    }
  }

  /** @throws FailureError when no gateway answers */
  async read(limit: number = MAX_SHOWN_SALES): Promise<SalesSeen> {
    const { sales, total } = await this.#gateways.listSales(limit);
    const id = this.#attackedSale();
    if (id === undefined || sales.some((sale) => sale.id === id)) return { sales, total };
    const attacked = await this.#gateways.findSale(id);
    return { sales: attacked ? [attacked, ...sales] : sales, total };
  }

  #emit(seen: SalesSeen): void {
    this.#latest = seen;
    const text = JSON.stringify(seen);
    if (text === this.#emitted) return;
    this.#emitted = text;
    this.#onChange(this.#latest);
  }
}

/**
 * A second instance of a design that is stopped (SIGSTOP) at its stop point, with its lock or its unit in hand, and goes on
 * after STOPPED_MS. The process stops itself there, so that nothing depends on our being quick; we let it go on.
 */
import { STOPPED_MS, type LabResult } from '../../contract/lab.ts';
import { DesignShop, type DesignShopOptions, type Notes } from './design-shop.ts';

/** What two instances counted together. */
export function addNotes(one: Notes, other: Notes | undefined): Pick<Notes, 'costs' | 'cpuMs'> {
  if (!other) return one;
  const { commits, retries, gaveUp, lockWaitMs } = other.costs;
  return {
    costs: {
      commits: one.costs.commits + commits,
      retries: one.costs.retries + retries,
      gaveUp: one.costs.gaveUp + gaveUp,
      lockWaitMs: one.costs.lockWaitMs + lockWaitMs,
    },
    cpuMs: one.cpuMs + other.cpuMs,
  };
}

export class StandingShop {
  readonly shop: DesignShop;
  readonly #first: DesignShop;
  #timer: NodeJS.Timeout | undefined;
  #goingOn: Promise<void> | undefined;
  /** Missing until it has gone on. */
  stopped: LabResult['stopped'];

  /** @param first the instance that opens the sale, and goes on all the time */
  static async open(first: DesignShop, stock: number, options: DesignShopOptions): Promise<StandingShop> {
    let onStanding = (): void => undefined;
    const shop = await DesignShop.open(first.design, { ...options, onStanding: () => onStanding() }, 2);
    const standing = new StandingShop(first, shop);
    onStanding = () => standing.#handleStanding();
    try {
      await shop.joinToStand(stock);
    } catch (error) {
      await standing.close();
      throw error;
    }
    return standing;
  }

  private constructor(first: DesignShop, shop: DesignShop) {
    this.#first = first;
    this.shop = shop;
  }

  get url(): string {
    return this.shop.url;
  }

  async notes(): Promise<Notes> {
    await this.#goingOn;
    return await this.shop.notes();
  }

  #handleStanding(): void {
    const sinceMs = performance.now();
    // What the others count is worth knowing, not worth a lab.
    const sold = () =>
      this.#first.notes().then(
        (notes) => notes.sold,
        () => undefined,
      );
    const before = sold();
    this.#goingOn = new Promise((settle) => {
      this.#timer = setTimeout(() => {
        const after = sold();
        this.shop.goOn();
        const forMs = performance.now() - sinceMs;
        void Promise.all([before, after]).then(([was, is]) => {
          this.stopped = {
            forMs,
            ...(was !== undefined && is !== undefined && { soldMeanwhile: is - was }),
          };
          settle();
        });
      }, STOPPED_MS);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    // A process that stands reads no message that asks it to end.
    this.shop.goOn();
    await this.shop.close();
  }
}

/**
 * The race that a person steps through: one at a time, in a process, a schema and keys of its own.
 *
 *   closed ──open──► open ──close, nobody asks, nobody steps, the cluster stops──► closed
 */
import { FailureError } from '../../contract/failure.ts';
import { raceViewSchema, type RaceBuyer, type RaceDesign, type RaceState } from '../../contract/race.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { DesignShop, type DesignShopOptions } from './design-shop.ts';

/** Without a question for so long, the page is gone: it asks every second, and a hidden one every minute. */
const LEASE_MS = 90_000;
/** Without a step for so long, the person is gone: the transactions stand in Postgres meanwhile. */
const IDLE_MS = 300_000;
const LOOK_MS = 5_000;

export interface RaceOptions extends Pick<DesignShopOptions, 'modulePath' | 'env' | 'onLog'> {
  /** @throws FailureError `cluster.notRunning` */
  deployment(): DesignShopOptions['deployment'];
}

interface Open {
  readonly design: RaceDesign;
  readonly shop: DesignShop;
}

export class HandRace {
  readonly #options: RaceOptions;
  #open: Open | undefined;
  #why: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #watch: NodeJS.Timeout | undefined;
  #askedMs = 0;
  #steppedMs = 0;

  constructor(options: RaceOptions) {
    this.#options = options;
  }

  /**
   * Opens a race; the one before it is closed.
   * @throws FailureError `cluster.notRunning`, `service.notReady`, `race.broken`
   */
  async open(design: RaceDesign): Promise<RaceState> {
    return await this.#inTurn(async () => {
      await this.#close();
      const deployment = this.#options.deployment();
      const shop = await DesignShop.open(design, { ...this.#options, deployment, isRace: true });
      this.#open = { design, shop };
      this.#watch = setInterval(() => this.#endIdle(), LOOK_MS).unref();
      return await this.#ask('POST', '/race');
    });
  }

  /** @throws FailureError `race.notOpen`, `race.broken` */
  async step(buyer: RaceBuyer): Promise<RaceState> {
    return await this.#inTurn(() => this.#ask('POST', `/step/${buyer}`));
  }

  /**
   * The same race from its beginning.
   * @throws FailureError `race.notOpen`, `race.broken`
   */
  async reset(): Promise<RaceState> {
    return await this.#inTurn(() => this.#ask('POST', '/race'));
  }

  /** @throws FailureError `race.broken` */
  async look(): Promise<RaceState> {
    return await this.#inTurn(async () => (this.#open ? await this.#ask('GET', '/race') : this.#closed()));
  }

  async close(why?: string): Promise<void> {
    await this.#inTurn(() => this.#close(why));
  }

  async #ask(method: 'GET' | 'POST', path: string): Promise<RaceState> {
    if (!this.#open)
      throw new FailureError({
        code: 'race.notOpen',
        message: `There is no race. ${this.#why ?? ''}`.trim(),
        fix: 'Choose a design, and open one.',
      });
    const { design, shop } = this.#open;
    this.#askedMs = performance.now();
    if (method === 'POST') this.#steppedMs = this.#askedMs;
    try {
      return { is: 'open', design, ...(await shop.ask(method, path, raceViewSchema)) };
    } catch (error) {
      await this.#close('A backend or its process gave no answer.');
      throw new FailureError({
        code: 'race.broken',
        message: `The race broke off: ${errorText(error)}.`,
        fix: 'See on the page Control whether the cluster runs, then open the race again.',
      });
    }
  }

  #closed(): RaceState {
    return { is: 'closed', ...(this.#why !== undefined && { why: this.#why }) };
  }

  #endIdle(): void {
    const now = performance.now();
    const why =
      now - this.#steppedMs > IDLE_MS
        ? `The race was closed: no statement was sent for ${IDLE_MS / 60_000} minutes.`
        : now - this.#askedMs > LEASE_MS
          ? 'The race was closed: its page was gone.'
          : undefined;
    if (why !== undefined) void this.close(why);
  }

  async #close(why?: string): Promise<void> {
    clearInterval(this.#watch);
    this.#why = why;
    const open = this.#open;
    this.#open = undefined;
    await open?.shop.close();
  }

  async #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#turn.then(work, work);
    this.#turn = done.catch(() => undefined);
    return await done;
  }
}

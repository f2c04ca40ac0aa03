/** The sales of one attack: a gateway opens and closes a single one, and whatever still answers closes it; several go by the thousand. */
import { saleIdOf, type AttackSettings } from '../../contract/attack-settings.ts';
import { milliseconds, plural, whole } from '../../contract/format.ts';
import { titleOf } from '../../contract/run-text.ts';
import { createPool, openPool } from '../../services/shared/postgres.ts';
import { createRedis } from '../../services/shared/redis.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import { saleFactsSchema } from '../../services/shared/sales.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import type { Deployment } from '../cluster/cluster.ts';
import type { GatewayClient } from './gateway-client.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { forEachAtOnce } from '../lib/at-once.ts';

/** ms that the gateways may take to close the sale, and after them the databases. */
const CLOSE_LIMIT_MS = 4_000;
/** ms more for each of several sales, and what opening them may take beside that: a busy machine takes a tenth. */
const EACH_LIMIT_MS = 3;
const OPEN_LIMIT_MS = 20_000;

export interface AttackSaleOptions {
  readonly id: string;
  readonly settings: AttackSettings;
  readonly deployment: Deployment;
  readonly gateways: GatewayClient;
  onLog(level: 'debug' | 'info', text: string): void;
  /** Called once, for the first failure to close it. */
  onNotClosed(text: string): void;
}

export class AttackSale {
  readonly #options: AttackSaleOptions;
  /** Of all sales. */
  readonly ids: readonly string[];
  #isClosed: boolean | undefined;

  constructor(options: AttackSaleOptions) {
    this.#options = options;
    const { sales = 1 } = options.settings;
    this.ids = Array.from({ length: sales }, (_, place) => saleIdOf(options.id, place, sales));
  }

  /** ms that `close` may take in all. */
  get closeLimitMs(): number {
    return 4 * this.#limitMs(CLOSE_LIMIT_MS);
  }

  /** Whether it is closed; `undefined` before the first try. */
  get isClosed(): boolean | undefined {
    return this.#isClosed;
  }

  async open(): Promise<void> {
    const { id, settings, gateways } = this.#options;
    const { stock, perBuyerLimit, mode } = settings;
    if (this.ids.length > 1) return await this.#openAll();
    await gateways.openSale({ id, title: titleOf(settings), stock, perBuyerLimit, mode });
    this.#options.onLog('info', `sale ${id} is open: ${whole(stock)} units, mode ${mode}`);
  }

  /**
   * Closes the sale through a gateway. Where none answers, closes it in Postgres and Redis: the worker
   * decides by what Redis says. A sale that is closed is not closed again; a failed close may be repeated.
   * @returns whether it is closed
   */
  async close(): Promise<boolean> {
    if (this.#isClosed === true) return true;
    const { id, gateways, onLog, onNotClosed } = this.#options;
    try {
      if (this.ids.length > 1) await this.#closeInDatabases();
      else {
        const byGateway = gateways.changeSale(id, { status: 'closed' });
        await withLimit(byGateway, CLOSE_LIMIT_MS, 'no gateway answered');
      }
      this.#isClosed = true;
    } catch (error) {
      onLog('debug', `sale ${id} is closed without a gateway: ${errorText(error)}`);
      try {
        await this.#closeInDatabases();
        this.#isClosed = true;
      } catch (reason) {
        const why = errorText(reason);
        if (this.#isClosed === undefined) onNotClosed(`Sale ${id} could not be closed: ${why}.`);
        this.#isClosed = false;
      }
    }
    return this.#isClosed;
  }

  /** Several sales at once, in the order of a gateway: Postgres, Redis, all gateways. */
  async #openAll(): Promise<void> {
    const { settings, onLog } = this.#options;
    const { stock, perBuyerLimit, mode } = settings;
    const startedAt = performance.now();
    const facts = { title: titleOf(settings), stock, perBuyerLimit, mode };
    await this.#inDatabases(OPEN_LIMIT_MS, async (query, store) => {
      await query(
        `INSERT INTO sales (id, title, stock, per_buyer_limit, mode)
           SELECT id, $2, $3, $4, $5 FROM unnest($1::text[]) AS id`,
        [this.ids, facts.title, stock, perBuyerLimit, mode],
      );
      await forEachAtOnce(this.ids, async (id) => {
        const opened = { id, ...facts, status: 'open', generation: 1 } as const;
        await store.openSale(opened, 1);
        await store.publishSale({ ...opened, isSoldOut: false });
      });
      await store.whenDelivered();
    });
    const took = milliseconds(performance.now() - startedAt);
    onLog(
      'info',
      `${plural(this.ids.length, 'sale')} are open after ${took}: ${whole(stock)} units each, mode ${mode}`,
    );
  }

  #closeInDatabases(): Promise<void> {
    return this.#inDatabases(CLOSE_LIMIT_MS, async (query, store) => {
      // Postgres first: when Redis has lost the sale, a worker rebuilds it from Postgres.
      await query("UPDATE sales SET status = 'closed' WHERE id = ANY($1)", [this.ids]);
      await forEachAtOnce(this.ids, async (id) => {
        const closed = await store.changeSale(id, { status: 'closed' });
        if (closed && this.ids.length > 1) await store.publishSale(saleFactsSchema.parse(closed));
      });
    });
  }

  #limitMs(ofOneMs: number): number {
    return ofOneMs + (this.ids.length - 1) * EACH_LIMIT_MS;
  }

  async #inDatabases(
    limitMs: number,
    work: (query: (text: string, values: unknown[]) => Promise<unknown>, store: SaleStore) => Promise<void>,
  ): Promise<void> {
    const { deployment } = this.#options;
    const release = new ReleaseStack();
    const pool = createPool({
      url: deployment.postgresUrl,
      schema: deployment.postgresSchema,
      max: 1,
      name: 'attack-sales',
    });
    release.add('Postgres connection', () => pool.end());
    const redis = createRedis(deployment.redisUrl, { role: 'control', onError: () => undefined });
    release.add('Redis connection', () => redis.disconnect());
    const done = async () => {
      await openPool(pool);
      await work((text, values) => pool.query(text, values), new SaleStore(redis, deployment.namespace));
    };
    try {
      await withLimit(done(), this.#limitMs(limitMs), 'Postgres or Redis did not answer');
    } finally {
      // A connection to a backend that hangs must not delay the end of the attack: the release stack limits
      // the wait.
      await release.release().catch(() => undefined);
    }
  }
}

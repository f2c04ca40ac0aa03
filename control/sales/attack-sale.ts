/** The sale of one attack: a gateway opens it, and whatever still answers closes it. */
import type { AttackSettings } from '../../contract/attack-settings.ts';
import { whole } from '../../contract/format.ts';
import { titleOf } from '../../contract/run-text.ts';
import { createPool } from '../../services/shared/postgres.ts';
import { createRedis } from '../../services/shared/redis.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import type { Deployment } from '../cluster/cluster.ts';
import type { GatewayClient } from './gateway-client.ts';
import { errorText } from '../../services/shared/error-text.ts';

/** ms that the gateways may take to close the sale, and after them the databases. */
const CLOSE_LIMIT_MS = 4_000;

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
  /** ms that `close` may take in all. */
  static readonly closeLimitMs = 4 * CLOSE_LIMIT_MS;
  readonly #options: AttackSaleOptions;
  #isClosed: boolean | undefined;

  constructor(options: AttackSaleOptions) {
    this.#options = options;
  }

  /** Whether it is closed; `undefined` before the first try. */
  get isClosed(): boolean | undefined {
    return this.#isClosed;
  }

  async open(): Promise<void> {
    const { id, settings, gateways } = this.#options;
    const { stock, perBuyerLimit, mode } = settings;
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
      const byGateway = gateways.changeSale(id, { status: 'closed' });
      await withLimit(byGateway, CLOSE_LIMIT_MS, 'no gateway answered');
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

  async #closeInDatabases(): Promise<void> {
    const { id, deployment } = this.#options;
    const release = new ReleaseStack();
    const pool = createPool({
      url: deployment.postgresUrl,
      schema: deployment.postgresSchema,
      max: 1,
      name: 'attack-close',
    });
    release.add('Postgres connection', () => pool.end());
    const redis = createRedis(deployment.redisUrl, { role: 'control', onError: () => undefined });
    release.add('Redis connection', () => redis.disconnect());
    const close = async () => {
      // Postgres first: when Redis has lost the sale, a worker rebuilds it from Postgres.
      await pool.query("UPDATE sales SET status = 'closed' WHERE id = $1", [id]);
      await new SaleStore(redis, deployment.namespace).changeSale(id, { status: 'closed' });
    };
    try {
      await withLimit(close(), CLOSE_LIMIT_MS, 'Postgres or Redis did not answer');
    } finally {
      // A connection to a backend that hangs must not delay the end of the attack: the release stack limits
      // the wait.
      await release.release().catch(() => undefined);
    }
  }
}

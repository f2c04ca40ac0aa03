/**
 * What the gateway looks up in Redis and Postgres. Nothing here waits for a backend that is known to be gone.
 */
import { REPLICATED } from '../shared/postgres.ts';
import type { RareCounts } from '../shared/rare-paths.ts';
import type { ReservationRef } from '../shared/ids.ts';
import type { SaleStore } from '../shared/sale-store.ts';
import { saleFactsSchema, type SaleFacts } from '../shared/sales.ts';
import { withLimit } from '../shared/time-limit.ts';
import type { Stores } from './connect.ts';
import { isGone } from '../shared/backend-watch.ts';
import type { TicketsOfReservation } from './reservation-lookup.ts';
import type { KeyLookup } from './reserve-handler.ts';
import type { SaleSources } from './sale-cache.ts';

/**
 * ms that Redis may take to look up a key. After that the reservation is accepted without: the worker looks
 * again.
 */
const KEY_LOOKUP_LIMIT_MS = 500;
const LATE = 'Redis did not answer';

const SELECT_FACTS = `SELECT id, title, stock, per_buyer_limit AS "perBuyerLimit", mode, status, generation
  FROM sales WHERE id = $1`;
/** A buyer is told of no ticket that a failover may lose. */
const SELECT_TICKET = `SELECT ${REPLICATED} FROM tickets WHERE reservation_id = $1 LIMIT 1`;
const SELECT_TICKETS = `SELECT reset_epoch, unit_no, CASE WHEN unit_no > 0 THEN ${REPLICATED} END
  FROM sales LEFT JOIN tickets ON reservation_id = $2 WHERE id = $1 ORDER BY item_no`;

type UsedStores = Pick<Stores, 'pool' | 'redisWatch' | 'postgresWatch'>;

export class StoreReader implements KeyLookup, SaleSources {
  readonly #store: SaleStore;
  readonly #stores: UsedStores;
  readonly #rare: RareCounts<'gateway'>;

  constructor(store: SaleStore, stores: UsedStores, rare: RareCounts<'gateway'>) {
    this.#store = store;
    this.#stores = stores;
    this.#rare = rare;
  }

  /** A sale's facts. While Redis is gone, or has not been rebuilt yet, it has none: the cache then asks Postgres. */
  async fromRedis(saleId: string): Promise<SaleFacts | undefined> {
    const { redisWatch } = this.#stores;
    if (isGone(redisWatch.health)) return undefined;
    return redisWatch.whileServing(this.#store.readFacts(saleId));
  }

  async fromPostgres(saleId: string): Promise<SaleFacts | undefined> {
    const { postgresWatch, pool } = this.#stores;
    if (isGone(postgresWatch.health)) throw new Error(`Postgres: ${postgresWatch.health.reason}`);
    const { rows } = await postgresWatch.whileServing(pool.query(SELECT_FACTS, [saleId]));
    if (rows.length === 0) return undefined;
    this.#rare.saleFromPostgres++;
    // Postgres does not know whether the sale is sold out; a worker will announce it.
    return saleFactsSchema.parse({ ...rows[0], isSoldOut: false });
  }

  async record({ id: saleId, generation }: SaleFacts, digest: string): Promise<string | undefined> {
    const { health } = this.#stores.redisWatch;
    if (isGone(health)) throw new Error(`Redis: ${health.reason}`);
    const ref = { kind: 'keyed', saleId, digest } as const;
    // The key is used again since a reset: its outcome from before must not be answered any more.
    if (generation > 1) void this.#store.deleteKey(ref, generation - 1).catch(() => undefined);
    return withLimit(this.#store.readKeyed(ref, generation), KEY_LOOKUP_LIMIT_MS, LATE);
  }

  async isGranted({ id: saleId, generation }: SaleFacts, reservationId: string): Promise<boolean> {
    const held = isGone(this.#stores.redisWatch.health)
      ? undefined
      : await withLimit(this.#store.readEpoch(saleId), KEY_LOOKUP_LIMIT_MS, LATE).catch(() => undefined);
    // As long as Redis knows the sale as it is now, it knows every grant under a key.
    if (held !== undefined && !held.isRestarted && held.generation >= generation) return false;
    const { postgresWatch, pool } = this.#stores;
    const { rowCount } = await postgresWatch.whileServing(pool.query(SELECT_TICKET, [reservationId]));
    return rowCount !== 0;
  }

  /** The record that holds a reservation's outcome. */
  async readRecord(ref: ReservationRef, generation: () => Promise<number>): Promise<string | undefined> {
    if (ref.kind === 'framed') return this.#store.readRecord(ref);
    const now = await generation();
    const record = await this.#store.readKeyed(ref, now);
    // What was accepted before a reset is refused under the generation that it was sent to.
    return record ?? (now > 1 ? this.#store.readKeyed(ref, now - 1) : undefined);
  }

  /** What Postgres has of a reservation. */
  async readTickets(saleId: string, reservationId: string): Promise<TicketsOfReservation> {
    const { rows } = await this.#stores.pool.query<{ reset_epoch: number; unit_no: number | null }>(
      SELECT_TICKETS,
      [saleId, reservationId],
    );
    return { units: rows.flatMap((row) => row.unit_no ?? []), resetEpoch: rows[0]?.reset_epoch ?? 0 };
  }
}

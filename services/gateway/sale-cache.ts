/**
 * The facts of sales, as this gateway knows them: a map for the hot path, filled from Redis or else from
 * Postgres, and updated over pub/sub. Unknown ids are cached for a moment, so that a flood of them does not
 * become a flood of queries.
 */
import type { SaleFacts } from '../shared/sales.ts';

/** ms for which an unknown sale stays unknown. */
const UNKNOWN_TTL_MS = 2_000;
const MAX_UNKNOWN = 10_000;
/** Look-ups at once. Past it, a look-up fails. */
const MAX_LOOKUPS = 64;

export interface SaleSources {
  /** Rejects when Redis is away. */
  readonly fromRedis: (saleId: string) => Promise<SaleFacts | undefined>;
  /** Rejects when Postgres is away. */
  readonly fromPostgres: (saleId: string) => Promise<SaleFacts | undefined>;
  readonly now?: () => number;
}

export class SaleCache {
  readonly #sources: SaleSources;
  readonly #now: () => number;
  readonly #sales = new Map<string, { facts: SaleFacts; isUsed: boolean }>();
  /** Id → when it may be looked up again. Oldest first. */
  readonly #unknown = new Map<string, number>();
  readonly #lookups = new Map<string, Promise<SaleFacts | undefined>>();

  constructor(sources: SaleSources) {
    this.#sources = sources;
    this.#now = sources.now ?? (() => performance.now());
  }

  get(saleId: string): SaleFacts | undefined {
    const cached = this.#sales.get(saleId);
    if (cached === undefined) return undefined;
    cached.isUsed = true;
    return cached.facts;
  }

  /** Ids of all cached sales. */
  ids(): string[] {
    return [...this.#sales.keys()];
  }

  /** Ids of those that were asked for since the last call: ten thousand idle sales need no look. */
  takeUsed(): string[] {
    const used: string[] = [];
    for (const [id, sale] of this.#sales) {
      if (sale.isUsed) used.push(id);
      sale.isUsed = false;
    }
    return used;
  }

  /**
   * Replaces the cached facts, unless they are of a later generation: a message from before a reset may come
   * late.
   */
  put(facts: SaleFacts): void {
    const cached = this.#sales.get(facts.id);
    if (cached === undefined) this.#sales.set(facts.id, { facts, isUsed: false });
    else if (cached.facts.generation > facts.generation) return;
    else cached.facts = facts;
    this.#unknown.delete(facts.id);
  }

  /**
   * The sale from the cache, Redis or Postgres, in this order.
   * @throws Error when it is not cached and neither store can answer
   */
  find(saleId: string): Promise<SaleFacts | undefined> {
    const cached = this.get(saleId);
    if (cached !== undefined) return Promise.resolve(cached);
    const unknownUntil = this.#unknown.get(saleId);
    if (unknownUntil !== undefined) {
      if (unknownUntil > this.#now()) return Promise.resolve(undefined);
      this.#unknown.delete(saleId);
    }
    const running = this.#lookups.get(saleId);
    if (running !== undefined) return running;
    if (this.#lookups.size >= MAX_LOOKUPS)
      return Promise.reject(new Error(`${MAX_LOOKUPS} sales are being looked up already`));
    const lookup = this.#lookUp(saleId).finally(() => this.#lookups.delete(saleId));
    this.#lookups.set(saleId, lookup);
    return lookup;
  }

  /** Reads a cached sale again: after a lost subscription, messages may be missing. */
  async refresh(saleId: string): Promise<void> {
    const facts = await this.#sources.fromRedis(saleId);
    if (facts !== undefined) this.put(facts);
  }

  async #lookUp(saleId: string): Promise<SaleFacts | undefined> {
    const facts = (await this.#sources.fromRedis(saleId)) ?? (await this.#sources.fromPostgres(saleId));
    if (facts !== undefined) {
      this.put(facts);
      // A message may have brought later facts meanwhile.
      return this.get(saleId);
    }
    const oldest = this.#unknown.size >= MAX_UNKNOWN ? this.#unknown.keys().next().value : undefined;
    if (oldest !== undefined) this.#unknown.delete(oldest);
    this.#unknown.set(saleId, this.#now() + UNKNOWN_TTL_MS);
    return undefined;
  }
}

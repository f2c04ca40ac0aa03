/**
 * Gives a sale a new epoch in Redis from its tickets in Postgres: when Redis has lost the sale, or has started again and
 * so may have lost its last grants, or Postgres refuses what Redis grants.
 *
 * Why this can't oversell, and no buyer can pass the limit:
 * 1. `sales.epoch` is raised in Postgres first. From that commit on, no grant of an earlier epoch can be inserted
 *    (ticket-writer.ts names the epoch of its grants), and no grant of the new epoch exists yet. So the tickets don't
 *    change while they are read. FOR UPDATE waits for inserts under way, which hold FOR KEY SHARE.
 * 2. One script replaces the old epoch by the new one, unless Redis holds a later one by then.
 * The lock only saves work. Two rebuilds at once are harmless, since the later epoch wins.
 *
 * Postgres alone numbers the epochs of a sale, in `sales.epoch`. A rebuild and a reset (sale-admin.ts) raise
 * it, and nothing lowers it. The epoch in Redis only matters when Postgres was restored from a backup: then
 * it is the higher one.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { askOf, parseReservationId } from './ids.ts';
import { keyedField } from './keys.ts';
import type { OpeningFacts, SaleStore, TicketPage } from './sale-store.ts';
import { saleModeSchema, saleStatusSchema } from './sales.ts';
import { step } from './stop-points.ts';

export const REBUILD_DEFAULTS = {
  /**
   * ms after which the lock of a rebuild that died is free again. Nobody can decide the sale's frames until
   * then. A rebuild that lives renews its lock three times as often.
   */
  lockExpiryMs: 3_000,
  /** ms between two tries to acquire a lock that another holds. */
  lockPollMs: 25,
  /** ms that a rebuild may take, waiting for the lock included. */
  limitMs: 120_000,
  /** Units whose tickets are read and loaded at once. */
  pageSize: 2_000,
} as const;

export interface RebuildRequest {
  readonly saleId: string;
  /** The epoch that is wrong; none when Redis does not know the sale. */
  readonly staleEpoch?: number;
  /** Generation that the sale must have at least. */
  readonly generation: number;
}

export interface RebuildLock {
  readonly lockExpiryMs: number;
  /**
   * The same for each try of a rebuild: when Redis goes away in the middle of one, the lock is in its file, and the next
   * try need not wait until it expires.
   */
  readonly token: string;
}

/**
 * `current`: another has rebuilt it. `superseded`: Redis held a later epoch or generation when this one was
 * ready. `unknownSale`: Postgres has no such sale, or only an older generation of
 * it.
 */
export type RebuildResult = 'rebuilt' | 'current' | 'superseded' | 'unknownSale';

interface SaleRow {
  readonly title: string;
  readonly stock: number;
  readonly per_buyer_limit: number;
  readonly mode: string;
  readonly status: string;
  readonly generation: number;
  readonly epoch: number;
}

interface TicketRow {
  readonly unit_no: number;
  readonly reservation_id: string;
  readonly item_no: number;
  readonly user_id: string;
}

/**
 * Rebuilds a sale, or waits until another has.
 * @throws Error when Redis or Postgres fails, or the limit is over; calling again is safe
 */
export async function rebuildSale(
  store: SaleStore,
  pool: pg.Pool,
  request: RebuildRequest,
  { lockExpiryMs, token }: RebuildLock = { lockExpiryMs: REBUILD_DEFAULTS.lockExpiryMs, token: randomUUID() },
): Promise<RebuildResult> {
  const { saleId } = request;
  const deadlineMs = performance.now() + REBUILD_DEFAULTS.limitMs;
  while (!(await store.acquireLock(saleId, token, lockExpiryMs))) {
    if (await isCurrent(store, request)) return 'current';
    if (performance.now() > deadlineMs)
      throw new Error(`sale ${saleId} was not rebuilt within ${REBUILD_DEFAULTS.limitMs} ms`);
    await sleep(REBUILD_DEFAULTS.lockPollMs);
  }
  // Without renewal, a waiting worker takes the lock of a long rebuild and raises the epoch above the one
  // being built. That one is stale when it starts, and two workers could go on like this without end.
  const renewal = setInterval(() => {
    store.renewLock(saleId, token, lockExpiryMs).catch(() => undefined);
  }, lockExpiryMs / 3);
  try {
    step('worker.rebuild-locked');
    if (await isCurrent(store, request)) return 'current';
    return await rebuildNow(store, pool, request);
  } finally {
    clearInterval(renewal);
    await store.releaseLock(saleId, token);
  }
}

async function isCurrent(store: SaleStore, request: RebuildRequest): Promise<boolean> {
  const held = await store.readEpoch(request.saleId);
  return (
    held !== undefined &&
    !held.isRestarted &&
    held.epoch > (request.staleEpoch ?? 0) &&
    held.generation >= request.generation
  );
}

async function rebuildNow(store: SaleStore, pool: pg.Pool, request: RebuildRequest): Promise<RebuildResult> {
  // Not the lock's: a rebuild that is tried again loads its tickets into keys of its own.
  const token = randomUUID();
  const known = await store.readEpoch(request.saleId);
  const raised = await raiseEpoch(pool, request.saleId, known?.epoch ?? 0);
  if (!raised || raised.facts.generation < request.generation) return 'unknownSale';

  step('worker.rebuild-raised');
  const { id, generation } = raised.facts;
  const highest = await readHighestUnit(pool, id, generation);
  let lastUnit = 0;
  let tickets = 0;
  let grantedReservations = 0;
  // The first page is loaded even when it is empty: the script checks that all pages are there.
  for (
    let from = 0, number = 1;
    from < highest || number === 1;
    from += REBUILD_DEFAULTS.pageSize, number++
  ) {
    const rows = await readPage(pool, id, generation, from);
    await store.loadTickets(id, token, pageOf(rows, number, lastUnit));
    tickets += rows.length;
    grantedReservations += rows.filter((row) => row.item_no === 1).length;
    lastUnit = rows.at(-1)?.unit_no ?? lastUnit;
  }
  step('worker.rebuild-loaded');
  const result = await store.startEpoch(raised.facts, token, {
    epoch: raised.epoch,
    tickets,
    nextUnit: lastUnit + 1,
    grantedReservations,
  });
  if (result === 'incomplete')
    throw new Error(
      `the tickets of sale ${request.saleId} took too long to load into Redis, or Redis started again meanwhile`,
    );
  step('worker.rebuild-started');
  return result;
}

/** From here on, Postgres refuses all grants of earlier epochs. */
async function raiseEpoch(
  pool: pg.Pool,
  saleId: string,
  redisEpoch: number,
): Promise<{ facts: OpeningFacts; epoch: number } | undefined> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<SaleRow>(
      'SELECT title, stock, per_buyer_limit, mode, status, generation, epoch FROM sales WHERE id = $1 FOR UPDATE',
      [saleId],
    );
    const row = rows[0];
    const epoch = Math.max(redisEpoch, row?.epoch ?? 0) + 1;
    if (row) await client.query('UPDATE sales SET epoch = $2 WHERE id = $1', [saleId, epoch]);
    await client.query('COMMIT');
    if (!row) return undefined;
    const facts: OpeningFacts = {
      id: saleId,
      title: row.title,
      stock: row.stock,
      perBuyerLimit: row.per_buyer_limit,
      mode: saleModeSchema.parse(row.mode),
      status: saleStatusSchema.parse(row.status),
      generation: row.generation,
    };
    return { facts, epoch };
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // A connection that failed inside a transaction is closed, so that Postgres rolls the transaction back.
    client.release(failure);
  }
}

/** 0 without tickets. */
async function readHighestUnit(pool: pg.Pool, saleId: string, generation: number): Promise<number> {
  const { rows } = await pool.query<{ highest: number | null }>(
    'SELECT max(unit_no) AS highest FROM tickets WHERE sale_id = $1 AND generation = $2',
    [saleId, generation],
  );
  return rows[0]?.highest ?? 0;
}

/**
 * Tickets of the next units. Both ends are named: with LIMIT alone, Postgres may read and sort all that follow for each
 * page, as long as it has no statistics of a sale that was just sold.
 */
async function readPage(
  pool: pg.Pool,
  saleId: string,
  generation: number,
  from: number,
): Promise<TicketRow[]> {
  const { rows } = await pool.query<TicketRow>(
    `SELECT unit_no, reservation_id, item_no, user_id FROM tickets
      WHERE sale_id = $1 AND generation = $2 AND unit_no > $3 AND unit_no <= $4 ORDER BY unit_no`,
    [saleId, generation, from, from + REBUILD_DEFAULTS.pageSize],
  );
  return rows;
}

function pageOf(rows: readonly TicketRow[], number: number, lastUnit: number): TicketPage {
  const unitsByUser = new Map<string, number>();
  const grantsByField = new Map<string, string>();
  const freeUnits: number[] = [];
  let expected = lastUnit + 1;
  for (const row of rows) {
    while (expected < row.unit_no) freeUnits.push(expected++);
    expected = row.unit_no + 1;
    unitsByUser.set(row.user_id, (unitsByUser.get(row.user_id) ?? 0) + 1);
    const ref = parseReservationId(row.reservation_id);
    if (!ref) throw new Error(`ticket ${row.unit_no} has the reservation id ${row.reservation_id}`);
    if (ref.kind === 'framed') append(grantsByField, ref.frameId, `${ref.index}:${row.unit_no}`, ';');
    else {
      const field = keyedField(ref.digest);
      const isFirst = !grantsByField.has(field);
      append(grantsByField, field, `${isFirst ? askOf(ref.digest) : ''}${row.unit_no}`, ',');
    }
  }
  return { number, tickets: rows.length, unitsByUser, grantsByField, freeUnits };
}

function append(texts: Map<string, string>, field: string, text: string, separator: string): void {
  const before = texts.get(field);
  texts.set(field, before === undefined ? text : before + separator + text);
}

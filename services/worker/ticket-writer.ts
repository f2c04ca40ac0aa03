/**
 * Writes grants to Postgres. The waiting frames share one INSERT, and so one commit; those of one sale must be
 * of one epoch.
 *
 * A statement inserts everything of a sale or nothing:
 * - an item that exists already is skipped (the frame came twice);
 * - a unit that another reservation holds fails the statement, so no reservation is recorded by half;
 * - an epoch below `sales.epoch`, or another generation or stock than the sale's present one, inserts nothing of the
 *   sale (rebuild.ts).
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { REPLICATED } from '../shared/postgres.ts';
import { rareCounts, type RareCounts } from '../shared/rare-paths.ts';
import { isFinal, whileAway } from './retry.ts';
import type { RetryOptions } from './retry.ts';

/** Grants of one frame. */
export interface GrantBatch {
  readonly saleId: string;
  readonly generation: number;
  readonly stock: number;
  /** Epoch of the sale in Redis that granted them. */
  readonly epoch: number;
  readonly tickets: readonly NewTicket[];
}

export interface NewTicket {
  readonly unit: number;
  readonly reservationId: string;
  /** From 1. */
  readonly item: number;
  readonly userId: string;
}

/** `stale`: Postgres and Redis disagree. Rebuild the sale and decide again. */
export type WriteResult = 'committed' | 'stale';

interface Job {
  readonly batch: GrantBatch;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Most tickets in one statement. */
const MAX_STATEMENT_TICKETS = 8_192;
/**
 * SQLSTATE invalid_sql_statement_name and duplicate_prepared_statement: a pooler has switched the session.
 */
const NOT_PREPARED = new Set(['26000', '42P05']);
/** SQLSTATE unique_violation, foreign_key_violation and check_violation. */
const REFUSED = new Set(['23505', '23503', '23514']);

/** The sales are numbered from 1 in the order of $1 to $4; $5 has the number of each ticket's sale. */
const INSERT = `WITH fence AS (
  SELECT s.id, s.generation, s.stock, g.no
    FROM unnest($1::text[], $2::int[], $3::int[], $4::int[]) WITH ORDINALITY AS g (id, generation, stock, epoch, no)
    JOIN sales AS s ON s.id = g.id AND s.generation = g.generation AND s.stock = g.stock AND s.epoch <= g.epoch
     FOR KEY SHARE OF s
)
INSERT INTO tickets (sale_id, generation, stock, unit_no, reservation_id, item_no, user_id)
SELECT fence.id, fence.generation, fence.stock, t.unit_no, t.reservation_id, t.item_no, t.user_id
  FROM unnest($5::int[], $6::int[], $7::text[], $8::smallint[], $9::text[])
    AS t (no, unit_no, reservation_id, item_no, user_id)
  JOIN fence ON fence.no = t.no
ON CONFLICT (reservation_id, item_no) DO NOTHING`;
/** Of this very text: behind a pooler, a worker of another version may have prepared its own on the same session. */
const INSERT_NAME = `insert-tickets ${createHash('sha256').update(INSERT).digest('hex').slice(0, 12)}`;

export class TicketWriter {
  readonly #pool: pg.Pool;
  readonly #parallel: number;
  readonly #retry: RetryOptions;
  readonly #rare: RareCounts<'worker'>;
  readonly #waiting: Job[] = [];
  #active = 0;
  #isStartDue = false;
  /** A prepared statement is planned once. Not behind a pooler, nor after one has lost it. */
  #isPrepared: boolean;

  /** @param parallel most statements at once */
  constructor(
    pool: pg.Pool,
    parallel: number,
    retry: RetryOptions,
    rare = rareCounts('worker'),
    isDirect = true,
  ) {
    this.#pool = pool;
    this.#parallel = parallel;
    this.#retry = retry;
    this.#rare = rare;
    this.#isPrepared = isDirect;
  }

  /**
   * Commits the grants of a frame.
   * @throws Postgres's error when neither waiting nor a rebuild cures it
   */
  write(batch: GrantBatch): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      if (this.#isStartDue) return;
      this.#isStartDue = true;
      // Behind all promises that this turn fulfils: the frames of one message are decided together.
      process.nextTick(() => {
        this.#isStartDue = false;
        this.#startNext();
      });
    });
  }

  #startNext(): void {
    while (this.#active < this.#parallel && this.#waiting.length > 0) {
      this.#active++;
      void this.#run(this.#drainJobs()).finally(() => {
        this.#active--;
        this.#startNext();
      });
    }
  }

  /** Takes the first waiting job and all that fit into one statement with it. */
  #drainJobs(): Job[] {
    const sales = new Map<string, GrantBatch>();
    let tickets = 0;
    let count = 0;
    for (const { batch } of this.#waiting) {
      const known = sales.get(batch.saleId);
      if (known === undefined) sales.set(batch.saleId, batch);
      else if (known.epoch !== batch.epoch || known.generation !== batch.generation) break;
      tickets += batch.tickets.length;
      if (count > 0 && tickets > MAX_STATEMENT_TICKETS) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** Settles every job; never rejects itself. */
  async #run(jobs: readonly Job[]): Promise<void> {
    let tries = 0;
    try {
      const results = await whileAway(() => this.#tryInsert(jobs, ++tries), this.#retry);
      jobs.forEach((job, at) => job.resolve(results[at] ?? 'stale'));
    } catch (error) {
      if (jobs.length > 1 && isFinal(error)) {
        this.#rare.insertSplit++;
        // One frame's error must not fail the others: each gets a statement of its own.
        for (const job of jobs) await this.#run([job]);
        return;
      }
      const isRefused = error instanceof pg.DatabaseError && REFUSED.has(error.code ?? '');
      if (isRefused) this.#rare.unitTaken++;
      for (const job of jobs) {
        if (isRefused) job.resolve('stale');
        else job.reject(error);
      }
    }
  }

  async #tryInsert(jobs: readonly Job[], tries: number): Promise<WriteResult[]> {
    try {
      return await this.#insert(jobs, tries);
    } catch (error) {
      if (error instanceof pg.DatabaseError && NOT_PREPARED.has(error.code ?? '')) this.#isPrepared = false;
      throw error;
    }
  }

  async #insert(jobs: readonly Job[], tries: number): Promise<WriteResult[]> {
    const sales = new Map<string, { readonly number: number; readonly batch: GrantBatch }>();
    const numbers: number[] = [];
    const units: number[] = [];
    const reservations: string[] = [];
    const items: number[] = [];
    const users: string[] = [];
    for (const { batch } of jobs) {
      let sale = sales.get(batch.saleId);
      if (!sale) sales.set(batch.saleId, (sale = { number: sales.size + 1, batch }));
      for (const ticket of batch.tickets) {
        numbers.push(sale.number);
        units.push(ticket.unit);
        reservations.push(ticket.reservationId);
        items.push(ticket.item);
        users.push(ticket.userId);
      }
    }
    const batches = [...sales.values()].map(({ batch }) => batch);
    const { rowCount } = await this.#pool.query({
      ...(this.#isPrepared ? { name: INSERT_NAME } : {}),
      text: INSERT,
      values: [
        texts([...sales.keys()]),
        `{${batches.map(({ generation }) => generation).join(',')}}`,
        `{${batches.map(({ stock }) => stock).join(',')}}`,
        `{${batches.map(({ epoch }) => epoch).join(',')}}`,
        `{${numbers.join(',')}}`,
        `{${units.join(',')}}`,
        texts(reservations),
        `{${items.join(',')}}`,
        texts(users),
      ],
    });
    if (rowCount === units.length) return jobs.map(() => 'committed');
    return this.#compare(jobs, [...sales.keys()], reservations, tries);
  }

  /**
   * Some tickets were not inserted. Finds out which jobs' tickets exist already; the others are stale. What exists may have been
   * written by a commit whose wait for the standby was cancelled, so this waits for it, too.
   */
  async #compare(
    jobs: readonly Job[],
    saleIds: readonly string[],
    reservations: readonly string[],
    tries: number,
  ): Promise<WriteResult[]> {
    const { rows } = await this.#pool.query<{ reservation_id: string; unit_no: number }>(
      `SELECT reservation_id, unit_no, ${REPLICATED} FROM tickets WHERE sale_id = ANY($1) AND reservation_id = ANY($2)`,
      [saleIds, reservations],
    );
    const present = new Set(rows.map((row) => `${row.reservation_id} ${row.unit_no}`));
    const results = jobs.map(({ batch }) =>
      batch.tickets.every((ticket) => present.has(`${ticket.reservationId} ${ticket.unit}`))
        ? 'committed'
        : 'stale',
    );
    // Once a statement: of the frames that it holds, some may be new.
    if (results.includes('stale')) this.#rare.epochStale++;
    else this.#rare[tries > 1 ? 'commitAnswerLost' : 'ticketsPresent']++;
    return results;
  }
}

/** An array of ids, which hold no quote and no backslash (ids.ts); quoted, a buyer named NULL stays a buyer. */
function texts(ids: readonly string[]): string {
  return `{"${ids.join('","')}"}`;
}

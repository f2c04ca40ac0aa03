/** What the designs on Postgres share: their tables, a pool, and a transaction that is tried again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { createPool, openPool, quoteIdentifier } from '../../shared/postgres.ts';
import type { Design, Notes, Parts, Reply, Ticket } from './design.ts';

/** Connections of a pool: more of them than twice the cores only wait for each other. */
const POOL_SIZE = 10;
/** Tries of one request. */
const MAX_TRIES = 12;
/** ms before the second try, and most before any other; each is drawn at random up to that. */
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 50;
/** ms that a statement may wait where a person steps through them. */
const STEPPED_LIMIT_MS = 600_000;

const tables = (schema: string) => `
  DROP SCHEMA IF EXISTS ${schema} CASCADE;
  CREATE SCHEMA ${schema};
  CREATE TABLE ${schema}.stock (units int NOT NULL, left_units int NOT NULL, version int NOT NULL DEFAULT 0);
  CREATE TABLE ${schema}.orders (id bigserial PRIMARY KEY, buyer text NOT NULL, unit int NOT NULL);
  CREATE TABLE ${schema}.units (unit int PRIMARY KEY, buyer text);
  CREATE INDEX ON ${schema}.units (unit) WHERE buyer IS NULL;`;

export type Isolation = 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';
export type Query = <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>;

/** A pause before another try: random, so that those who met do not meet again. */
export const pause = (tries: number) =>
  sleep(Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries));

/** Serialisation failure and deadlock: Postgres asks for the transaction to be tried again. */
const isToRetry = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === '40001' || error.code === '40P01');

/** Thrown in a transaction: it found that it came second, and is to be tried again. */
export class CameSecond extends Error {
  override readonly name = 'CameSecond';
}

/** A statement as it is read: with its values. */
const filled = (sql: string, values: readonly unknown[]) =>
  sql.replaceAll(/\$(\d)/g, (_, place) => JSON.stringify(values[Number(place) - 1]).replaceAll('"', "'"));

/** What a statement returned, as it is read: `left_units = 17`. */
const answerOf = (rows: readonly object[]) =>
  rows
    .map((row) =>
      Object.entries(row)
        .map((pair) => pair.join(' = '))
        .join(', '),
    )
    .join('; ');

/** The same of a statement that a person sent: what it did, where it returns nothing. */
const resultOf = ({ rows, rowCount, command }: pg.QueryResult<object>) =>
  answerOf(rows) || (rowCount === null ? command : `${rowCount} ${rowCount === 1 ? 'row' : 'rows'}`);

export class Shop {
  readonly pool: pg.Pool;
  readonly notes: Notes;
  readonly #schema: string;
  /** Behind a pooler, nothing is prepared. */
  #isDirect = false;
  /** Units on sale. */
  stock = 0;

  constructor({ postgresUrl: url, schema, notes }: Pick<Parts, 'postgresUrl' | 'schema' | 'notes'>) {
    this.#schema = quoteIdentifier(schema);
    this.pool = createPool({
      url,
      // Not the lab's, which PgBouncer takes from no client: each statement names that itself.
      schema: 'public',
      max: POOL_SIZE,
      name: 'lab',
      ...(notes.stepper && { statementTimeoutMs: STEPPED_LIMIT_MS, mayStandIdle: true }),
    });
    this.notes = notes;
  }

  async join(stock: number): Promise<void> {
    this.stock = stock;
    this.#isDirect = (await openPool(this.pool)).isDirect;
  }

  /** The statement with our schema before our tables. */
  #own(sql: string): string {
    return sql.replaceAll(/\b(FROM|INTO|UPDATE) (stock|units|orders)\b/g, `$1 ${this.#schema}.$2`);
  }

  async open(stock: number): Promise<void> {
    await this.join(stock);
    await this.pool.query(tables(this.#schema));
    await this.pool.query(this.#own('INSERT INTO stock (units, left_units) VALUES ($1, $1)'), [stock]);
    await this.pool.query(this.#own('INSERT INTO units SELECT generate_series(1, $1)'), [stock]);
    await this.pool.query('ANALYZE');
  }

  async tickets(from = 'orders'): Promise<Ticket[]> {
    const { rows } = await this.pool.query<Ticket>(
      this.#own(`SELECT buyer, unit FROM ${from} WHERE buyer IS NOT NULL ORDER BY unit`),
    );
    return rows;
  }

  /** One statement, which is a transaction of its own. */
  async once<Row extends pg.QueryResultRow>(buyer: string, sql: string, values: unknown[]): Promise<Row[]> {
    const { rows } = await this.#send<Row>(this.pool, buyer, sql, values);
    this.notes.costs.commits++;
    this.notes.saw(buyer, answerOf(rows));
    return rows;
  }

  /** Runs the steps in a transaction, and again while Postgres or the steps themselves ask for it. */
  async transaction(
    buyer: string,
    isolation: Isolation,
    steps: (query: Query) => Promise<Reply>,
  ): Promise<Reply> {
    const { notes } = this;
    for (let tries = 1; ; tries++) {
      const client = await this.pool.connect();
      const query: Query = async (sql, values = []) => {
        const { rows } = await this.#send(client, buyer, sql, values);
        notes.saw(buyer, answerOf(rows));
        return rows as never;
      };
      const control = (sql: string) => notes.send(buyer, sql, () => client.query(sql), resultOf);
      try {
        await control(`BEGIN ISOLATION LEVEL ${isolation}`);
        const reply = await steps(query);
        const isSold = reply.is === 'granted';
        await control(isSold ? 'COMMIT' : 'ROLLBACK');
        if (isSold) notes.costs.commits++;
        notes.did(buyer, isSold ? 'COMMIT' : 'ROLLBACK');
        return reply;
      } catch (error) {
        await control('ROLLBACK').catch(() => undefined);
        if (!(error instanceof CameSecond) && !isToRetry(error)) throw error;
        notes.did(buyer, `ROLLBACK: ${error instanceof Error ? error.message : ''}`);
        if (tries >= MAX_TRIES) {
          notes.costs.gaveUp++;
          return { is: 'gaveUp' };
        }
        notes.costs.retries++;
      } finally {
        client.release();
      }
      await pause(tries);
    }
  }

  /** Whether one of our statements waits for a lock that another one holds. */
  async hasLockWait(): Promise<boolean> {
    const { rows } = await this.pool.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = $1 AND cardinality(pg_blocking_pids(pid)) > 0`,
      [this.pool.options.application_name],
    );
    return rows.length > 0;
  }

  async #send<Row extends pg.QueryResultRow>(
    client: Pick<pg.Pool, 'query'>,
    buyer: string,
    sql: string,
    values: unknown[],
  ): Promise<pg.QueryResult<Row>> {
    const text = filled(sql, values);
    const send = () => {
      this.notes.did(buyer, text);
      return client.query<Row>({ ...(this.#isDirect && { name: sql }), text: this.#own(sql), values });
    };
    return await this.notes.send(buyer, text, send, resultOf);
  }

  async close(): Promise<void> {
    await this.pool.query(`DROP SCHEMA IF EXISTS ${this.#schema} CASCADE`).catch(() => undefined);
    await this.pool.end();
  }
}

/** A design whose sale is in Postgres alone. */
export function postgresDesign(
  parts: Parts,
  reserve: (shop: Shop, buyer: string) => Promise<Reply>,
  from?: string,
): Design {
  const shop = new Shop(parts);
  return {
    open: (stock) => shop.open(stock),
    join: (stock) => shop.join(stock),
    reserve: (buyer) => reserve(shop, buyer),
    tickets: () => shop.tickets(from),
    hasLockWait: () => shop.hasLockWait(),
    close: () => shop.close(),
  };
}

/**
 * Connections to Postgres, directly or through PgBouncer, alone or with a synchronous standby.
 *
 * PgBouncer in transaction mode gives each transaction any of its own connections. It refuses start-up
 * parameters that it does not know, and keeps nothing of a session: no prepared statement, no advisory lock,
 * no setting. So nothing here relies on a session, and time limits are the client's.
 *
 * A commit waits until the synchronous standby has it, too. When that wait is cancelled, Postgres says that the
 * commit has succeeded, with a warning: everybody sees its rows, and a failover may still lose them. Such a
 * commit fails here, like one whose connection died: nobody knows. Who asks again, or tells what he has read,
 * waits for the standby by that (`REPLICATED`).
 */
import pg from 'pg';
import { endUnanswered, keyOf } from './dead-connections.ts';

export const POSTGRES_DEFAULTS = {
  /** ms that opening a connection, or waiting for a free one, may take. */
  connectTimeoutMs: 3_000,
  /** ms after which a statement is cancelled. */
  statementTimeoutMs: 30_000,
  /** ms beyond that after which the client gives up: the server hangs. */
  answerGraceMs: 5_000,
  /** ms after which a connection that nobody uses is closed. */
  idleTimeoutMs: 30_000,
} as const;

export interface PoolOptions {
  /** `postgresql://user:password@host:port/database`. */
  readonly url: string;
  /** Schema in which unqualified table names are looked up. */
  readonly schema: string;
  /** Most connections at once. */
  readonly max: number;
  /** Shows as `application_name` in `pg_stat_activity`. */
  readonly name: string;
  readonly connectTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  /** Called with the errors of idle connections, for a log. */
  readonly onError?: (error: Error) => void;
  /** A session may stand in a transaction, and is not taken for dead then. */
  readonly mayStandIdle?: boolean;
  /** Called when a dead connection is dropped (dead-connections.ts). */
  readonly onDead?: () => void;
}

/** Schema on Postgres's own search path. */
const DEFAULT_SCHEMA = 'public';

/** `name` as an SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Start-up options that set the search path, so that the first statement of a connection finds its tables.
 * libpq splits options at spaces, so spaces and backslashes are escaped.
 */
function searchPathOption(schema: string): string {
  return `-c search_path=${quoteIdentifier(schema).replace(/[\\\s]/g, '\\$&')}`;
}

/** pg returns int8, the type of `count(*)` and `sum`, as text. Ours stay far below 2^53. */
const typeParsers: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === pg.types.builtins.INT8 && format !== 'binary') return Number;
    return pg.types.getTypeParser(oid, format);
  },
};

/** What every connection has in common: no start-up parameter that a pooler refuses. */
export function connectionConfig(
  options: Omit<PoolOptions, 'max' | 'onError' | 'onDead' | 'schema'>,
): pg.ClientConfig {
  const statementTimeoutMs = options.statementTimeoutMs ?? POSTGRES_DEFAULTS.statementTimeoutMs;
  return {
    connectionString: options.url,
    application_name: `flashgrid ${options.name}`,
    connectionTimeoutMillis: options.connectTimeoutMs ?? POSTGRES_DEFAULTS.connectTimeoutMs,
    query_timeout: statementTimeoutMs + POSTGRES_DEFAULTS.answerGraceMs,
    keepAlive: true,
    types: typeParsers,
  };
}

/**
 * A pool that opens no connection before its first use, which should be `openPool`. End it with `pool.end()`.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...connectionConfig(options),
    // The default schema needs no parameter, which a pooler would refuse.
    ...(options.schema === DEFAULT_SCHEMA ? {} : { options: searchPathOption(options.schema) }),
    max: options.max,
    idleTimeoutMillis: POSTGRES_DEFAULTS.idleTimeoutMs,
  });
  // Without a listener, a lost idle connection ends the process. The pool replaces the connection by itself.
  pool.on('error', (error) => options.onError?.(error));
  pool.on('connect', (client) => {
    // The same for one that is in use: its user learns of it by the next statement.
    client.on('error', () => undefined);
    failUnreplicated(client);
  });
  if (!options.mayStandIdle)
    endUnanswered(pool, options.statementTimeoutMs ?? POSTGRES_DEFAULTS.statementTimeoutMs, () =>
      options.onDead?.(),
    );
  return pool;
}

/** A commit that is not known to be on the synchronous standby. */
export class UnreplicatedError extends Error {
  override readonly name = 'UnreplicatedError';
  constructor() {
    super(
      'Postgres gave up waiting for the synchronous standby: nobody knows whether the commit would survive',
    );
  }
}

/** Where Postgres's warning comes from. Its text has a language, and its SQLSTATE is that of any warning. */
const WAIT_FOR_STANDBY = 'SyncRepWaitForLSN';

/** Fails the statement whose commit is not known to be replicated. Its connection is not used any more. */
function failUnreplicated(client: pg.PoolClient): void {
  client.on('notice', ({ routine }) => {
    // Not by ending the stream: the success may have been read with the warning, and would come first.
    if (routine === WAIT_FOR_STANDBY) client.connection.emit('error', new UnreplicatedError());
  });
}

/**
 * SQL of a column, to read what may be told to a buyer: the statement then ends with a commit that waits for the
 * standby, and so for all that it saw. Without a synchronous standby it costs nothing.
 */
export const REPLICATED = `(SELECT CASE WHEN current_setting('synchronous_standby_names') <> ''
  THEN pg_logical_emit_message(true, 'flashgrid', '') END)`;

/** How PgBouncer refuses a start-up parameter. */
const REFUSED_PARAMETER = /unsupported startup parameter/i;

/** Where the warning would be left out. */
const PROBE = `SELECT pg_backend_pid() AS pid,
  current_setting('client_min_messages') = 'error' AND current_setting('synchronous_standby_names') <> '' AS "isDeaf"`;

/**
 * Runs the first statement of a pool, and finds out whether a pooler stands before Postgres.
 * @throws the statement's error, or what has to be set otherwise
 */
export async function openPool(
  pool: pg.Pool,
  statement = 'SELECT 1',
): Promise<{ readonly isDirect: boolean }> {
  const client = await connect(pool);
  let failure: unknown;
  try {
    await client.query(statement);
    const { rows } = await client.query<{ pid: number; isDeaf: boolean }>(PROBE);
    if (rows[0]?.isDeaf)
      throw new Error(
        'Postgres has a synchronous standby, and its setting client_min_messages hides when a commit is not replicated: set it to warning, for example with ALTER ROLE … SET client_min_messages = warning',
      );
    return { isDirect: rows[0]?.pid === keyOf(client).pid };
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    client.release(failure !== undefined);
  }
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    if (!(error instanceof Error) || !REFUSED_PARAMETER.test(error.message)) throw error;
    throw new Error(
      'PgBouncer refuses the start-up parameter that names the schema: use the schema "public", or set `ignore_startup_parameters = options` in its configuration and the search path with ALTER ROLE … SET search_path',
      { cause: error },
    );
  }
}

/**
 * Connections to Postgres, directly or through PgBouncer.
 *
 * PgBouncer in transaction mode gives each transaction any of its own connections. It refuses start-up
 * parameters that it does not know, and keeps nothing of a session: no prepared statement, no advisory lock,
 * no setting. So nothing here relies on a session, and `openPool` drops the parameters when they are refused.
 */
import pg from 'pg';
import { dropDead } from './dead-connections.ts';

export const POSTGRES_DEFAULTS = {
  /** ms that opening a connection, or waiting for a free one, may take. */
  connectTimeoutMs: 3_000,
  /** ms after which the server ends a statement. */
  statementTimeoutMs: 30_000,
  /**
   * ms beyond that after which the client gives up: the server hangs, or a pooler did not pass the limit on.
   */
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

/** What every connection has in common, without start-up parameters that a pooler refuses. */
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
    statement_timeout: options.statementTimeoutMs ?? POSTGRES_DEFAULTS.statementTimeoutMs,
    // The default schema needs no parameter, which a pooler would refuse.
    ...(options.schema === DEFAULT_SCHEMA ? {} : { options: searchPathOption(options.schema) }),
    max: options.max,
    idleTimeoutMillis: POSTGRES_DEFAULTS.idleTimeoutMs,
  });
  // Without a listener, a lost idle connection ends the process. The pool replaces the connection by itself.
  pool.on('error', (error) => options.onError?.(error));
  // The same for one that is in use: its user learns of it by the next statement.
  pool.on('connect', (client) => client.on('error', () => undefined));
  if (!options.mayStandIdle) dropDead(pool, () => options.onDead?.());
  return pool;
}

/** How PgBouncer refuses a start-up parameter. */
const REFUSED_PARAMETER = /unsupported startup parameter/i;

/**
 * Runs the first statement of a pool, and finds out whether a pooler stands before Postgres.
 * @throws the statement's error, or that the pooler can't serve the schema
 */
export async function openPool(pool: pg.Pool, statement = 'SELECT 1'): Promise<void> {
  try {
    await pool.query(statement);
  } catch (error) {
    if (!(error instanceof Error) || !REFUSED_PARAMETER.test(error.message)) throw error;
    if (pool.options.options !== undefined)
      throw new Error(
        'PgBouncer refuses the start-up parameter that names the schema: use the schema "public", or set `ignore_startup_parameters = options, statement_timeout` in its configuration and the search path with ALTER ROLE … SET search_path',
        { cause: error },
      );
    // The client's own limit holds (connectionConfig).
    delete pool.options.statement_timeout;
    await pool.query(statement);
  }
}

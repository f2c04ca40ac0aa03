/** Connections to Postgres for the hot path, the migrations and the audit. Prisma has its own (prisma.ts). */
import pg from 'pg';

export const POSTGRES_DEFAULTS = {
  /** ms that opening a connection, or waiting for a free one, may take. */
  connectTimeoutMs: 5_000,
  /** ms after which the server ends a statement. */
  statementTimeoutMs: 30_000,
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
  /** Hears the errors of idle connections, for a log. */
  readonly onError?: (error: Error) => void;
}

/** `name` as an SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Start-up options that set the search path, so that the very first statement of a connection finds its tables. Spaces and backslashes
 * are escaped as libpq wants it: they part options otherwise.
 */
function searchPathOption(schema: string): string {
  return `-c search_path=${quoteIdentifier(schema).replace(/[\\\s]/g, '\\$&')}`;
}

/** `count(*)` and `sum` of ints are int8, which pg hands out as text: ours stay far below 2^53. */
const typeParsers: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === pg.types.builtins.INT8 && format !== 'binary') return Number;
    return pg.types.getTypeParser(oid, format);
  },
};

/** What every connection of FlashGrid has in common. */
export function connectionConfig(options: Omit<PoolOptions, 'max' | 'onError'>): pg.ClientConfig {
  return {
    connectionString: options.url,
    application_name: `flashgrid ${options.name}`,
    options: searchPathOption(options.schema),
    connectionTimeoutMillis: options.connectTimeoutMs ?? POSTGRES_DEFAULTS.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs ?? POSTGRES_DEFAULTS.statementTimeoutMs,
    keepAlive: true,
    types: typeParsers,
  };
}

/** A pool; opens nothing until it is used. End it with `pool.end()`. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...connectionConfig(options),
    max: options.max,
    idleTimeoutMillis: POSTGRES_DEFAULTS.idleTimeoutMs,
  });
  // Without a listener, Postgres going away ends the process. The pool drops the connection by itself, and whoever asks next
  // gets the error; so there is nothing to do here but tell.
  pool.on('error', (error) => options.onError?.(error));
  return pool;
}

/**
 * Applies prisma/migrations like `prisma migrate deploy`, but without Prisma's schema engine, which would
 * have to be downloaded. The table `_prisma_migrations` is kept exactly as Prisma keeps it, so either tool
 * can continue after the other.
 *
 * One difference is on purpose: a migration and its row are one transaction, so a failed migration leaves
 * only the row that says so. (A migration that can't run in a transaction can't be used here.) Each
 * transaction locks and reads the history again, because PgBouncer keeps no session (postgres.ts).
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { connectionConfig, quoteIdentifier } from './postgres.ts';
import { resourceDir } from './resources.ts';
import { errorText } from './error-text.ts';
import { ServiceError, type ServiceFailureCode } from './service-error.ts';

/** Prisma's own runner uses the same lock. */
const ADVISORY_LOCK = 72707369;
const DEFAULT_LOCK_TIMEOUT_MS = 60_000;
/** A migration may rebuild a big table. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;
/** Postgres: `lock_not_available`. */
const LOCK_NOT_AVAILABLE = '55P03';

const CREATE_HISTORY = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id"                  VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum"            VARCHAR(64) NOT NULL,
  "finished_at"         TIMESTAMPTZ,
  "migration_name"      VARCHAR(255) NOT NULL,
  "logs"                TEXT,
  "rolled_back_at"      TIMESTAMPTZ,
  "started_at"          TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

/** Why the database can't be brought up to date. */
export class MigrationError extends ServiceError {
  override readonly name = 'MigrationError';
  /** The row that records it for later runs: id, checksum, name and logs. */
  readonly record: readonly string[] | undefined;
  constructor(
    code: ServiceFailureCode,
    message: string,
    fix: string,
    options?: ErrorOptions,
    record?: readonly string[],
  ) {
    super(code, message, fix, options);
    this.record = record;
  }
}

export interface MigrationOptions {
  readonly url: string;
  /** Created when it is missing. */
  readonly schema: string;
  /** Folder of the migrations; the app's own by default. */
  readonly dir?: string;
  /** ms that another runner may hold the lock. */
  readonly lockTimeoutMs?: number;
}

export interface MigrationReport {
  /** Applied now, in order. */
  readonly applied: string[];
  /** Found applied. */
  readonly already: string[];
}

interface Migration {
  readonly name: string;
  readonly sql: string;
}

interface HistoryRow {
  readonly name: string;
  readonly checksum: string;
  readonly isFinished: boolean;
  readonly logs: string | null;
}

/**
 * Brings a schema up to date; safe to call from several processes at once.
 * @throws MigrationError when the history and the app's migrations don't fit, or a migration fails
 */
export async function applyMigrations(options: MigrationOptions): Promise<MigrationReport> {
  const migrations = await readMigrations(options.dir ?? resourceDir('prisma/migrations'));
  const client = new pg.Client(
    connectionConfig({ url: options.url, name: 'migrations', statementTimeoutMs: STATEMENT_TIMEOUT_MS }),
  );
  // The pending query fails with the same error; without a listener the process would end.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const applied: string[] = [];
    for (;;) {
      const name = await locked(client, options, (done) => applyNext(client, migrations, done));
      if (name === undefined) break;
      applied.push(name);
    }
    return { applied, already: migrations.map(({ name }) => name).filter((name) => !applied.includes(name)) };
  } catch (error) {
    if (error instanceof MigrationError && error.record)
      await recordFailure(client, options.schema, error.record, error);
    throw error;
  } finally {
    await client.end();
  }
}

/** Runs `action` in one transaction, while no other runner does anything. */
async function locked<Value>(
  client: pg.Client,
  { schema, lockTimeoutMs }: MigrationOptions,
  action: (history: readonly HistoryRow[]) => Promise<Value>,
): Promise<Value> {
  await client.query('BEGIN');
  try {
    await useSchema(client, schema);
    await lock(client, lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS);
    await prepareSchema(client, schema);
    const value = await action(await readHistory(client));
    await client.query('COMMIT');
    return value;
  } catch (error) {
    // A lost connection rolls the transaction back, too.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** For this transaction only. */
async function useSchema(client: pg.Client, schema: string): Promise<void> {
  await client.query(
    "SELECT set_config('search_path', $1, true), set_config('statement_timeout', $2, true)",
    [quoteIdentifier(schema), String(STATEMENT_TIMEOUT_MS)],
  );
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const folders = (await readdir(dir, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const migrations = await Promise.all(
    folders.map(async ({ name }) => ({
      name,
      sql: await readFile(join(dir, name, 'migration.sql'), 'utf8'),
    })),
  );
  return migrations.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function lock(client: pg.Client, timeoutMs: number): Promise<void> {
  await client.query("SELECT set_config('lock_timeout', $1, true)", [`${timeoutMs}ms`]);
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== LOCK_NOT_AVAILABLE) throw error;
    throw new MigrationError(
      'migrations.locked',
      `Another process has been migrating this database for more than ${timeoutMs} ms.`,
      `Wait for it to end, or find it with: SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = ${ADVISORY_LOCK}`,
      { cause: error },
    );
  }
}

async function prepareSchema(client: pg.Client, schema: string): Promise<void> {
  // CREATE SCHEMA IF NOT EXISTS needs the right to create even when the schema exists.
  const found = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.rowCount === 0) await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  await client.query(CREATE_HISTORY);
}

/** Rows that count. Like Prisma, it ignores rows that are marked as rolled back. */
async function readHistory(client: pg.Client): Promise<HistoryRow[]> {
  const { rows } = await client.query<HistoryRow>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isFinished", logs
       FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  return rows;
}

function checkHistory(migrations: readonly Migration[], history: readonly HistoryRow[]): void {
  const known = new Map(migrations.map((migration) => [migration.name, migration.sql]));
  for (const { name, checksum, isFinished, logs } of history) {
    if (!isFinished)
      throw new MigrationError(
        'migrations.failedEarlier',
        `Migration ${name} failed earlier${logs ? `: ${firstLine(logs)}` : ', or was cut short'}.`,
        retryFix(name),
      );
    const sql = known.get(name);
    if (sql === undefined)
      throw new MigrationError(
        'migrations.unknownMigration',
        `The database has migration ${name}, which this version of FlashGrid does not know: a newer version has used it.`,
        'Use that newer version, or another schema.',
      );
    if (!matchesChecksum(sql, checksum))
      throw new MigrationError(
        'migrations.checksumChanged',
        `Migration ${name} was changed after it had been applied.`,
        'Restore the file as it was, and put the change into a new migration.',
      );
  }
}

/** The statement does what `prisma migrate resolve --rolled-back` does, without Prisma's schema engine. */
function retryFix(name: string): string {
  return `Remove the cause, then start again after: UPDATE "_prisma_migrations" SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL`;
}

/** Like Prisma, ignores a difference in line ends only: git rewrites them on Windows. */
function matchesChecksum(sql: string, checksum: string): boolean {
  return (
    migrationChecksum(sql) === checksum ||
    migrationChecksum(sql.replaceAll('\r\n', '\n')) === checksum ||
    migrationChecksum(sql.replaceAll('\r\n', '\n').replaceAll('\n', '\r\n')) === checksum
  );
}

/** The checksum that Prisma stores for a migration. */
export function migrationChecksum(sql: string): string {
  return createHash('sha256').update(sql).digest('hex');
}

/** @returns the name of the migration that was applied; `undefined` when none is left */
async function applyNext(
  client: pg.Client,
  migrations: readonly Migration[],
  history: readonly HistoryRow[],
): Promise<string | undefined> {
  checkHistory(migrations, history);
  const done = new Set(history.map((row) => row.name));
  const next = migrations.find(({ name }) => !done.has(name));
  if (!next) return undefined;
  const { name, sql } = next;
  const id = randomUUID();
  const checksum = migrationChecksum(sql);
  try {
    await client.query(
      'INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, clock_timestamp())',
      [id, checksum, name],
    );
    await client.query(sql);
    await client.query(
      'UPDATE "_prisma_migrations" SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1',
      [id],
    );
    return name;
  } catch (error) {
    const logs = describe(error);
    throw new MigrationError(
      'migrations.failed',
      `Migration ${name} failed and was undone: ${firstLine(logs)}`,
      retryFix(name),
      { cause: error },
      [id, checksum, name, logs],
    );
  }
}

async function recordFailure(
  client: pg.Client,
  schema: string,
  record: readonly string[],
  cause: unknown,
): Promise<void> {
  try {
    await client.query('BEGIN');
    await useSchema(client, schema);
    await client.query(
      'INSERT INTO "_prisma_migrations" (id, checksum, migration_name, logs) VALUES ($1, $2, $3, $4)',
      [...record],
    );
    await client.query('COMMIT');
  } catch (error) {
    // Postgres was lost meanwhile and has rolled the transaction back. Both errors are worth reading.
    throw new AggregateError(
      [cause, error],
      `The migration failed, and so did recording it: ${describe(cause)}`,
    );
  }
}

function describe(error: unknown): string {
  if (!(error instanceof pg.DatabaseError)) return errorText(error);
  const place = error.position ? `\nPosition: ${error.position}` : '';
  const detail = error.detail ? `\nDetail: ${error.detail}` : '';
  return `${error.message}\nCode: ${error.code ?? 'none'}${detail}${place}`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

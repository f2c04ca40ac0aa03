/**
 * Applies prisma/migrations as `prisma migrate deploy` would, without Prisma's schema engine, which is a download that a demonstration
 * without a network can't make. `_prisma_migrations` is kept exactly as Prisma keeps it, so that either tool can go on
 * where the other stopped.
 *
 * One difference, on purpose: a migration and its row are one transaction, so a migration that fails leaves nothing behind but
 * the row that says so. (A migration that can't run in a transaction can't be used here.)
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { connectionConfig, quoteIdentifier } from './postgres.ts';
import { resourceDir } from './resources.ts';

/** The number under which Prisma's own runner locks the database. */
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

export type MigrationErrorCode =
  | 'migrations.locked'
  | 'migrations.checksumChanged'
  | 'migrations.failedEarlier'
  | 'migrations.unknownMigration'
  | 'migrations.failed';

/** Why the database can't be brought up to date. The control centre hands `code`, `message` and `fix` to the user. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly code: MigrationErrorCode;
  readonly fix: string;
  constructor(code: MigrationErrorCode, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.fix = fix;
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
    connectionConfig({ ...options, name: 'migrations', statementTimeoutMs: STATEMENT_TIMEOUT_MS }),
  );
  // The query in hand fails with the same error; the listener only keeps the process alive.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await lock(client, options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS);
    await prepareSchema(client, options.schema);
    const history = await readHistory(client);
    checkHistory(migrations, history);
    const done = new Set(history.map((row) => row.name));
    const applied: string[] = [];
    for (const migration of migrations.filter(({ name }) => !done.has(name))) {
      await applyOne(client, migration);
      applied.push(migration.name);
    }
    return { applied, already: migrations.map(({ name }) => name).filter((name) => done.has(name)) };
  } finally {
    // Ends the session, and with it the lock.
    await client.end();
  }
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
  await client.query("SELECT set_config('lock_timeout', $1, false)", [`${timeoutMs}ms`]);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]);
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
  // CREATE SCHEMA IF NOT EXISTS wants the right to create even when there is nothing to create.
  const found = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.rowCount === 0) await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  await client.query(CREATE_HISTORY);
}

/** Rows that count: Prisma ignores those that somebody marked as rolled back. */
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

/** What `prisma migrate resolve --rolled-back` does; that command needs Prisma's engine, this statement does not. */
function retryFix(name: string): string {
  return `Remove the cause, then start again after: UPDATE "_prisma_migrations" SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL`;
}

/** Like Prisma, takes a file for unchanged when only its line ends differ: git rewrites them on Windows. */
function matchesChecksum(sql: string, checksum: string): boolean {
  return (
    migrationChecksum(sql) === checksum ||
    migrationChecksum(sql.replaceAll('\r\n', '\n')) === checksum ||
    migrationChecksum(sql.replaceAll('\r\n', '\n').replaceAll('\n', '\r\n')) === checksum
  );
}

/** The checksum that Prisma keeps of a migration. */
export function migrationChecksum(sql: string): string {
  return createHash('sha256').update(sql).digest('hex');
}

async function applyOne(client: pg.Client, { name, sql }: Migration): Promise<void> {
  const id = randomUUID();
  const checksum = migrationChecksum(sql);
  try {
    await client.query('BEGIN');
    await client.query(
      'INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, clock_timestamp())',
      [id, checksum, name],
    );
    await client.query(sql);
    await client.query(
      'UPDATE "_prisma_migrations" SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1',
      [id],
    );
    await client.query('COMMIT');
  } catch (error) {
    const logs = describe(error);
    await recordFailure(client, [id, checksum, name, logs], error);
    throw new MigrationError(
      'migrations.failed',
      `Migration ${name} failed and was undone: ${firstLine(logs)}`,
      retryFix(name),
      { cause: error },
    );
  }
}

async function recordFailure(client: pg.Client, values: readonly string[], cause: unknown): Promise<void> {
  try {
    await client.query('ROLLBACK');
    await client.query(
      'INSERT INTO "_prisma_migrations" (id, checksum, migration_name, logs) VALUES ($1, $2, $3, $4)',
      [...values],
    );
  } catch (error) {
    // Postgres is gone in the middle: it has undone the transaction itself, and both errors are worth reading.
    throw new AggregateError(
      [cause, error],
      `The migration failed, and so did recording it: ${describe(cause)}`,
    );
  }
}

function describe(error: unknown): string {
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : String(error);
  const place = error.position ? `\nPosition: ${error.position}` : '';
  const detail = error.detail ? `\nDetail: ${error.detail}` : '';
  return `${error.message}\nCode: ${error.code ?? 'none'}${detail}${place}`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

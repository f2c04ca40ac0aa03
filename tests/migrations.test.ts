import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { MigrationError, applyMigrations, migrationChecksum } from '../services/shared/migrations.ts';
import type { MigrationOptions } from '../services/shared/migrations.ts';
import { createPool } from '../services/shared/postgres.ts';
import { createPrisma } from '../services/shared/prisma.ts';
import { resourceDir } from '../services/shared/resources.ts';
import { testEndpoints, uniqueName } from './support/backends.ts';
import { compareTables, tablesOfDatabase, tablesOfPrismaSchema } from './support/schema-diff.ts';

const undos: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of undos.splice(0).reverse()) await undo();
});

/** A schema that is dropped after the test, and a pool on it. */
function freshSchema() {
  const url = testEndpoints().postgresUrl;
  // A dash and an upper-case letter: names that only work when they are quoted.
  const schema = uniqueName('Migrations');
  const pool = createPool({ url, schema, max: 2, name: 'test' });
  undos.push(async () => {
    await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await pool.end();
  });
  return { url, schema, pool };
}

async function migrationFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'flashgrid-migrations-'));
  undos.push(() => rm(dir, { recursive: true }));
  for (const [name, sql] of Object.entries(files)) {
    await mkdir(join(dir, name), { recursive: true });
    await writeFile(join(dir, name, 'migration.sql'), sql);
  }
  return dir;
}

async function refusal(options: MigrationOptions): Promise<MigrationError> {
  const error: unknown = await applyMigrations(options).catch((reason: unknown) => reason);
  if (!(error instanceof MigrationError)) throw new Error(`expected a MigrationError, got ${String(error)}`);
  return error;
}

const names = async () =>
  (await readdir(resourceDir('prisma/migrations'), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();

describe('applyMigrations', () => {
  it('creates the schema and applies every migration, and does nothing the second time', async () => {
    const { url, schema, pool } = freshSchema();
    expect(await applyMigrations({ url, schema })).toEqual({ applied: await names(), already: [] });
    expect(await applyMigrations({ url, schema })).toEqual({ applied: [], already: await names() });
    const { rows } = await pool.query(
      'SELECT migration_name, checksum, applied_steps_count, finished_at >= started_at AS ok, logs, rolled_back_at FROM _prisma_migrations ORDER BY 1',
    );
    const expected = (await names()).map(async (name) => ({
      migration_name: name,
      checksum: migrationChecksum(
        await readFile(join(resourceDir('prisma/migrations'), name, 'migration.sql'), 'utf8'),
      ),
      applied_steps_count: 1,
      ok: true,
      logs: null,
      rolled_back_at: null,
    }));
    expect(rows).toEqual(await Promise.all(expected));
  });

  it('lets one of several runners apply each migration when they start at the same moment', async () => {
    const { url, schema } = freshSchema();
    const reports = await Promise.all(Array.from({ length: 4 }, () => applyMigrations({ url, schema })));
    expect(reports.flatMap(({ applied }) => applied).sort()).toEqual(await names());
  });

  it('applies only what is new, in the order of the names', async () => {
    const { url, schema, pool } = freshSchema();
    const dir = await migrationFolder({ '1_a': 'CREATE TABLE a (x INT)' });
    await applyMigrations({ url, schema, dir });
    await mkdir(join(dir, '2_b'));
    await writeFile(
      join(dir, '2_b', 'migration.sql'),
      'ALTER TABLE a ADD COLUMN y INT; INSERT INTO a VALUES (1, 2)',
    );
    await mkdir(join(dir, '3_c'));
    await writeFile(join(dir, '3_c', 'migration.sql'), 'UPDATE a SET y = 3');
    expect(await applyMigrations({ url, schema, dir })).toEqual({
      applied: ['2_b', '3_c'],
      already: ['1_a'],
    });
    expect((await pool.query('SELECT x, y FROM a')).rows).toEqual([{ x: 1, y: 3 }]);
  });

  it('refuses when an applied migration was changed', async () => {
    const { url, schema } = freshSchema();
    const dir = await migrationFolder({ '1_a': 'CREATE TABLE a (x INT)' });
    await applyMigrations({ url, schema, dir });
    await writeFile(join(dir, '1_a', 'migration.sql'), 'CREATE TABLE a (x BIGINT)');
    const error = await refusal({ url, schema, dir });
    expect(error).toMatchObject({
      code: 'migrations.checksumChanged',
      message: expect.stringContaining('1_a'),
    });
  });

  it('takes a migration for unchanged when only its line ends differ', async () => {
    const { url, schema } = freshSchema();
    const dir = await migrationFolder({ '1_a': 'CREATE TABLE a (\n  x INT\n)' });
    await applyMigrations({ url, schema, dir });
    await writeFile(join(dir, '1_a', 'migration.sql'), 'CREATE TABLE a (\r\n  x INT\r\n)');
    expect(await applyMigrations({ url, schema, dir })).toEqual({ applied: [], already: ['1_a'] });
  });

  it('refuses a database that a newer version has migrated', async () => {
    const { url, schema } = freshSchema();
    const dir = await migrationFolder({ '1_a': 'CREATE TABLE a (x INT)', '2_b': 'CREATE TABLE b (x INT)' });
    await applyMigrations({ url, schema, dir });
    await rm(join(dir, '2_b'), { recursive: true });
    expect(await refusal({ url, schema, dir })).toMatchObject({
      code: 'migrations.unknownMigration',
      message: expect.stringContaining('2_b'),
    });
  });

  it('undoes and records a migration that fails, reports it again, and goes on once it is marked as rolled back', async () => {
    const { url, schema, pool } = freshSchema();
    const dir = await migrationFolder({
      '1_a': 'CREATE TABLE a (x INT)',
      '2_b': 'CREATE TABLE b (x INT); SELECT 1/0',
    });
    expect(await refusal({ url, schema, dir })).toMatchObject({
      code: 'migrations.failed',
      message: expect.stringMatching(/2_b.*division by zero/),
    });
    expect(
      (await pool.query("SELECT to_regclass('a') IS NOT NULL AS a, to_regclass('b') AS b")).rows,
    ).toEqual([{ a: true, b: null }]);
    const { rows } = await pool.query(
      'SELECT migration_name, finished_at, applied_steps_count, logs FROM _prisma_migrations WHERE finished_at IS NULL',
    );
    expect(rows).toEqual([
      {
        migration_name: '2_b',
        finished_at: null,
        applied_steps_count: 0,
        logs: expect.stringContaining('division by zero'),
      },
    ]);

    const again = await refusal({ url, schema, dir });
    expect(again).toMatchObject({
      code: 'migrations.failedEarlier',
      message: expect.stringMatching(/2_b.*division by zero/),
    });
    await writeFile(join(dir, '2_b', 'migration.sql'), 'CREATE TABLE b (x INT)');
    await pool.query(again.fix.slice(again.fix.indexOf('UPDATE')));
    expect(await applyMigrations({ url, schema, dir })).toEqual({ applied: ['2_b'], already: ['1_a'] });
  });

  it('gives up when another process keeps the lock that Prisma uses', async () => {
    const { url, schema } = freshSchema();
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    undos.push(() => other.end());
    await other.query('SELECT pg_advisory_lock(72707369)');
    expect(await refusal({ url, schema, lockTimeoutMs: 100 })).toMatchObject({ code: 'migrations.locked' });
  });
});

describe('schema.prisma', () => {
  it('says exactly what the migrations create', async () => {
    const { url, schema, pool } = freshSchema();
    await applyMigrations({ url, schema });
    const expected = tablesOfPrismaSchema(await readFile('prisma/schema.prisma', 'utf8'));
    expect(Object.keys(expected).sort()).toEqual(['sales', 'tickets']);
    expect(compareTables(expected, await tablesOfDatabase(pool, schema))).toEqual([]);
  });

  it.each([
    ['a column more', 'ALTER TABLE tickets ADD COLUMN seat TEXT', 'tickets.columns.seat'],
    ['another type', 'ALTER TABLE tickets ALTER COLUMN item_no TYPE INT', 'tickets.columns.item_no.type'],
    [
      'another default',
      "ALTER TABLE sales ALTER COLUMN mode SET DEFAULT 'shed'",
      'sales.columns.mode.default',
    ],
    [
      'a nullable column',
      'ALTER TABLE sales ALTER COLUMN title DROP NOT NULL',
      'sales.columns.title.isNullable',
    ],
    [
      'no foreign key',
      'ALTER TABLE tickets DROP CONSTRAINT tickets_sale_id_generation_stock_fkey',
      'tickets.foreignKeys',
    ],
    ['no unique index', 'DROP INDEX tickets_reservation_id_item_no_key', 'tickets.uniques'],
    ['no primary key', 'ALTER TABLE tickets DROP CONSTRAINT tickets_pkey', 'tickets.primaryKey'],
    ['a table more', 'CREATE TABLE seats (x INT)', 'seats'],
  ])('is found to differ from a database with %s', async (_what, change, place) => {
    const { url, schema, pool } = freshSchema();
    await applyMigrations({ url, schema });
    await pool.query(change);
    const expected = tablesOfPrismaSchema(await readFile('prisma/schema.prisma', 'utf8'));
    expect(compareTables(expected, await tablesOfDatabase(pool, schema))).toEqual([
      expect.stringContaining(`${place}:`),
    ]);
  });
});

describe('the tables', () => {
  it.each([
    ['a unit beyond the stock', ['s', 6, 1, 5, 'r1', 1, 'u'], 'tickets_unit_no_check'],
    ['unit 0', ['s', 0, 1, 5, 'r1', 1, 'u'], 'tickets_unit_no_check'],
    ['a unit that is sold', ['s', 1, 1, 5, 'r1', 1, 'u'], 'tickets_pkey'],
    ['an item granted twice', ['s', 2, 1, 5, 'r0', 1, 'u'], 'tickets_reservation_id_item_no_key'],
    ['item 11', ['s', 2, 1, 5, 'r1', 11, 'u'], 'tickets_item_no_check'],
    ['a stock that is not the sale’s', ['s', 2, 1, 9, 'r1', 1, 'u'], 'tickets_sale_id_generation_stock_fkey'],
    ['an older generation', ['s', 2, 2, 5, 'r1', 1, 'u'], 'tickets_sale_id_generation_stock_fkey'],
  ])('refuse %s', async (_what, values, constraint) => {
    const { url, schema, pool } = freshSchema();
    await applyMigrations({ url, schema });
    await pool.query("INSERT INTO sales (id, title, stock) VALUES ('s', 'A sale', 5)");
    const insert =
      'INSERT INTO tickets (sale_id, unit_no, generation, stock, reservation_id, item_no, user_id) VALUES ($1, $2, $3, $4, $5, $6, $7)';
    await pool.query(insert, ['s', 1, 1, 5, 'r0', 1, 'u']);
    await expect(pool.query(insert, values)).rejects.toMatchObject({ constraint });
  });

  it('keep stock and generation of a sale fixed while it has tickets', async () => {
    const { url, schema, pool } = freshSchema();
    await applyMigrations({ url, schema });
    await pool.query("INSERT INTO sales (id, title, stock) VALUES ('s', 'A sale', 5)");
    await pool.query(
      "INSERT INTO tickets (sale_id, unit_no, generation, stock, reservation_id, user_id) VALUES ('s', 1, 1, 5, 'r0', 'u')",
    );
    for (const change of [
      'UPDATE sales SET stock = 6',
      'UPDATE sales SET generation = 2',
      'DELETE FROM sales',
    ])
      await expect(pool.query(change)).rejects.toMatchObject({
        constraint: 'tickets_sale_id_generation_stock_fkey',
      });
    await pool.query("UPDATE sales SET status = 'closed', per_buyer_limit = 2");
  });
});

describe('createPrisma', () => {
  it('reads and writes the tables of its own schema', async () => {
    const { url, schema, pool } = freshSchema();
    await applyMigrations({ url, schema });
    const prisma = createPrisma({ pool, schema });
    undos.push(() => prisma.$disconnect());
    await prisma.sale.create({ data: { id: 's', title: 'A sale', stock: 5 } });
    await pool.query(
      "INSERT INTO tickets (sale_id, unit_no, generation, stock, reservation_id, user_id) VALUES ('s', 3, 1, 5, 'r0', 'u')",
    );
    expect(await prisma.sale.findUnique({ where: { id: 's' }, include: { tickets: true } })).toMatchObject({
      id: 's',
      perBuyerLimit: 1,
      mode: 'queue',
      tickets: [{ unitNo: 3, reservationId: 'r0', itemNo: 1 }],
    });
  });
});

describe('createPool', () => {
  it('gives counts as numbers', async () => {
    const { pool } = freshSchema();
    expect(
      (await pool.query('SELECT count(*) AS n, sum(x) AS s FROM unnest(ARRAY[1, 2]) AS x')).rows,
    ).toEqual([{ n: 2, s: 3 }]);
  });

  it('survives the loss of an idle connection, tells of it, and connects again', async () => {
    const { url, schema } = freshSchema();
    const errors: Error[] = [];
    const pool = createPool({ url, schema, max: 1, name: 'test', onError: (error) => errors.push(error) });
    undos.push(() => pool.end());
    const other = createPool({ url, schema, max: 1, name: 'test' });
    undos.push(() => other.end());
    const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await expect.poll(() => errors.length).toBe(1);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('survives the loss of a connection that somebody holds, who hears of it by the next statement', async () => {
    const { url, schema } = freshSchema();
    const pool = createPool({ url, schema, max: 2, name: 'test' });
    undos.push(() => pool.end());
    const held = await pool.connect();
    const ended = new Promise((resolve) => held.once('end', resolve));
    const { rows } = await held.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    await expect(held.query('SELECT 1')).rejects.toThrow();
    held.release(true);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

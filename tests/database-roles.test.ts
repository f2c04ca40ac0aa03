import { expect, it, onTestFinished } from 'vitest';
import { DATABASE_ROLES, derivedPassword, grantRoles, urlOf } from '../services/shared/database-roles.ts';
import { applyMigrations } from '../services/shared/migrations.ts';
import { createPool } from '../services/shared/postgres.ts';
import { testEndpoints, uniqueName } from './support/backends.ts';

it('services can sell and the audit can read, and neither can do more', async () => {
  const url = testEndpoints().postgresUrl;
  const schema = uniqueName('Roles');
  const owner = createPool({ url, schema, max: 1, name: 'test' });
  onTestFinished(async () => {
    await owner.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await owner.end();
  });
  await applyMigrations({ url, schema });
  const passwords = {
    flashgrid_service: derivedPassword(url, 'flashgrid_service'),
    flashgrid_audit: derivedPassword(url, 'flashgrid_audit'),
  };
  // Several control centres, and every start again.
  await Promise.all([1, 2, 3].map(() => grantRoles({ url, schema, passwords })));
  const as = (role: keyof typeof passwords) => {
    const pool = createPool({ url: urlOf(url, role, passwords[role]), schema, max: 1, name: 'test' });
    onTestFinished(() => pool.end());
    return pool;
  };
  const service = as('flashgrid_service');
  await service.query("INSERT INTO sales (id, title, stock) VALUES ('s', 's', 5)");
  await service.query('SELECT 1 FROM sales FOR UPDATE');
  await service.query('SELECT 1 FROM sales FOR KEY SHARE');
  await service.query(
    "INSERT INTO tickets (sale_id, unit_no, generation, stock, reservation_id, user_id) VALUES ('s', 1, 1, 5, 'r', 'u')",
  );
  const audit = as('flashgrid_audit');
  expect((await audit.query('SELECT * FROM tickets JOIN sales ON sale_id = id')).rowCount).toBe(1);
  const denied = { code: '42501' };
  for (const sql of [
    'DELETE FROM sales',
    'UPDATE tickets SET unit_no = 2',
    'CREATE TABLE mine (x int)',
    'DROP TABLE tickets',
    'ALTER TABLE sales DISABLE TRIGGER ALL',
    'SELECT * FROM _prisma_migrations',
    'CREATE ROLE other',
    'SELECT rolpassword FROM pg_authid',
    "COPY sales TO PROGRAM 'true'",
  ])
    await expect(service.query(sql), sql).rejects.toMatchObject(denied);
  for (const sql of [
    'DELETE FROM tickets',
    "INSERT INTO sales (id, title, stock) VALUES ('t', 't', 1)",
    'UPDATE sales SET stock = 1',
  ])
    await expect(audit.query(sql), sql).rejects.toMatchObject(denied);
  await service.query('DELETE FROM tickets');
  // A table of a later migration has to be given rights, or it works for the owner only.
  const { rows } = await owner.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tablename <> '_prisma_migrations'",
    [schema],
  );
  for (const rights of Object.values(DATABASE_ROLES))
    expect(Object.keys(rights).sort()).toEqual(rows.map(({ name }) => name).sort());
});

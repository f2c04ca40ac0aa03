/**
 * The roles that work with the database. Its owner makes the schema and nothing else; gateways and workers connect as a role that can sell
 * and cannot touch the schema, the audit as one that can only read. A service that is taken over owns no more than its own work.
 */
import { createHmac } from 'node:crypto';
import pg from 'pg';
import { connectionConfig, quoteIdentifier } from './postgres.ts';

/** Role → table → rights. `SELECT … FOR UPDATE` and `FOR KEY SHARE` want UPDATE. */
export const DATABASE_ROLES = {
  flashgrid_service: { sales: 'SELECT, INSERT, UPDATE', tickets: 'SELECT, INSERT, DELETE' },
  flashgrid_audit: { sales: 'SELECT', tickets: 'SELECT' },
} as const;
export type DatabaseRole = keyof typeof DATABASE_ROLES;

/** One at a time: two GRANTs on one table fail each other. */
const ADVISORY_LOCK = 7_246_031;

export interface RolesOptions {
  /** Of the owner. */
  readonly url: string;
  readonly schema: string;
  readonly passwords: Readonly<Partial<Record<DatabaseRole, string>>>;
}

/** A role's password where nobody chooses one: made of the owner's, from which it does not lead back. */
export function derivedPassword(ownerUrl: string, role: DatabaseRole): string {
  return createHmac('sha256', decodeURIComponent(new URL(ownerUrl).password))
    .update(role)
    .digest('hex');
}

/** The same database for another role. */
export function urlOf(ownerUrl: string, role: DatabaseRole, password: string): string {
  const url = new URL(ownerUrl);
  url.username = role;
  url.password = encodeURIComponent(password);
  return url.href;
}

/** Makes the roles that have a password here, and gives each exactly its rights; after the migrations, whenever these run. */
export async function grantRoles({ url, schema, passwords }: RolesOptions): Promise<void> {
  const client = new pg.Client(connectionConfig({ url, name: 'roles' }));
  // The query in hand fails with the same error; the listener only keeps the process alive.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    const place = quoteIdentifier(schema);
    for (const [role, rights] of Object.entries(DATABASE_ROLES)) {
      const password = passwords[role as DatabaseRole];
      if (password === undefined) continue;
      const found = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
      if (found.rowCount === 0) await client.query(`CREATE ROLE ${role}`);
      const limits = 'LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS';
      await client.query(`ALTER ROLE ${role} ${limits} PASSWORD ${client.escapeLiteral(password)}`);
      await client.query(`REVOKE ALL ON ALL TABLES IN SCHEMA ${place} FROM ${role}`);
      await client.query(`GRANT USAGE ON SCHEMA ${place} TO ${role}`);
      for (const [table, right] of Object.entries(rights))
        await client.query(`GRANT ${right} ON ${place}.${quoteIdentifier(table)} TO ${role}`);
    }
    await client.query(`REVOKE CREATE ON SCHEMA ${place} FROM PUBLIC`);
    await client.query('COMMIT');
  } finally {
    // Ends the session, and with it whatever was not committed.
    await client.end();
  }
}

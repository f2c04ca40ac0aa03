/**
 * The roles of the database. The owner only makes the schema. Gateways and workers connect as a role that can
 * sell but not touch the schema, and the audit as one that can only read. So an attacker who takes over a
 * service gains little.
 */
import { createHmac } from 'node:crypto';
import pg from 'pg';
import { connectionConfig, quoteIdentifier } from './postgres.ts';

/** Role → table → rights. `SELECT … FOR UPDATE` and `FOR KEY SHARE` need UPDATE. */
export const DATABASE_ROLES = {
  flashgrid_service: { sales: 'SELECT, INSERT, UPDATE', tickets: 'SELECT, INSERT, DELETE' },
  flashgrid_audit: { sales: 'SELECT', tickets: 'SELECT' },
} as const;
export type DatabaseRole = keyof typeof DATABASE_ROLES;

/** Lets one run at a time: two GRANTs on one table make each other fail. */
const ADVISORY_LOCK = 7_246_031;

export interface RolesOptions {
  /** Of the owner. */
  readonly url: string;
  readonly schema: string;
  readonly passwords: Readonly<Partial<Record<DatabaseRole, string>>>;
}

/** A role's password where nobody chooses one. It is made of the owner's, which it does not reveal. */
export function derivedPassword(ownerUrl: string, role: DatabaseRole): string {
  return createHmac('sha256', decodeURIComponent(new URL(ownerUrl).password))
    .update(role)
    .digest('hex');
}

/** URL of the same database for another role. */
export function urlOf(ownerUrl: string, role: DatabaseRole, password: string): string {
  const url = new URL(ownerUrl);
  url.username = role;
  url.password = encodeURIComponent(password);
  return url.href;
}

/**
 * Makes the roles that have a password here and gives each exactly its rights. Call it after each run of the
 * migrations.
 */
export async function grantRoles({ url, schema, passwords }: RolesOptions): Promise<void> {
  const client = new pg.Client(connectionConfig({ url, name: 'roles' }));
  // The pending query fails with the same error; without a listener the process would end.
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
    // Ending the session also rolls back what was not committed.
    await client.end();
  }
}

/** Brings the database to today's schema, and gives services and audit users of their own in it. */
import { derivedPassword, grantRoles, urlOf } from '../../services/shared/database-roles.ts';
import { applyMigrations } from '../../services/shared/migrations.ts';
import { registerSecrets } from '../../services/shared/redact.ts';
import type { Provider } from '../../contract/backends.ts';
import type { Deployment } from './cluster.ts';

/**
 * Migrates the schema. Where the database is ours, services and audit then connect as users with fewer rights
 * than its owner.
 * @param owned the deployment with the owner's URL
 * @returns the deployment as services and audit reach it, and what was done, for the step
 */
export async function prepareDatabase(
  provider: Provider,
  owned: Deployment,
): Promise<{ readonly deployment: Deployment; readonly detail: string }> {
  const { postgresUrl: url, postgresSchema: schema } = owned;
  const { applied, already } = await applyMigrations({ url, schema });
  const detail =
    applied.length === 0 ? `${already.length} migrations in place` : `applied ${applied.join(', ')}`;
  if (provider === 'external') return { deployment: owned, detail };
  const service = derivedPassword(url, 'flashgrid_service');
  const audit = derivedPassword(url, 'flashgrid_audit');
  registerSecrets(service, audit);
  await grantRoles({ url, schema, passwords: { flashgrid_service: service, flashgrid_audit: audit } });
  const deployment = {
    ...owned,
    postgresUrl: urlOf(url, 'flashgrid_service', service),
    postgresAuditUrl: urlOf(url, 'flashgrid_audit', audit),
    postgresOwnerUrl: url,
  };
  return { deployment, detail };
}

/**
 * Brings the database up to date and ends. A deployment runs it first; the control centre does the same by
 * itself.
 */
import { z } from 'zod';
import { gatewayConfigSchema, parseConfig, registerConfigSecrets } from '../shared/config.ts';
import { grantRoles } from '../shared/database-roles.ts';
import { applyMigrations } from '../shared/migrations.ts';
import { redact } from '../shared/redact.ts';
import { ServiceError } from '../shared/service-error.ts';
import { errorText } from '../shared/error-text.ts';

const configSchema = gatewayConfigSchema
  .pick({ FLASHGRID_POSTGRES_URL: true, FLASHGRID_POSTGRES_SCHEMA: true })
  .extend({
    /** Password of the role that gateways and workers connect as; without it, no role is made. */
    FLASHGRID_SERVICE_PASSWORD: z.string().min(8).optional(),
  });

/** One JSON line, as the services log. */
function log(level: 'info' | 'error', message: string, more: Record<string, unknown> = {}): void {
  process.stdout.write(`${redact(JSON.stringify({ level, role: 'migrate', msg: message, ...more }))}\n`);
}

try {
  const config = parseConfig(configSchema, process.env);
  registerConfigSecrets(config);
  const { applied, already } = await applyMigrations({
    url: config.FLASHGRID_POSTGRES_URL,
    schema: config.FLASHGRID_POSTGRES_SCHEMA,
  });
  const { FLASHGRID_SERVICE_PASSWORD: password } = config;
  if (password !== undefined) {
    await grantRoles({
      url: config.FLASHGRID_POSTGRES_URL,
      schema: config.FLASHGRID_POSTGRES_SCHEMA,
      passwords: { flashgrid_service: password },
    });
  }
  log('info', applied.length === 0 ? 'the database is up to date' : 'the database was brought up to date', {
    applied,
    already,
  });
} catch (error) {
  const more = error instanceof ServiceError ? { code: error.code, fix: error.fix } : {};
  log('error', errorText(error), more);
  process.exitCode = 1;
}

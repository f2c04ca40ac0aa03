/** Prisma's client, for the admin and query side. The hot path uses `pg` itself (postgres.ts). */
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../../prisma/generated/client.ts';
import { POSTGRES_DEFAULTS } from './postgres.ts';

export interface PrismaOptions {
  readonly url: string;
  /** Schema that holds the tables; every query names it. */
  readonly schema: string;
  /** Most connections at once. */
  readonly max?: number;
  /** Hears the errors of idle connections, for a log. */
  readonly onError?: (error: Error) => void;
}

/** A client; opens nothing until it is used. End it with `$disconnect()`. */
export function createPrisma(options: PrismaOptions): PrismaClient {
  const adapter = new PrismaPg(
    {
      connectionString: options.url,
      application_name: 'flashgrid prisma',
      max: options.max ?? 2,
      connectionTimeoutMillis: POSTGRES_DEFAULTS.connectTimeoutMs,
      statement_timeout: POSTGRES_DEFAULTS.statementTimeoutMs,
      idleTimeoutMillis: POSTGRES_DEFAULTS.idleTimeoutMs,
    },
    {
      schema: options.schema,
      onPoolError: (error) => options.onError?.(error),
      onConnectionError: (error) => options.onError?.(error),
    },
  );
  return new PrismaClient({ adapter });
}

export type { PrismaClient };

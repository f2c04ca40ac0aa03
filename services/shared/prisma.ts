/** Prisma's client, for the admin routes. The hot path uses `pg` itself (postgres.ts). */
import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { PrismaClient } from '../../prisma/generated/client.ts';

export interface PrismaOptions {
  /** Ended by its owner. */
  readonly pool: pg.Pool;
  /** Schema that holds the tables; every query names it. */
  readonly schema: string;
}

/** A client on a pool. End it with `$disconnect()`, before the pool. */
export function createPrisma({ pool, schema }: PrismaOptions): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool, { schema }) });
}

export type { PrismaClient };

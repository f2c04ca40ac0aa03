/** The gateway's connections to Redis and Postgres, and what watches whether they work. */
import type pg from 'pg';
import type { Logger } from 'pino';
import { BackendWatch, commitToPostgres, writeToRedis } from '../shared/backend-watch.ts';
import type { GatewayConfig } from '../shared/config.ts';
import { healthKey } from '../shared/keys.ts';
import { createPool } from '../shared/postgres.ts';
import type { PrismaClient } from '../shared/prisma.ts';
import { createRedis, type RedisClient } from '../shared/redis.ts';
import type { ReleaseStack } from '../shared/release-stack.ts';

/** Connections for look-ups and for the admin routes. */
const POSTGRES_CONNECTIONS = 4;

export interface Stores {
  readonly redis: RedisClient;
  /** Receives outcomes and changed sales. */
  readonly subscriber: RedisClient;
  readonly pool: pg.Pool;
  /** Loads Prisma's client with its first use: it takes some 60 MB, which only the admin routes need. */
  readonly prisma: () => Promise<PrismaClient>;
  /** Not started yet: a watch that looks while the gateway starts would log each failure a second time. */
  readonly redisWatch: BackendWatch;
  readonly postgresWatch: BackendWatch;
}

/** Makes the clients, which connect by themselves, and registers their undo. */
export function connectStores(config: GatewayConfig, log: Logger, undo: ReleaseStack): Stores {
  const redis = createRedis(config.FLASHGRID_REDIS_URL, {
    role: 'gateway',
    onError: (error) => log.warn({ err: error }, 'Redis'),
  });
  undo.add('redis', () => redis.disconnect());
  const subscriber = createRedis(config.FLASHGRID_REDIS_URL, {
    role: 'subscriber',
    onError: (error) => log.debug({ err: error }, 'Redis, subscription'),
  });
  undo.add('subscriber', () => subscriber.disconnect());
  const schema = config.FLASHGRID_POSTGRES_SCHEMA;
  const pool = createPool({
    url: config.FLASHGRID_POSTGRES_URL,
    schema,
    max: POSTGRES_CONNECTIONS,
    name: 'gateway',
    onError: (error) => log.warn({ err: error }, 'Postgres'),
  });
  undo.add('postgres', () => pool.end());
  let client: Promise<PrismaClient> | undefined;
  const prisma = (): Promise<PrismaClient> =>
    (client ??= import('../shared/prisma.ts').then(({ createPrisma }) => createPrisma({ pool, schema })));
  undo.add('prisma', async () => (await client)?.$disconnect());

  const watch = (name: string, operate: () => Promise<unknown>): BackendWatch => {
    const made = new BackendWatch({
      operate,
      onChange: ({ state, reason }) => {
        if (state === 'ok') log.info(`${name} serves again`);
        else log.warn({ state, reason }, `${name} does not serve`);
      },
    });
    undo.add(`watch of ${name}`, () => made.stop());
    return made;
  };
  return {
    redis,
    subscriber,
    pool,
    prisma,
    redisWatch: watch('Redis', writeToRedis(redis, healthKey(config.FLASHGRID_NAMESPACE))),
    postgresWatch: watch('Postgres', commitToPostgres(pool)),
  };
}

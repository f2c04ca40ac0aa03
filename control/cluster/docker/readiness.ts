/** Proves from this side of the port that a backend serves: a query, a PING, a connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import pg from 'pg';
import { z } from 'zod';
import type { BackendRole } from '../../../contract/backends.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';
import { BACKEND_DATABASE, BACKEND_USER } from './backend-spec.ts';
import { errorCode, errorText } from './errors.ts';

/** ms of one attempt. */
const ATTEMPT_LIMIT_MS = 5_000;
const BETWEEN_MS = 100;

/** URL of a backend; holds its password. */
export function backendUrl(role: BackendRole, port: number, password: string): string {
  switch (role) {
    case 'rabbitmq':
      return `amqp://${BACKEND_USER}:${password}@127.0.0.1:${port}`;
    case 'redis':
      return `redis://:${password}@127.0.0.1:${port}`;
    case 'postgres':
      return `postgresql://${BACKEND_USER}:${password}@127.0.0.1:${port}/${BACKEND_DATABASE}`;
  }
}

/** The backend answered, and refused the password: waiting longer won't help. */
export class WrongPasswordError extends Error {
  override readonly name = 'WrongPasswordError';
}

const amqpPropertiesSchema = z.object({ version: z.string() });
const WRONG_PASSWORD = /28P01|28000|WRONGPASS|NOAUTH|ACCESS[_-]REFUSED|invalid username-password/i;

const PROBES: Record<BackendRole, (url: string) => Promise<string>> = {
  postgres: async (url) => {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: ATTEMPT_LIMIT_MS,
      query_timeout: ATTEMPT_LIMIT_MS,
    });
    // Without a listener, a server that ends between two queries would end this process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      return rows[0]?.server_version.split(' ')[0] ?? '';
    } finally {
      await client.end().catch(() => undefined);
    }
  },
  redis: async (url) => {
    const redis = new Redis(url, {
      lazyConnect: true,
      connectTimeout: ATTEMPT_LIMIT_MS,
      commandTimeout: ATTEMPT_LIMIT_MS,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      await redis.ping();
      return /redis_version:([\w.]+)/.exec(await redis.info('server'))?.[1] ?? '';
    } finally {
      redis.disconnect();
    }
  },
  rabbitmq: async (url) => {
    const connection = await connect(url, { timeout: ATTEMPT_LIMIT_MS, noDelay: true });
    connection.on('error', () => undefined);
    try {
      // A channel proves more than a connection: the virtual host is up.
      await (await connection.createChannel()).close();
      return amqpPropertiesSchema.safeParse(connection.connection.serverProperties).data?.version ?? '';
    } finally {
      await connection.close().catch(() => undefined);
    }
  },
};

/**
 * One attempt.
 * @returns the backend's version
 * @throws WrongPasswordError, or the error of the attempt
 */
export async function probeBackend(role: BackendRole, url: string): Promise<string> {
  try {
    return await withLimit(
      PROBES[role](url),
      2 * ATTEMPT_LIMIT_MS,
      `no answer within ${2 * ATTEMPT_LIMIT_MS} ms`,
    );
  } catch (error) {
    const text = `${errorCode(error) ?? ''} ${errorText(error)}`;
    if (WRONG_PASSWORD.test(text)) throw new WrongPasswordError(errorText(error), { cause: error });
    throw error;
  }
}

/**
 * Tries until the backend serves.
 * @param checkAlive throws when there is nothing left to wait for
 * @throws the last problem after `limitMs`
 */
export async function waitUntilReady(
  role: BackendRole,
  url: string,
  limitMs: number,
  checkAlive: () => Promise<void>,
  signal: AbortSignal,
): Promise<string> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await probeBackend(role, url);
    } catch (error) {
      await checkAlive();
      if (error instanceof WrongPasswordError || Date.now() > deadline) throw error;
    }
    await sleep(BETWEEN_MS, undefined, { signal });
  }
}

/** Proves that a backend serves: each probe logs in and uses it, as the services will. */
import { connectBroker } from '../../services/shared/amqp/broker-nodes.ts';
import pg from 'pg';
import { connectRedis, primariesOf, type RedisClient } from '../../services/shared/redis.ts';
import { parseRedisUrl } from '../../services/shared/redis-url.ts';
import type { BackendRole } from '../../contract/backends.ts';
import { withLimit } from '../../services/shared/time-limit.ts';

const PROBE_TIMEOUT_MS = 5_000;

/**
 * ms that a backend which says that it reads its data may take beyond its limit: who ends it then, has it begin again. Redis 7.0 on
 * a busy machine took over 30 s for the 300 MB of a sale of 172,000 tickets that had been rebuilt often.
 */
const READING_LIMIT_MS = 600_000;
const READS_ITS_DATA = /\bLOADING\b|database system is (?:starting up|not yet accepting|in recovery)/;

/** ms that a start may take beyond its limit, by what the backend last answered. */
export function moreTimeFor(problem: string): number {
  return READS_ITS_DATA.test(problem) ? READING_LIMIT_MS : 0;
}

/**
 * Connects, logs in and asks for a PONG.
 * @returns the version that the server tells
 * @throws Error with what Redis answered
 */
export function probeRedis(url: string): Promise<string> {
  return askRedis(url, async (client) => {
    await client.ping();
    return /redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? 'unknown';
  });
}

/**
 * Which primaries of a Redis Cluster, or of Sentinel, have no replica that could take over; empty when each has one, and for
 * a Redis of one server.
 * @throws Error with what Redis answered
 */
export async function primariesAlone(url: string): Promise<string[]> {
  const { kind } = parseRedisUrl(url);
  if (kind === 'single') return [];
  return await askRedis(url, async (client) => {
    // A client of a Cluster knows its nodes once one has answered.
    await client.ping();
    const looks = primariesOf(client).map(async (node) => {
      const isAlone = /^connected_slaves:0/m.test(await node.info('replication'));
      return isAlone
        ? [kind === 'sentinel' ? 'the primary' : `${node.options.host}:${node.options.port}`]
        : [];
    });
    return (await Promise.all(looks)).flat();
  });
}

async function askRedis<Value>(url: string, ask: (client: RedisClient) => Promise<Value>): Promise<Value> {
  const client = connectRedis(url, {
    lazyConnect: true,
    connectTimeout: PROBE_TIMEOUT_MS,
    commandTimeout: PROBE_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    enableReadyCheck: false,
  });
  let problem: Error | undefined;
  // The connection's error says why; the call's error only says that the connection is closed.
  client.on('error', (error: Error) => (problem ??= error));
  client.on('node error', (error: Error) => (problem ??= error));
  client.on('sentinelError', ({ message }: Error) => {
    if (/No such master|invalid reply/.test(message))
      problem ??= new Error('Sentinel knows no primary of that name');
  });
  try {
    await client.connect();
    return await ask(client);
  } catch (error) {
    throw problem ?? error;
  } finally {
    client.disconnect();
  }
}

/**
 * Connects, logs in and runs a query.
 * @returns the version that the server tells
 * @throws Error with what Postgres answered
 */
export async function probePostgres(url: string): Promise<string> {
  const result = await withPostgres(url, (client) =>
    client.query<{ server_version: string }>('SHOW server_version'),
  );
  // Some builds add their name: `15.18 (Debian 15.18-0+deb12u1)`.
  return result.rows[0]?.server_version.split(' ')[0] ?? 'unknown';
}

/** What a setting of Postgres costs, where it is not as it must be; the last one matters with synchronous standbys alone. */
const UNSAFE_SETTINGS = [
  ['synchronous_commit', 'off', 'a crash loses commits that buyers were told of'],
  ['fsync', 'off', 'a crash of the machine loses data, or all of it'],
  ['full_page_writes', 'off', 'a page that is half written at a crash stays broken'],
  ['synchronous_commit', 'local', 'a failover loses commits that buyers were told of'],
] as const;

/**
 * Settings with which Postgres may lose what it said was committed, as the services' sessions get them.
 * @throws Error with what Postgres answered
 */
export async function unsafeSettings(url: string): Promise<{ name: string; text: string }[]> {
  const { rows } = await withPostgres(url, (client) =>
    client.query<{ name: string; setting: string }>(
      `SELECT name, setting FROM pg_settings
       WHERE name IN ('synchronous_commit', 'fsync', 'full_page_writes', 'synchronous_standby_names')`,
    ),
  );
  const settingOf = (wanted: string) => rows.find(({ name }) => name === wanted)?.setting ?? '';
  const hasStandbys = settingOf('synchronous_standby_names') !== '';
  return UNSAFE_SETTINGS.filter(
    ([name, value]) => settingOf(name) === value && (value !== 'local' || hasStandbys),
  ).map(([name, value, cost]) => ({ name, text: `${name} is ${value} (${cost})` }));
}

/** Runs `use` on a connection of its own. */
export async function withPostgres<Value>(
  url: string,
  use: (client: pg.Client) => Promise<Value>,
): Promise<Value> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: PROBE_TIMEOUT_MS * 5,
  });
  // Without a listener, a server that goes away would end this process. The query's own error reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end();
  }
}

/**
 * Connects, logs in and opens a channel.
 * @returns the version that the broker tells
 * @throws Error with what RabbitMQ answered
 */
export async function probeRabbitmq(url: string): Promise<string> {
  const connecting = connectBroker(url, { timeout: PROBE_TIMEOUT_MS });
  const connection = await connecting;
  // Without a listener, a broker that stops would end this process.
  connection.on('error', () => undefined);
  try {
    await withLimit(connection.createChannel(), PROBE_TIMEOUT_MS, 'RabbitMQ opened no channel');
    const version: unknown = connection.connection.serverProperties.version;
    return typeof version === 'string' ? version : 'unknown';
  } finally {
    // A broker that has died closed the connection already.
    await withLimit(connection.close(), PROBE_TIMEOUT_MS, 'close took too long').catch(() => undefined);
  }
}

export const PROBES: Readonly<Record<BackendRole, (url: string) => Promise<string>>> = {
  redis: probeRedis,
  postgres: probePostgres,
  rabbitmq: probeRabbitmq,
};

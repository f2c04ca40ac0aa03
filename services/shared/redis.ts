/** Connections to Redis, one server or a Cluster, with FlashGrid's scripts registered. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import type { ClientContext, Result } from 'ioredis';
import { backoffMs } from './backoff.ts';
import { resourceDir } from './resources.ts';

export const REDIS_DEFAULTS = {
  /** ms that opening a connection may take. */
  connectTimeoutMs: 5_000,
  /** ms after which a command without an answer fails. */
  commandTimeoutMs: 10_000,
  /** Reconnections after which a waiting command fails; the client itself goes on reconnecting. */
  retriesPerCommand: 3,
  /** Between two reconnections. */
  pause: { firstMs: 100, maxMs: 1_000 },
} as const;

/** The scripts: method on the client → file in `lua/` and number of keys, `null` when it varies. */
export const SCRIPTS = {
  fgOpenSale: { file: 'open-sale.lua', keys: 4 },
  fgChangeSale: { file: 'change-sale.lua', keys: 1 },
  fgReadSale: { file: 'read-sale.lua', keys: 1 },
  fgDecideFrame: { file: 'decide-frame.lua', keys: null },
  fgLoadTickets: { file: 'load-tickets.lua', keys: 3 },
  fgRebuildSale: { file: 'rebuild-sale.lua', keys: 7 },
  fgRenewLock: { file: 'renew-lock.lua', keys: 1 },
  fgReleaseLock: { file: 'release-lock.lua', keys: 1 },
} as const;

/** Arguments of a script: keys, then values; before them the number of keys where it varies. Replies are parsed by the caller. */
type ScriptArguments = readonly (string | number)[];

declare module 'ioredis' {
  interface RedisCommander<Context extends ClientContext = { type: 'default' }> {
    fgOpenSale(...values: ScriptArguments): Result<unknown, Context>;
    fgChangeSale(...values: ScriptArguments): Result<unknown, Context>;
    fgReadSale(...values: ScriptArguments): Result<unknown, Context>;
    fgDecideFrame(...values: ScriptArguments): Result<unknown, Context>;
    fgLoadTickets(...values: ScriptArguments): Result<unknown, Context>;
    fgRebuildSale(...values: ScriptArguments): Result<unknown, Context>;
    fgRenewLock(...values: ScriptArguments): Result<unknown, Context>;
    fgReleaseLock(...values: ScriptArguments): Result<unknown, Context>;
  }
}

export type RedisClient = Redis | Cluster;

export interface RedisClientOptions {
  /** Shows as the connection's name in `CLIENT LIST`. A `subscriber` waits for Redis without limit; it has no command to fail. */
  readonly role: 'gateway' | 'worker' | 'control' | 'subscriber';
  /** Hears of lost and refused connections; the client reconnects by itself. */
  readonly onError?: (error: Error) => void;
}

/**
 * Connects to Redis. `url` may list several, parted by commas: the seeds of a Redis Cluster.
 * Commands wait for a lost connection through a few reconnections, then fail. End it with `quit()` or `disconnect()`.
 */
export function createRedis(url: string, options: RedisClientOptions): RedisClient {
  const common = commonOptions(options.role);
  const [first, ...others] = url.split(',');
  const client =
    others.length === 0
      ? new Redis(first ?? url, { ...common, retryStrategy: retryDelayMs })
      : createCluster(url.split(','), common);
  // Without a listener, a lost connection ends the process.
  client.on('error', (error: Error) => options.onError?.(withoutArguments(error)));
  registerScripts(client);
  return client;
}

/** The client hangs the refused command on its error: of AUTH, that is the password. */
function withoutArguments(error: Error): Error {
  if ('command' in error) delete error.command;
  return error;
}

function commonOptions(role: RedisClientOptions['role']) {
  return {
    connectionName: `flashgrid-${role}`,
    connectTimeout: REDIS_DEFAULTS.connectTimeoutMs,
    noDelay: true,
    ...(role === 'subscriber'
      ? { maxRetriesPerRequest: null }
      : {
          maxRetriesPerRequest: REDIS_DEFAULTS.retriesPerCommand,
          commandTimeout: REDIS_DEFAULTS.commandTimeoutMs,
        }),
  };
}

const retryDelayMs = (times: number): number => backoffMs(REDIS_DEFAULTS.pause, times - 1);

function createCluster(urls: readonly string[], common: ReturnType<typeof commonOptions>): Cluster {
  const seeds = urls.map((url) => new URL(url));
  const first = seeds[0];
  return new Cluster(
    seeds.map((seed) => ({ host: seed.hostname, port: Number(seed.port || 6379) })),
    {
      clusterRetryStrategy: retryDelayMs,
      redisOptions: {
        ...common,
        ...(first?.username ? { username: decodeURIComponent(first.username) } : {}),
        ...(first?.password ? { password: decodeURIComponent(first.password) } : {}),
        ...(first?.protocol === 'rediss:' ? { tls: {} } : {}),
      },
    },
  );
}

/**
 * Registers the files of `lua/`. The client sends a script's text with its first call on each connection and its hash from then on; when
 * Redis has lost its scripts (restart, failover, SCRIPT FLUSH) it sends the text again.
 */
function registerScripts(client: RedisClient): void {
  const dir = resourceDir('lua');
  for (const [name, { file, keys }] of Object.entries(SCRIPTS)) {
    client.defineCommand(name, {
      lua: readFileSync(join(dir, file), 'utf8'),
      ...(keys === null ? {} : { numberOfKeys: keys }),
    });
  }
}

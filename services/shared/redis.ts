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
  /**
   * ms without a byte, while an answer is due, after which a connection is replaced. The other end may have
   * vanished without a word, and TCP alone would wait for minutes. What waited is sent again: every script can
   * run twice.
   */
  silenceMs: 1_500,
  /** ms that a lost connection may take to close politely. A dead one never does. */
  closeMs: 250,
  /** ms between two questions of a subscriber, which hears nothing by itself on a dead connection. */
  subscriberAskMs: 1_000,
  /** Reconnections after which a waiting command fails; the client itself goes on reconnecting. */
  retriesPerCommand: 3,
  /** Between two reconnections. */
  pause: { firstMs: 100, maxMs: 500 },
} as const;

/** Method on the client → script in `lua/` and its number of keys; `null` when it varies. */
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

/** Keys, then values; before them the number of keys where it varies. The caller parses the reply. */
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
  /**
   * Shows in `CLIENT LIST`. A `subscriber` waits for Redis without limit: none of its commands may fail.
   */
  readonly role: 'gateway' | 'worker' | 'control' | 'subscriber';
  /** Called when a connection is lost or refused. The client reconnects by itself. */
  readonly onError?: (error: Error) => void;
}

/** Before a server's run id: last argument of decide-frame.lua, and in `INFO server`. Alone, the script asks for the id. */
export const RUN_ID_PREFIX = 'run_id:';

/** Event of a worker's client: it reaches a Redis that has started again, or another one. A Redis Cluster emits none. */
export const RESTARTED = 'flashgrid:restarted';

type Command = Parameters<Redis['sendCommand']>[0];

/**
 * Puts the run id of the Redis that it is connected to into each call of decide-frame.lua, at the moment when the call is
 * written. Redis has a new run id after each start, and may come back from a file that lacks its last grants. ioredis
 * writes a call again after a reconnection: with the id of before, the script would take the older file for the present.
 *
 * What is sent in one turn of the event loop is one write: the frames of a message, or of several.
 */
class WorkerRedis extends Redis {
  #server = RUN_ID_PREFIX;
  #corked: Redis['stream'] | undefined;

  constructor(url: string, options: ReturnType<typeof singleOptions>) {
    super(url, options);
    let before: string | undefined;
    this.on('close', () => (this.#server = RUN_ID_PREFIX));
    this.on('ready', () => {
      this.info('server').then(
        (text) => {
          this.#server = /^run_id:\w+/m.exec(text)?.[0] ?? RUN_ID_PREFIX;
          if (before !== undefined && before !== this.#server) this.emit(RESTARTED);
          before = this.#server;
        },
        // The script asks for itself, which costs it some microseconds.
        () => undefined,
      );
    });
  }

  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    const at = command.args.length - 1;
    const last = command.args[at];
    if (typeof last === 'string' && last.startsWith(RUN_ID_PREFIX)) command.args[at] = this.#server;
    this.#cork();
    return super.sendCommand(command, stream);
  }

  #cork(): void {
    // There is no stream before the first connection.
    const stream: Redis['stream'] | undefined = this.stream;
    if (stream === this.#corked) return;
    this.#corked = stream;
    stream.cork();
    process.nextTick(() => {
      this.#corked = undefined;
      stream.uncork();
    });
  }
}

/**
 * Connects to Redis. Several URLs, with commas between, are the seeds of a Redis Cluster. While the
 * connection is lost, a command waits for a few reconnections and then fails. End it with `disconnect()`.
 */
export function createRedis(url: string, options: RedisClientOptions): RedisClient {
  const common = commonOptions(options.role);
  const [first, ...others] = url.split(',');
  const client =
    others.length === 0
      ? new (options.role === 'worker' ? WorkerRedis : Redis)(first ?? url, singleOptions(common))
      : createCluster(url.split(','), common);
  // Without a listener, a lost connection ends the process.
  client.on('error', (error: Error) => options.onError?.(withoutArguments(error)));
  registerScripts(client);
  if (options.role === 'subscriber') keepAsking(client);
  return client;
}

/** The question itself does nothing: a connection that leaves it without an answer is replaced. */
function keepAsking(client: RedisClient): void {
  const timer = setInterval(() => {
    // Before that, a question would only wait for the connection.
    if (client.status === 'ready') client.ping().catch(() => undefined);
  }, REDIS_DEFAULTS.subscriberAskMs);
  timer.unref();
  // Only after `disconnect()`: a connection that is lost is replaced.
  client.once('end', () => clearInterval(timer));
}

/** ioredis puts the refused command on the error. For AUTH, that is the password. */
function withoutArguments(error: Error): Error {
  if ('command' in error) delete error.command;
  return error;
}

function commonOptions(role: RedisClientOptions['role']) {
  return {
    connectionName: `flashgrid-${role}`,
    connectTimeout: REDIS_DEFAULTS.connectTimeoutMs,
    socketTimeout: REDIS_DEFAULTS.silenceMs,
    disconnectTimeout: REDIS_DEFAULTS.closeMs,
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

const singleOptions = (common: ReturnType<typeof commonOptions>) => ({
  ...common,
  retryStrategy: retryDelayMs,
});

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
 * Registers the scripts. The client calls a script by its hash, and sends the text when Redis does not have
 * it: at first, and after a restart, a failover or SCRIPT FLUSH.
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

/** Connections to Redis (one server, a Cluster, or the primary that Sentinel names), with FlashGrid's scripts registered. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import type { ClientContext, RedisOptions, Result } from 'ioredis';
import { backoffMs } from './backoff.ts';
import { parseRedisUrl, type RedisAccess, type RedisTarget } from './redis-url.ts';
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
  /** ms between two looks at which node of a Cluster has which slots, besides those after an error. */
  slotsRefreshMs: 5_000,
} as const;

/** Method on the client → script in `lua/` and its number of keys; `null` when it varies. */
export const SCRIPTS = {
  fgOpenSale: { file: 'open-sale.lua', keys: 4 },
  fgChangeSale: { file: 'change-sale.lua', keys: 1 },
  fgReadSale: { file: 'read-sale.lua', keys: 1 },
  fgDecideFrame: { file: 'decide-frame.lua', keys: null },
  fgReadRefusals: { file: 'read-refusals.lua', keys: 1 },
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
    fgReadRefusals(...values: ScriptArguments): Result<unknown, Context>;
    fgLoadTickets(...values: ScriptArguments): Result<unknown, Context>;
    fgRebuildSale(...values: ScriptArguments): Result<unknown, Context>;
    fgRenewLock(...values: ScriptArguments): Result<unknown, Context>;
    fgReleaseLock(...values: ScriptArguments): Result<unknown, Context>;
  }
}

export type RedisClient = Redis | Cluster;
type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

/** The servers that hold all keys among them: for what no client of a Cluster does by itself, such as SCAN. */
export function primariesOf(client: RedisClient): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client];
}

export interface RedisClientOptions {
  /**
   * Shows in `CLIENT LIST`. A `subscriber` waits for Redis without limit: none of its commands may fail.
   */
  readonly role: 'gateway' | 'worker' | 'control' | 'subscriber';
  /** Called when a connection is lost or refused. The client reconnects by itself. */
  readonly onError?: (error: Error) => void;
}

/**
 * Before the id of a primary's term: last argument of decide-frame.lua, and in `INFO replication`. A server has a new id
 * after each start, and each time it becomes the primary. Alone, the script asks for the id.
 */
export const TERM_PREFIX = 'master_replid:';

/** Event of a worker's client: it reaches a Redis that has started again, or another one. */
export const RESTARTED = 'flashgrid:restarted';

/**
 * Puts the term of the Redis that a client is connected to into each call of decide-frame.lua, at the moment when the call
 * is written. Redis may come back from a file that lacks its last grants, and a replica that takes over may lack them, too.
 * ioredis writes a call again after a reconnection: with the id of before, the script would take the older data for the
 * present.
 */
function addTerm(client: Redis): void {
  let term = TERM_PREFIX;
  let before: string | undefined;
  client.on('close', () => (term = TERM_PREFIX));
  client.on('ready', () => {
    client.info('replication').then(
      (text) => {
        term = /^master_replid:\w+/m.exec(text)?.[0] ?? TERM_PREFIX;
        if (before !== undefined && before !== term) client.emit(RESTARTED);
        before = term;
      },
      // The script asks for itself, which costs it some microseconds.
      () => undefined,
    );
  });
  const send = client.sendCommand.bind(client);
  client.sendCommand = (command, stream) => {
    const at = command.args.length - 1;
    const last = command.args[at];
    if (typeof last === 'string' && last.startsWith(TERM_PREFIX)) command.args[at] = term;
    return send(command, stream);
  };
}

/** What is sent to a server in one turn of the event loop is one write: the frames of a message, or of several. */
function writeTogether(client: Redis): void {
  let corked: Redis['stream'] | undefined;
  const send = client.sendCommand.bind(client);
  client.sendCommand = (command, given) => {
    // There is no stream before the first connection.
    const stream: Redis['stream'] | undefined = client.stream;
    if (stream !== corked) {
      corked = stream;
      stream.cork();
      process.nextTick(() => {
        corked = undefined;
        stream.uncork();
      });
    }
    return send(command, given);
  };
}

/**
 * Connects to what a URL names (redis-url.ts). While the connection is lost, a command waits for a few reconnections and
 * then fails. End it with `disconnect()`.
 * @throws RedisUrlError
 */
export function createRedis(url: string, options: RedisClientOptions): RedisClient {
  const target = parseRedisUrl(url);
  const common = optionsFor(options.role);
  const isSubscriber = options.role === 'subscriber';
  const client =
    isSubscriber && target.kind === 'cluster' ? subscribeToNodes(target, common) : connectRedis(url, common);
  // Without a listener, a lost connection ends the process.
  client.on('error', (error: Error) => options.onError?.(withoutArguments(error)));
  registerScripts(client);
  if (isSubscriber) keepAsking(client);
  if (target.kind === 'sentinel' && client instanceof Redis) leaveOldPrimary(client, target, common);
  if (options.role === 'worker') {
    if (client instanceof Redis) {
      addTerm(client);
      writeTogether(client);
    } else {
      tellRestarts(client);
      client.on('+node', writeTogether);
    }
  }
  return client;
}

/**
 * A bare client of what a URL names, for those that need no scripts.
 * @throws RedisUrlError
 */
export function connectRedis(url: string, options: ClientOptions): RedisClient {
  const target = parseRedisUrl(url);
  const access = accessOf(target);
  const { natMap } = target;
  const retry = options.retryStrategy ?? retryDelayMs;
  switch (target.kind) {
    case 'single':
      return new Redis(url, options);
    case 'sentinel':
      return new Redis({
        ...options,
        ...access,
        sentinels: [...target.nodes],
        name: target.name,
        ...(target.sentinelPassword === undefined ? {} : { sentinelPassword: target.sentinelPassword }),
        ...(target.isTls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
        ...(natMap ? { natMap } : {}),
        sentinelCommandTimeout: REDIS_DEFAULTS.silenceMs,
        // Not `null` for a service: its client would end for good when no Sentinel answers.
        sentinelRetryStrategy: retry,
      });
    case 'cluster':
      return new Cluster([...target.nodes], {
        ...(options.lazyConnect === undefined ? {} : { lazyConnect: options.lazyConnect }),
        clusterRetryStrategy: retry,
        slotsRefreshInterval: REDIS_DEFAULTS.slotsRefreshMs,
        ...(natMap ? { natMap } : {}),
        // A certificate is for a name, not for the address that it stands for.
        ...(target.isTls ? { dnsLookup: (name, callback) => callback(null, name) } : {}),
        redisOptions: { ...options, ...access },
      });
  }
}

function accessOf({ username, password, isTls }: RedisAccess): ClientOptions {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
  };
}

/**
 * Listens at one of several servers after another: each tells all. Unlike ioredis' own subscriber of a Cluster, it emits
 * `ready` when it listens again, and leaves a server that does not answer.
 */
function subscribeToNodes(target: RedisAccess, options: ClientOptions): Redis {
  const { nodes } = target;
  let at = Math.floor(Math.random() * nodes.length);
  const client: Redis = new Redis({
    ...options,
    ...accessOf(target),
    ...nodes[at],
    retryStrategy: (times) => {
      at = (at + 1) % nodes.length;
      Object.assign(client.options, nodes[at]);
      return retryDelayMs(times);
    },
  });
  return client;
}

/**
 * The old primary takes writes, which will be lost, until it hears of a failover. A Sentinel tells of it before. ioredis'
 * `failoverDetector` listens, too, but a client that it finds connecting then ends for good.
 */
function leaveOldPrimary(
  client: Redis,
  { nodes, name, isTls, sentinelPassword }: RedisTarget & { readonly kind: 'sentinel' },
  options: ClientOptions,
): void {
  const password = sentinelPassword === undefined ? {} : { password: sentinelPassword };
  const sentinel = subscribeToNodes(
    { nodes, isTls, ...password },
    { ...options, maxRetriesPerRequest: null },
  );
  sentinel.on('error', () => undefined);
  sentinel.on('message', (_channel: string, text: string) => {
    if (text.startsWith(`${name} `) && client.status === 'ready') client.disconnect(true);
  });
  sentinel.subscribe('+switch-master').catch(() => undefined);
  keepAsking(sentinel);
  client.once('end', () => sentinel.disconnect());
}

/** A primary whose connection was lost, or another set of primaries: one of them may lack its last grants. */
function tellRestarts(cluster: Cluster): void {
  let before: string | undefined;
  let isLost = false;
  cluster.on('-node', (node: Redis) => (isLost ||= node.options.readOnly !== true));
  cluster.on('refresh', () => {
    const primaries = cluster.nodes('master').map(({ options }) => `${options.host}:${options.port}`);
    const now = primaries.sort().join();
    if (before !== undefined && (isLost || now !== before)) cluster.emit(RESTARTED);
    isLost = false;
    before = now;
  });
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

function optionsFor(role: RedisClientOptions['role']): ClientOptions {
  return {
    connectionName: `flashgrid-${role}`,
    connectTimeout: REDIS_DEFAULTS.connectTimeoutMs,
    socketTimeout: REDIS_DEFAULTS.silenceMs,
    disconnectTimeout: REDIS_DEFAULTS.closeMs,
    noDelay: true,
    retryStrategy: retryDelayMs,
    // A primary that became a replica: the next connection leads to the new one, by Sentinel or a load balancer.
    reconnectOnError: ({ message }) => message.includes('READONLY'),
    ...(role === 'subscriber'
      ? { maxRetriesPerRequest: null }
      : {
          maxRetriesPerRequest: REDIS_DEFAULTS.retriesPerCommand,
          commandTimeout: REDIS_DEFAULTS.commandTimeoutMs,
        }),
  };
}

const retryDelayMs = (times: number): number => backoffMs(REDIS_DEFAULTS.pause, times - 1);

/**
 * Registers the scripts. The client calls a script by its hash, and sends the text when Redis does not have
 * it: at first, and after a restart, a failover or SCRIPT FLUSH.
 */
export function registerScripts(client: RedisClient): void {
  const dir = resourceDir('lua');
  for (const [name, { file, keys }] of Object.entries(SCRIPTS)) {
    client.defineCommand(name, {
      lua: readFileSync(join(dir, file), 'utf8'),
      ...(keys === null ? {} : { numberOfKeys: keys }),
    });
  }
}

/** Redis as a private instance. */
import { probeRedis } from '../probes.ts';
import type { BackendFolder } from './backend-folder.ts';
import type { BackendDriver } from './backend.ts';
import type { RedisBinaries } from './find-programs.ts';
import { type ClusterSettings, portOf } from './settings.ts';
import { simpleDriver } from './simple-driver.ts';

/** Lines of redis.conf that do not depend on the cluster. */
const FIXED_CONFIG = [
  'bind 127.0.0.1',
  'protected-mode yes',
  'daemonize no',
  'pidfile ""',
  'logfile ""',
  'always-show-logo no',
  // The append-only file survives a crash of Redis with at most one second lost, and what is lost is rebuilt
  // from Postgres; `always` would cost an fsync a frame for nothing. Snapshots would fork in the middle of an
  // attack.
  'appendonly yes',
  'appendfsync everysec',
  'no-appendfsync-on-rewrite yes',
  'auto-aof-rewrite-min-size 256mb',
  'save ""',
  // Stock must never be evicted: a full memory has to fail loudly.
  'maxmemory-policy noeviction',
  'maxclients 10000',
  'tcp-keepalive 60',
  // A gateway that is late for a moment must not lose its subscription: the default drops it at 32 MB.
  'client-output-buffer-limit pubsub 128mb 64mb 60',
];

/** One of several Redis, of which one is the primary. */
export interface RedisMember {
  readonly name: string;
  /** Port of the one that it follows when it starts; its own when it is the primary. */
  primaryPort(settings: ClusterSettings): number;
}

/** Of a Redis with replicas. */
const MEMBER_CONFIG = [
  // A primary that was cut off takes no writes: nobody would ever see them.
  'min-replicas-to-write 1',
  'min-replicas-max-lag 3',
  'repl-ping-replica-period 1',
  'repl-timeout 10',
  'repl-diskless-sync yes',
  'repl-diskless-sync-delay 0',
  // A replica that was away for some seconds of an attack needs no whole copy.
  'repl-backlog-size 64mb',
];

/** The driver of a private Redis in `folder`; of one of several with `member`. */
export function redisDriver(
  binaries: RedisBinaries,
  folder: BackendFolder,
  registryId: string,
  member?: RedisMember,
): BackendDriver {
  const name = member?.name ?? 'redis';
  const configPath = folder.path('redis.conf');
  return simpleDriver({
    role: 'redis',
    name,
    title: member ? `Redis (${name})` : 'Redis',
    version: binaries.version,
    folder,
    ports: [name],
    command: binaries.server,
    args(settings) {
      const config = isAtLeast(binaries.version, 7, 0) ? literalGlob(configPath) : configPath;
      const primary = member?.primaryPort(settings);
      const isReplica = primary !== undefined && primary !== portOf(settings, name);
      return isReplica ? [config, '--replicaof', '127.0.0.1', String(primary)] : [config];
    },
    files: (settings) => ({
      'redis.conf': [
        `port ${portOf(settings, name)}`,
        // Below its working directory: whatever the data folder's path holds, nothing here need be quoted.
        'dir data',
        `requirepass ${settings.passwords.redis}`,
        ...FIXED_CONFIG,
        ...(member ? [...MEMBER_CONFIG, `masterauth ${settings.passwords.redis}`] : []),
        ...titleWithId(binaries, registryId),
        '',
      ].join('\n'),
    }),
    owns: ['data'],
    probe: async (settings) => void (await probeRedis(redisUrl(settings, name))),
  });
}

/** Where one Redis or Sentinel answers. */
export function redisUrl(settings: ClusterSettings, name: string): string {
  return `redis://:${settings.passwords.redis}@127.0.0.1:${portOf(settings, name)}`;
}

/**
 * Redis overwrites its environment, which else tells the registry whose it is: so it carries the id in its
 * title. Older ones refuse to start on it.
 */
export function titleWithId(binaries: RedisBinaries, registryId: string): string[] {
  return isAtLeast(binaries.version, 6, 2)
    ? [`proc-title-template "{title} {listen-addr} ${registryId}"`]
    : [];
}

/**
 * From 7.0 on, Redis takes a path that holds `*`, `?` or `[` for a pattern. If no file fits it, Redis starts
 * without any configuration: on port 6379, and without a password.
 */
export function literalGlob(path: string): string {
  return /[*?[]/.test(path) ? path.replace(/[\\*?[\]]/g, '\\$&') : path;
}

function isAtLeast(version: string, wantedMajor: number, wantedMinor: number): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

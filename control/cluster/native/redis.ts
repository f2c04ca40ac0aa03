/** Redis as a private instance. */
import { createHash } from 'node:crypto';
import { probeRedis } from '../probes.ts';
import type { BackendFolder } from './backend-folder.ts';
import { baseEnvironment } from './base-environment.ts';
import type { BackendDriver } from './backend.ts';
import type { RedisBinaries } from './find-programs.ts';
import { type ClusterSettings, endpointsOf } from './settings.ts';

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

/** The driver of a private Redis in `folder`. */
export function redisDriver(
  binaries: RedisBinaries,
  folder: BackendFolder,
  registryId: string,
): BackendDriver {
  const { dir, user } = folder;
  const configPath = folder.path('redis.conf');
  const config = ({ ports, passwords }: ClusterSettings) =>
    [
      `port ${ports.redis}`,
      // Below its working directory: whatever the data folder's path holds, nothing here need be quoted.
      'dir data',
      `requirepass ${passwords.redis}`,
      ...FIXED_CONFIG,
      // Redis overwrites its environment, which else tells the registry whose it is: so it carries the id in
      // its title. Older ones refuse to start on it.
      ...(isAtLeast(binaries.version, 6, 2)
        ? [`proc-title-template "{title} {listen-addr} ${registryId}"`]
        : []),
      '',
    ].join('\n');
  return {
    role: 'redis',
    title: 'Redis',
    version: binaries.version,
    servicePort: 'redis',
    ports: ['redis'],
    startLimitMs: 30_000,
    stopSignal: 'SIGTERM',
    stopLimitMs: 10_000,
    plan: () => [
      {
        role: 'redis',
        command: binaries.server,
        args: [isAtLeast(binaries.version, 7, 0) ? literalGlob(configPath) : configPath],
        env: baseEnvironment(dir),
        workingDir: dir,
        user,
      },
    ],
    configure(settings) {
      folder.prepare();
      folder.giveFolder('data');
      folder.write('redis.conf', config(settings));
    },
    fingerprint: (settings) =>
      createHash('sha256').update(binaries.server).update(config(settings)).digest('hex'),
    async probe(settings) {
      await probeRedis(endpointsOf(settings).redisUrl);
    },
    dataDirs: () => [dir],
  };
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

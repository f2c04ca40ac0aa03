/** Redis Sentinel: three of them watch the primary and agree on another one when it is gone. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { probeRedis } from '../probes.ts';
import type { BackendFolder } from './backend-folder.ts';
import type { BackendDriver } from './backend.ts';
import type { RedisBinaries } from './find-programs.ts';
import { redisUrl, titleWithId } from './redis.ts';
import { type ClusterSettings, type PortName, portOf } from './settings.ts';
import { simpleDriver } from './simple-driver.ts';

/** By which clients ask for the primary. */
export const SENTINEL_NAME = 'flashgrid';
/** Sentinel writes what it learns into its file, so it gets one of its own, made once. */
const START = '[ -s "$2" ] || cp sentinel.conf "$2"; exec "$1" "$2" --sentinel';
const OWN_FOLDER = 'data';

export interface SentinelOptions {
  readonly binaries: RedisBinaries;
  readonly registryId: string;
  /** Names of the Redis that it watches; the first is the primary of the first start. */
  readonly members: readonly [PortName, ...PortName[]];
}

function configText(
  name: PortName,
  { binaries, registryId, members }: SentinelOptions,
  settings: ClusterSettings,
): string {
  const { redis: password } = settings.passwords;
  return [
    `port ${portOf(settings, name)}`,
    'bind 127.0.0.1',
    'logfile ""',
    'pidfile ""',
    `requirepass ${password}`,
    `sentinel monitor ${SENTINEL_NAME} 127.0.0.1 ${portOf(settings, members[0])} 2`,
    `sentinel auth-pass ${SENTINEL_NAME} ${password}`,
    `sentinel down-after-milliseconds ${SENTINEL_NAME} 1500`,
    `sentinel failover-timeout ${SENTINEL_NAME} 6000`,
    `sentinel parallel-syncs ${SENTINEL_NAME} 2`,
    ...titleWithId(binaries, registryId),
    '',
  ].join('\n');
}

/** Other ports make another file: what a Sentinel has learned about the old ones is of no use. */
function ownFile(name: PortName, options: SentinelOptions, settings: ClusterSettings): string {
  const { members } = options;
  const ports = members.map((member) => portOf(settings, member));
  const text = `${configText(name, options, settings)}${ports.join()}`;
  return join(OWN_FOLDER, `sentinel-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.conf`);
}

/** The driver of one Sentinel. */
export function sentinelDriver(
  name: PortName,
  folder: BackendFolder,
  options: SentinelOptions,
): BackendDriver {
  const { binaries } = options;
  return simpleDriver({
    role: 'redis',
    name,
    title: `Redis Sentinel (${name})`,
    version: binaries.version,
    folder,
    ports: [name],
    command: '/bin/sh',
    args: (settings) => ['-c', START, 'sh', binaries.server, ownFile(name, options, settings)],
    files: (settings) => ({ 'sentinel.conf': configText(name, options, settings) }),
    owns: [OWN_FOLDER],
    probe: async (settings) => void (await probeRedis(redisUrl(settings, name))),
  });
}

/**
 * Port of the primary as the Sentinels last knew it: each keeps that in its file, with a number that grows
 * with each failover.
 */
export function primaryPort(
  sentinels: readonly { readonly name: PortName; readonly folder: BackendFolder }[],
  options: SentinelOptions,
  settings: ClusterSettings,
): number {
  const known = sentinels.flatMap(({ name, folder }) => {
    const text = folder.readSmall(folder.path(ownFile(name, options, settings)));
    const port = Number(/^sentinel monitor \S+ \S+ (\d+)/m.exec(text ?? '')?.[1]);
    const epoch = Number(/^sentinel config-epoch \S+ (\d+)/m.exec(text ?? '')?.[1] ?? 0);
    return options.members.some((member) => portOf(settings, member) === port) ? [{ port, epoch }] : [];
  });
  const [newest] = known.sort((a, b) => b.epoch - a.epoch);
  return newest?.port ?? portOf(settings, options.members[0]);
}

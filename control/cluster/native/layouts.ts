/**
 * Which processes a native cluster consists of: one for each backend, or several that take over from each
 * other.
 */
import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { BackendRole } from '../../../contract/backends.ts';
import type { Endpoints } from '../cluster.ts';
import type { BackendFolder } from './backend-folder.ts';
import type { BackendDriver } from './backend.ts';
import {
  type BackendPrograms,
  type HighAvailabilityBinaries,
  type RabbitmqBinaries,
} from './find-programs.ts';
import { haproxyDriver } from './haproxy.ts';
import { ETCD_PORTS, etcdDriver, patroniDriver, patroniRoles, restPort } from './patroni.ts';
import { postgresDriver, probeOwnPostgres } from './postgres.ts';
import { amqpUrl, epmdDriver, leaderTold, nodeOf, rabbitmqDriver } from './rabbitmq.ts';
import type { ProcessHost } from './process-host.ts';
import { redisDriver, redisUrl } from './redis.ts';
import { SENTINEL_NAME, primaryPort, sentinelDriver } from './sentinel.ts';
import { type ClusterSettings, type PortName, endpointsOf, portOf } from './settings.ts';

/** What a member is beside a process that runs. */
export interface MemberFacts {
  readonly isLeader: boolean;
  readonly detail?: string;
}

/** One backend of a cluster. */
export interface BackendLayout {
  readonly role: BackendRole;
  /** Each list starts at once, after the one before; they stop in the other order. */
  readonly stages: readonly (readonly BackendDriver[])[];
  /** Names of those that hold data; the others help them. */
  readonly members: readonly string[];
  /** Members without which it does not serve. */
  readonly needed: number;
  /** Proves that all members have found together. */
  prove?(settings: ClusterSettings): Promise<void>;
  /** Asks who leads; cheap, for it is asked each second. */
  look?(settings: ClusterSettings): Promise<ReadonlyMap<string, MemberFacts>>;
}

export interface ClusterLayout {
  readonly backends: readonly BackendLayout[];
  endpoints(settings: ClusterSettings): Endpoints;
}

type Binaries = Required<Pick<BackendPrograms, BackendRole>>;
type Folders = ReadonlyMap<string, BackendFolder>;

const RABBITMQ = ['rabbitmq-1', 'rabbitmq-2', 'rabbitmq-3'] as const;
const REDIS = ['redis-1', 'redis-2', 'redis-3'] as const;
const SENTINELS = ['sentinel-1', 'sentinel-2', 'sentinel-3'] as const;
const POSTGRES = ['postgres-1', 'postgres-2', 'postgres-3'] as const;
const ERL_LIMIT_MS = 2_000;
const REDIS_LIMIT_MS = 2_000;

/** Names of folders and of ports beside those of single backends. */
export const SINGLE = { folders: ['redis', 'postgres', 'rabbitmq'], ports: [] } as const;
export const HIGHLY_AVAILABLE = {
  folders: [...RABBITMQ, 'epmd', ...REDIS, ...SENTINELS, ...POSTGRES, 'etcd', 'haproxy'],
  ports: [
    ...RABBITMQ.flatMap((name) => [name, `${name}-dist`]),
    ...REDIS,
    ...SENTINELS,
    ...POSTGRES.flatMap((name) => [name, restPort(name)]),
    ...ETCD_PORTS,
  ],
} as const;

/** A port that was chosen for a backend is that of its first member; of Postgres that of the HAProxy before it. */
export const HIGHLY_AVAILABLE_PORT = {
  rabbitmq: RABBITMQ[0],
  redis: REDIS[0],
  postgres: 'postgres',
} as const;

/** One process for each backend. */
export function singleLayout(binaries: Binaries, folders: Folders, registryId: string): ClusterLayout {
  const alone = (driver: BackendDriver): BackendLayout => ({
    role: driver.role,
    stages: [[driver]],
    members: [driver.name],
    needed: 1,
  });
  return {
    backends: [
      alone(redisDriver(binaries.redis, folderOf(folders, 'redis'), registryId)),
      alone(postgresDriver(binaries.postgres, folderOf(folders, 'postgres'))),
      alone(rabbitmqDriver(binaries.rabbitmq, folderOf(folders, 'rabbitmq'))),
    ],
    endpoints: endpointsOf,
  };
}

export interface HighlyAvailableOptions {
  readonly binaries: Binaries;
  readonly programs: HighAvailabilityBinaries;
  readonly folders: Folders;
  readonly registryId: string;
  readonly host: ProcessHost;
}

/** Several of each, and what makes one of them take over when another ends. */
export function highlyAvailableLayout(options: HighlyAvailableOptions): ClusterLayout {
  const { binaries, programs, folders, registryId, host } = options;
  const folder = (name: string) => folderOf(folders, name);
  return {
    backends: [
      redisLayout(binaries, folder, registryId),
      postgresLayout(binaries, programs, folder),
      rabbitmqLayout(binaries.rabbitmq, folder, host),
    ],
    endpoints(settings) {
      const sentinels = SENTINELS.map((name) => `127.0.0.1:${portOf(settings, name)}`).join(',');
      return {
        amqpUrl: RABBITMQ.map((name) => amqpUrl(settings, name)).join(','),
        redisUrl: `redis+sentinel://:${settings.passwords.redis}@${sentinels}/${SENTINEL_NAME}?sentinelPassword=${settings.passwords.redis}`,
        postgresUrl: endpointsOf(settings).postgresUrl,
      };
    },
  };
}

type FolderOf = (name: string) => BackendFolder;

function redisLayout({ redis }: Binaries, folder: FolderOf, registryId: string): BackendLayout {
  const options = { binaries: redis, registryId, members: REDIS };
  const sentinels = SENTINELS.map((name) => ({ name, folder: folder(name) }));
  const primary = (settings: ClusterSettings) => primaryPort(sentinels, options, settings);
  return {
    role: 'redis',
    stages: [
      REDIS.map((name) => redisDriver(redis, folder(name), registryId, { name, primaryPort: primary })),
      sentinels.map((sentinel) => sentinelDriver(sentinel.name, sentinel.folder, options)),
    ],
    members: REDIS,
    // A primary without any replica takes no writes.
    needed: 2,
    async prove(settings) {
      const leader = REDIS.find((name) => portOf(settings, name) === primary(settings)) ?? REDIS[0];
      const replicas = await onlineReplicas(redisUrl(settings, leader));
      if (replicas < REDIS.length - 1) throw new Error(`${leader} has ${replicas} replicas`);
    },
    look(settings) {
      const leads = (name: PortName) => portOf(settings, name) === primary(settings);
      return Promise.resolve(
        new Map(
          REDIS.map((name) => [
            name,
            leads(name) ? { isLeader: true } : { isLeader: false, detail: 'replica' },
          ]),
        ),
      );
    },
  };
}

async function onlineReplicas(url: string): Promise<number> {
  const client = new Redis(url, {
    connectTimeout: REDIS_LIMIT_MS,
    commandTimeout: REDIS_LIMIT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    return [...(await client.info('replication')).matchAll(/^slave\d+:.*state=online/gm)].length;
  } finally {
    client.disconnect();
  }
}

function postgresLayout(
  binaries: Binaries,
  programs: HighAvailabilityBinaries,
  folder: FolderOf,
): BackendLayout {
  const options = { binaries: binaries.postgres, programs };
  const proxy = haproxyDriver({
    role: 'postgres',
    binaries: programs.haproxy,
    folder: folder('haproxy'),
    port: 'postgres',
    frontends: (settings) => [
      {
        name: 'postgres',
        port: settings.ports.postgres,
        mode: 'tcp',
        // Patroni answers it with 200 on the primary alone.
        checkPath: '/primary',
        servers: POSTGRES.map((name) => ({
          name,
          port: portOf(settings, name),
          checkPort: portOf(settings, restPort(name)),
        })),
      },
    ],
  });
  return {
    role: 'postgres',
    stages: [
      [etcdDriver(programs, folder('etcd'))],
      POSTGRES.map((name) => patroniDriver(name, folder(name), options)),
      [proxy],
    ],
    members: POSTGRES,
    // A primary commits nothing without a synchronous standby.
    needed: 2,
    async prove(settings) {
      await probeOwnPostgres(endpointsOf(settings).postgresUrl);
      const roles = [...(await patroniRoles(settings, POSTGRES)).values()];
      if (!roles.includes('sync_standby')) throw new Error(`the members are ${roles.join(', ') || 'away'}`);
    },
    async look(settings) {
      const roles = await patroniRoles(settings, POSTGRES);
      return new Map(
        [...roles].map(([name, role]) => [
          name,
          role === 'leader'
            ? { isLeader: true }
            : { isLeader: false, detail: role === 'sync_standby' ? 'synchronous standby' : 'standby' },
        ]),
      );
    },
  };
}

function rabbitmqLayout(binaries: RabbitmqBinaries, folder: FolderOf, host: ProcessHost): BackendLayout {
  const hasServed = () => RABBITMQ.some((name) => existsSync(folder(name).path('served')));
  const nodes = RABBITMQ.map((name) =>
    rabbitmqDriver(binaries, folder(name), { name, all: RABBITMQ, hasServed }),
  );
  /**
   * The first answer that can be used, or else nothing. `erl_call` comes with Erlang, and has a node compute something in
   * milliseconds.
   * @param code Erlang without single quotes
   */
  const ask = async <Value>(
    settings: ClusterSettings,
    code: string,
    read: (answer: string) => Value | undefined,
  ): Promise<Value | undefined> => {
    for (const node of nodes) {
      const plan = node.plan(settings).at(-1);
      if (!plan) continue;
      try {
        const script = `echo '${code}' | '${binaries.erlCall}' -sname ${nodeOf(node.name)} -e`;
        const value = read(await host.run(plan, script, ERL_LIMIT_MS));
        if (value !== undefined) return value;
      } catch {
        // This node is away: another one knows as well.
      }
    }
    return undefined;
  };
  return {
    role: 'rabbitmq',
    stages: [[epmdDriver(binaries, folder('epmd'))], nodes],
    members: RABBITMQ,
    needed: 2,
    async prove(settings) {
      const running = (await ask(settings, 'rabbit_mnesia:cluster_nodes(running).', String)) ?? '';
      const away = RABBITMQ.filter((name) => !running.includes(nodeOf(name)));
      if (away.length > 0) throw new Error(`${away.join(' and ')} did not join: ${running}`);
    },
    async look(settings) {
      const leader = await ask(settings, '{nodes(), ets:tab2list(ra_leaderboard)}.', (answer) =>
        leaderTold(answer, RABBITMQ.length),
      );
      return new Map(
        leader === undefined ? [] : RABBITMQ.map((name) => [name, { isLeader: name === leader }]),
      );
    },
  };
}

function folderOf(folders: Folders, name: string): BackendFolder {
  const folder = folders.get(name);
  if (!folder) throw new Error(`no folder is made for ${name}`);
  return folder;
}

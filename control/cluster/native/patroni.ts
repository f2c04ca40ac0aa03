/**
 * Postgres under Patroni: each member runs one Postgres, makes it the primary or a standby of the primary, and
 * keeps in etcd which of them leads.
 *
 * One etcd, not three: all would lie on the same disk of the same machine, and `failsafe_mode` lets the primary
 * go on while etcd is away.
 */
import { readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { requestLoopback } from '../../lib/loopback.ts';
import { readProcStat } from '../../processes/process-table.ts';
import type { BackendFolder } from './backend-folder.ts';
import type { BackendDriver } from './backend.ts';
import type { HighAvailabilityBinaries, PostgresBinaries } from './find-programs.ts';
import { postgresParameters, removeStalePidFile } from './postgres.ts';
import { BACKEND_USER, type ClusterSettings, type PortName, portOf } from './settings.ts';
import { simpleDriver } from './simple-driver.ts';

/** Patroni writes in it. */
const OWN_FOLDER = 'home';
const REST_LIMIT_MS = 1_000;
export const restPort = (name: PortName) => `${name}-rest`;
export const ETCD_PORTS = ['etcd', 'etcd-peer'] as const;

/** Of the cluster as a whole, kept in etcd: a dead primary's lease ends after `ttl`, and a standby follows it. */
const DYNAMIC_CONFIG = {
  ttl: 5,
  loop_wait: 1,
  retry_timeout: 2,
  maximum_lag_on_failover: 16 * 1024 * 1024,
  failsafe_mode: true,
  // Strict: a primary that commits alone may be cut off from one that is promoted meanwhile, and then be
  // rewound. Of three members, one may be away.
  synchronous_mode: true,
  synchronous_mode_strict: true,
  postgresql: {
    use_pg_rewind: true,
    parameters: { max_connections: 200, wal_level: 'replica', max_wal_senders: 8, wal_log_hints: 'on' },
  },
};

export interface PatroniOptions {
  readonly binaries: PostgresBinaries;
  readonly programs: HighAvailabilityBinaries;
}

/** The driver of the one etcd. */
export function etcdDriver({ etcd }: HighAvailabilityBinaries, folder: BackendFolder): BackendDriver {
  return simpleDriver({
    role: 'postgres',
    name: 'etcd',
    title: 'etcd',
    version: etcd.version,
    folder,
    ports: ETCD_PORTS,
    command: etcd.program,
    args: () => ['--config-file', 'etcd.yml'],
    files: (settings) => {
      const clients = `http://127.0.0.1:${portOf(settings, 'etcd')}`;
      const peers = `http://127.0.0.1:${portOf(settings, 'etcd-peer')}`;
      return {
        'etcd.yml': JSON.stringify({
          name: 'etcd',
          'data-dir': 'data',
          'listen-client-urls': clients,
          'advertise-client-urls': clients,
          'listen-peer-urls': peers,
          'initial-advertise-peer-urls': peers,
          'initial-cluster': `etcd=${peers}`,
          'auto-compaction-mode': 'periodic',
          'auto-compaction-retention': '1h',
          // Patroni talks to it; off when etcd reads a file.
          'enable-grpc-gateway': true,
          logger: 'zap',
          'log-level': 'warn',
        }),
      };
    },
    owns: ['data'],
    discardsUnserved: true,
    probe: (settings) => demandOk(`http://127.0.0.1:${portOf(settings, 'etcd')}/health`),
  });
}

/** The driver of one Patroni with its Postgres. */
export function patroniDriver(
  name: PortName,
  folder: BackendFolder,
  { binaries, programs }: PatroniOptions,
): BackendDriver {
  const major = binaries.version.split('.')[0] ?? binaries.version;
  const dataName = `data-${major}`;
  const dataDir = join(folder.path(OWN_FOLDER), dataName);
  return simpleDriver({
    role: 'postgres',
    name,
    title: `Postgres (${name})`,
    version: binaries.version,
    folder,
    ports: [name, restPort(name)],
    command: programs.patroni.program,
    args: () => ['patroni.yml'],
    // JSON is YAML, and quotes whatever a path holds.
    files: (settings) => ({
      'patroni.yml': JSON.stringify({
        scope: `flashgrid-${major}`,
        name,
        restapi: {
          listen: `127.0.0.1:${portOf(settings, restPort(name))}`,
          connect_address: `127.0.0.1:${portOf(settings, restPort(name))}`,
          authentication: { username: BACKEND_USER, password: settings.passwords.postgres },
        },
        etcd3: { host: `127.0.0.1:${portOf(settings, 'etcd')}` },
        bootstrap: {
          dcs: DYNAMIC_CONFIG,
          initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, { auth: 'scram-sha-256' }, 'no-sync'],
        },
        postgresql: {
          listen: `127.0.0.1:${portOf(settings, name)}`,
          connect_address: `127.0.0.1:${portOf(settings, name)}`,
          // Below its working directory: pg_ctl passes it to a shell.
          data_dir: join(OWN_FOLDER, dataName),
          bin_dir: binaries.binDir,
          pgpass: folder.path(join(OWN_FOLDER, 'pgpass')),
          authentication: {
            superuser: { username: BACKEND_USER, password: settings.passwords.postgres },
            replication: { username: 'replicator', password: settings.passwords.postgres },
          },
          pg_hba: [
            'host all all 127.0.0.1/32 scram-sha-256',
            'host replication replicator 127.0.0.1/32 scram-sha-256',
          ],
          parameters: {
            ...postgresParameters(),
            // A frozen standby holds up commits no longer than this.
            wal_sender_timeout: '4s',
            wal_receiver_timeout: '4s',
          },
        },
      }),
    }),
    owns: [OWN_FOLDER],
    startLimitMs: 120_000,
    stopLimitMs: 20_000,
    daemonPid: () => postmasterIn(folder, dataDir),
    beforeStart: () => removeStalePidFile(folder, dataDir),
    probe: (settings) => demandOk(`http://127.0.0.1:${portOf(settings, restPort(name))}/health`),
  });
}

const clusterSchema = z.object({
  members: z.array(z.object({ name: z.string(), role: z.string(), state: z.string() })),
});
/** Later versions of Patroni tell of a standby whether it streams. */
const SERVES: ReadonlySet<string> = new Set(['running', 'streaming']);

/** Each member's part in the cluster, as any of them tells it: `leader`, `sync_standby`, `replica`. */
export async function patroniRoles(
  settings: ClusterSettings,
  members: readonly PortName[],
): Promise<ReadonlyMap<string, string>> {
  for (const name of members) {
    try {
      const { text } = await ask(`http://127.0.0.1:${portOf(settings, restPort(name))}/cluster`);
      const told = clusterSchema.parse(JSON.parse(text));
      return new Map(
        told.members.flatMap(({ name: member, role, state }) => (SERVES.has(state) ? [[member, role]] : [])),
      );
    } catch {
      // Away: another one knows as well.
    }
  }
  return new Map();
}

/** Pid of the Postgres on these data; the file belongs to its user, so what it says is checked. */
function postmasterIn(folder: BackendFolder, dataDir: string): number | undefined {
  const pid = Number(folder.readSmall(join(dataDir, 'postmaster.pid'))?.split('\n')[0]);
  if (!(pid > 0) || readProcStat(pid)?.name !== 'postgres') return undefined;
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir) ? pid : undefined;
  } catch {
    // It has just ended.
    return undefined;
  }
}

const ask = (url: string) => requestLoopback(url, { method: 'GET', headers: {}, limitMs: REST_LIMIT_MS });

async function demandOk(url: string): Promise<void> {
  const { status } = await ask(url);
  if (status !== 200) throw new Error(`${new URL(url).pathname} answers ${status}`);
}

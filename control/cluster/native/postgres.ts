/** Postgres as a private instance. */
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { probePostgres, withPostgres } from '../probes.ts';
import { readProcStat } from '../../processes/process-table.ts';
import type { BackendFolder } from './backend-folder.ts';
import { baseEnvironment } from './base-environment.ts';
import type { BackendDriver, ProcessPlan } from './backend.ts';
import type { PostgresBinaries } from './find-programs.ts';
import { DATABASE, BACKEND_USER, endpointsOf } from './settings.ts';

const MB = 1024 * 1024;
const UNKNOWN_DATABASE = '3D000';
const DUPLICATE_DATABASE = '42P04';

/** What every Postgres of ours is set to. */
export function postgresParameters(): Record<string, string | number> {
  // An eighth of the memory, since the other backends and the generator live here too; more than 512 MB
  // changes nothing for this load.
  const sharedBuffersMb = Math.max(64, Math.min(512, Math.floor(totalmem() / 8 / MB)));
  return {
    // No Unix socket: its path may hold 107 characters, and a data folder's is often longer.
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: `${sharedBuffersMb}MB`,
    // A granted ticket is accepted to the queue once it is committed: these two make "committed" mean "on
    // disk".
    fsync: 'on',
    synchronous_commit: 'on',
    wal_buffers: '16MB',
    // A checkpoint in the middle of an attack shows as a stall: these let one fit between two attacks.
    max_wal_size: '2GB',
    min_wal_size: '160MB',
    checkpoint_timeout: '15min',
    checkpoint_completion_target: 0.9,
    // All statements are short: compiling them costs more than it saves.
    jit: 'off',
    log_destination: 'stderr',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] ',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
}

function configLines(port: number): string {
  const parameters = {
    port,
    listen_addresses: '127.0.0.1',
    ...postgresParameters(),
    // Nobody replicates from here, so the log need not carry what replicas want.
    wal_level: 'minimal',
    max_wal_senders: 0,
  };
  return Object.entries(parameters)
    .map(([name, value]) => `${name} = '${value}'\n`)
    .join('');
}

/** The driver of a private Postgres in `folder`. */
export function postgresDriver(binaries: PostgresBinaries, folder: BackendFolder): BackendDriver {
  const { dir, user } = folder;
  const major = binaries.version.split('.')[0] ?? binaries.version;
  // One folder a major version: Postgres refuses the files of another, and an upgrade must not end in a
  // riddle.
  const dataName = `data-${major}`;
  const dataDir = folder.path(dataName);
  // Beside the data: what lies among them belongs to the user that runs Postgres.
  const configFile = folder.path('postgresql.conf');
  const plan = (role: string, program: string, args: readonly string[]): ProcessPlan => ({
    role,
    command: join(binaries.binDir, program),
    args,
    env: baseEnvironment(dir),
    workingDir: dir,
    user,
  });
  return {
    role: 'postgres',
    name: 'postgres',
    title: 'Postgres',
    version: binaries.version,
    servicePort: 'postgres',
    ports: ['postgres'],
    startLimitMs: 60_000,
    // Fast shutdown: open transactions are rolled back, and nobody is waited for.
    stopSignal: 'SIGINT',
    stopLimitMs: 20_000,
    plan: () => [plan('postgres', 'postgres', ['-D', dataDir, '-c', `config_file=${configFile}`])],
    async initialise(settings, run) {
      folder.prepare();
      if (existsSync(join(dataDir, 'PG_VERSION'))) return;
      // Under another name until it is whole: a crash in the middle must not leave a folder that looks ready.
      const unfinished = `${dataName}.new`;
      folder.removeFolder(unfinished);
      try {
        folder.giveFolder(unfinished);
        folder.write('password', `${settings.passwords.postgres}\n`);
        // No sync: the folder is empty of anything worth it, and the first checkpoint syncs it all.
        const options = ['-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '--no-sync'];
        await run(
          plan('initdb', 'initdb', [
            '-D',
            folder.path(unfinished),
            '-U',
            BACKEND_USER,
            `--pwfile=${folder.path('password')}`,
            ...options,
          ]),
        );
        folder.removeFolder(dataName);
        renameSync(folder.path(unfinished), dataDir);
      } finally {
        rmSync(folder.path('password'), { force: true });
        folder.removeFolder(unfinished);
      }
    },
    configure(settings) {
      folder.giveFolder(dataName);
      folder.write('postgresql.conf', configLines(settings.ports.postgres));
      removeStalePidFile(folder, dataDir);
    },
    fingerprint: ({ ports, passwords }) =>
      createHash('sha256')
        .update([binaries.binDir, dataDir, configLines(ports.postgres), passwords.postgres].join('\n'))
        .digest('hex'),
    probe: (settings) => probeOwnPostgres(endpointsOf(settings).postgresUrl),
  };
}

/**
 * After a crash postmaster.pid stays, and Postgres refuses to start when anything at all has that pid now,
 * which in a container is likely. The registry has cleared our own processes by now; the file goes unless a
 * Postgres has the pid.
 */
export function removeStalePidFile(folder: BackendFolder, dataDir: string): void {
  const path = join(dataDir, 'postmaster.pid');
  const text = folder.readSmall(path);
  if (text === undefined) return;
  const pid = Number(text.split('\n')[0]);
  if (existsSync('/proc/self/stat') && readProcStat(pid)?.name !== 'postgres') rmSync(path, { force: true });
}

/** Answers once our database answers; makes it when it does not exist yet. */
export async function probeOwnPostgres(url: string): Promise<void> {
  try {
    await probePostgres(url);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== UNKNOWN_DATABASE) throw error;
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    await withPostgres(maintenance.href, (client) => client.query(`CREATE DATABASE ${DATABASE}`)).catch(
      (problem: unknown) => {
        if (!(problem instanceof pg.DatabaseError) || problem.code !== DUPLICATE_DATABASE) throw problem;
      },
    );
    await probePostgres(url);
  }
}

/** Postgres as a private instance. */
import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { probePostgres, withPostgres } from '../probes.ts';
import { readProcStat } from '../process-table.ts';
import { baseEnvironment } from './base-environment.ts';
import type { EngineDriver, ProcessPlan, SystemUser } from './engine.ts';
import type { PostgresBinaries } from './find-engines.ts';
import { DATABASE, ENGINE_USER, endpointsOf } from './settings.ts';

const MB = 1024 * 1024;
const UNKNOWN_DATABASE = '3D000';
const DUPLICATE_DATABASE = '42P04';

function configLines(port: number): string {
  // An eighth of the memory, since the other engines and the generator live here too; more than 512 MB changes nothing for this load.
  const sharedBuffersMb = Math.max(64, Math.min(512, Math.floor(totalmem() / 8 / MB)));
  return [
    `port = ${port}`,
    `listen_addresses = '127.0.0.1'`,
    // No Unix socket: its path may hold 107 characters, and a data folder's is often longer.
    `unix_socket_directories = ''`,
    'max_connections = 200',
    `shared_buffers = ${sharedBuffersMb}MB`,
    // A granted ticket is acknowledged to the queue once it is committed: these two make "committed" mean "on disk".
    'fsync = on',
    'synchronous_commit = on',
    // Nobody replicates from here, so the log need not carry what replicas want.
    'wal_level = minimal',
    'max_wal_senders = 0',
    'wal_buffers = 16MB',
    // A checkpoint in the middle of an attack shows as a stall: these let one fit between two attacks.
    'max_wal_size = 2GB',
    'min_wal_size = 160MB',
    'checkpoint_timeout = 15min',
    'checkpoint_completion_target = 0.9',
    // All statements are short: compiling them costs more than it saves.
    'jit = off',
    `log_destination = 'stderr'`,
    'logging_collector = off',
    `log_line_prefix = '%m [%p] '`,
    `timezone = 'UTC'`,
    `log_timezone = 'UTC'`,
    '',
  ].join('\n');
}

/**
 * The driver of a private Postgres below `dir`.
 * @param user who runs it, where the caller is root: Postgres refuses to run as root
 */
export function postgresDriver(
  binaries: PostgresBinaries,
  dir: string,
  user: SystemUser | undefined,
): EngineDriver {
  const major = binaries.version.split('.')[0] ?? binaries.version;
  // One folder a major version: Postgres refuses the files of another, and an upgrade must not end in a riddle.
  const dataDir = join(dir, `data-${major}`);
  const plan = (role: string, program: string, args: readonly string[]): ProcessPlan => ({
    role,
    command: join(binaries.binDir, program),
    args,
    env: baseEnvironment(dir),
    workingDir: dir,
    user,
  });
  const give = (path: string) => {
    if (user) chownSync(path, user.uid, user.gid);
  };
  return {
    role: 'postgres',
    title: 'Postgres',
    version: binaries.version,
    servicePort: 'postgres',
    ports: ['postgres'],
    startLimitMs: 60_000,
    // Fast shutdown: open transactions are rolled back, and nobody is waited for.
    stopSignal: 'SIGINT',
    stopLimitMs: 20_000,
    plan: () => [plan('postgres', 'postgres', ['-D', dataDir])],
    async initialise(settings, run) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      give(dir);
      if (existsSync(join(dataDir, 'PG_VERSION'))) return;
      // Under another name until it is whole: a crash in the middle must not leave a folder that looks ready.
      const unfinished = `${dataDir}.new`;
      const passwordFile = join(dir, 'password');
      rmSync(unfinished, { recursive: true, force: true });
      try {
        writeFileSync(passwordFile, `${settings.passwords.postgres}\n`, { mode: 0o600 });
        give(passwordFile);
        // No sync: the folder is empty of anything worth it, and the first checkpoint syncs it all.
        const options = ['-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '--no-sync'];
        await run(
          plan('initdb', 'initdb', [
            '-D',
            unfinished,
            '-U',
            ENGINE_USER,
            `--pwfile=${passwordFile}`,
            ...options,
          ]),
        );
        rmSync(dataDir, { recursive: true, force: true });
        renameSync(unfinished, dataDir);
      } finally {
        rmSync(passwordFile, { force: true });
        rmSync(unfinished, { recursive: true, force: true });
      }
    },
    configure(settings) {
      const path = join(dataDir, 'postgresql.conf');
      writeFileSync(path, configLines(settings.ports.postgres), { mode: 0o600 });
      give(path);
      removeStalePidFile(dataDir);
    },
    fingerprint: ({ ports, passwords }) =>
      createHash('sha256')
        .update([binaries.binDir, dataDir, configLines(ports.postgres), passwords.postgres].join('\n'))
        .digest('hex'),
    probe: (settings) => probeOwnPostgres(endpointsOf(settings).postgresUrl),
    dataDirs: () => [dir],
  };
}

/**
 * After a crash postmaster.pid stays, and Postgres refuses to start when anything at all has that pid now, which in a
 * container is likely. The registry has cleared our own processes by now; the file goes unless a Postgres has the pid.
 */
function removeStalePidFile(dataDir: string): void {
  const path = join(dataDir, 'postmaster.pid');
  if (!existsSync(path)) return;
  const pid = Number(readFileSync(path, 'utf8').split('\n')[0]);
  if (existsSync('/proc/self/stat') && readProcStat(pid)?.name !== 'postgres') rmSync(path, { force: true });
}

/** Answers once our database answers; makes it when it does not exist yet. */
async function probeOwnPostgres(url: string): Promise<void> {
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

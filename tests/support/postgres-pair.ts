/** A Postgres with a synchronous standby, of a test's own: the stream between them can be stalled, and one address follows the primary. */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findPrograms } from '../../control/cluster/native/find-programs.ts';
import { probePostgres, withPostgres } from '../../control/cluster/probes.ts';
import { findFreePorts } from '../../control/lib/free-port.ts';
import { unprivilegedUser } from '../../control/processes/system-user.ts';
import type { ReleaseStack } from '../../services/shared/release-stack.ts';
import { startStallingProxy, type StallingProxy } from './stalling-proxy.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { waitFor } from './worker-world.ts';

const run = promisify(execFile);
const NAME = 'standby';

export interface PostgresPair {
  /** What the services are given: leads to the primary. */
  readonly url: string;
  /** The first primary itself. */
  readonly primaryUrl: string;
  /** What the standby hears. */
  readonly stream: StallingProxy;
  /** Leads new connections elsewhere; those that are open stay where they are. */
  leadTo(member: 'primary' | 'standby'): void;
  /** Kills the primary, promotes the standby, and lets the address lead there. */
  failOver(): Promise<void>;
}

/** Both answer, and a commit waits for the standby. */
export async function startPostgresPair(release: ReleaseStack): Promise<PostgresPair> {
  const { postgres } = await findPrograms();
  if (!postgres) throw new Error('this machine has no Postgres');
  const user = unprivilegedUser();
  const owner = user ? { uid: user.uid, gid: user.gid } : {};
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-pair-'));
  release.add('folder of the pair', () => rmSync(dir, { recursive: true, force: true }));
  const [primaryPort = 0, standbyPort = 0] = await findFreePorts(2);
  const program = (name: string) => join(postgres.binDir, name);
  const options = { ...owner, cwd: dir };
  const dataDirs = ['primary', NAME].map((name) => join(dir, name));
  const [primaryDir = '', standbyDir = ''] = dataDirs;
  for (const path of [dir, ...dataDirs]) {
    if (path !== dir) mkdirSync(path);
    if (user) chownSync(path, user.uid, user.gid);
    chmodSync(path, 0o700);
  }
  await run(program('initdb'), ['-D', primaryDir, '-U', 'owner', '-A', 'trust', '--no-sync'], options);

  const start = async (dataDir: string, port: number) => {
    // The machine does not crash here, only Postgres.
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
    const child = spawn(
      program('postgres'),
      ['-D', dataDir, ...settings.flatMap((setting) => ['-c', setting])],
      { ...options, stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => child.once('close', resolve));
    const kill = () => {
      child.kill('SIGKILL');
      return ended;
    };
    release.add('Postgres', kill);
    const url = `postgresql://owner@127.0.0.1:${port}/postgres`;
    await waitFor('Postgres', () => probePostgres(url).then(Boolean, () => false));
    return { url, kill };
  };
  const primary = await start(primaryDir, primaryPort);
  const stream = await startStallingProxy(primary.url);
  release.add('stream', () => stream.close());
  const from = `host=127.0.0.1 port=${new URL(stream.url).port} user=owner application_name=${NAME}`;
  await run(
    program('pg_basebackup'),
    ['-D', standbyDir, '-d', from, '-R', '-c', 'fast', '--no-sync'],
    options,
  );
  const standby = await start(standbyDir, standbyPort);
  await withPostgres(primary.url, async (client) => {
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = '${NAME}'`);
    await client.query('SELECT pg_reload_conf()');
    await waitFor('the synchronous standby', async () => {
      const { rowCount } = await client.query(`SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`);
      return rowCount === 1;
    });
  });
  const address: TcpProxy = await startTcpProxy(primary.url);
  release.add('address', () => address.close());
  return {
    url: address.url,
    primaryUrl: primary.url,
    stream,
    leadTo: (member) => address.mend(String(member === 'primary' ? primaryPort : standbyPort)),
    async failOver() {
      await primary.kill();
      stream.cut();
      address.cut();
      await withPostgres(standby.url, (client) => client.query('SELECT pg_promote()'));
      address.mend(String(standbyPort));
    },
  };
}

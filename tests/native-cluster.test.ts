import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { FailureError } from '../contract/failure.ts';
import type { Endpoints } from '../control/cluster/cluster.ts';
import { findPrograms } from '../control/cluster/native/find-programs.ts';
import { fallbackDir } from '../control/cluster/native/postgres-home.ts';
import { endpointsOf, openSettings } from '../control/cluster/native/settings.ts';
import { unprivilegedUser } from '../control/processes/system-user.ts';
import { probePostgres, probeRabbitmq, probeRedis, withPostgres } from '../control/cluster/probes.ts';
import { ProcessRegistry } from '../control/processes/process-registry.ts';
import { listProcesses } from '../control/processes/process-table.ts';
import {
  newCluster,
  newDataDir,
  passwordsOf,
  processesOf,
  removeClusters,
  until,
} from './support/native-clusters.ts';

const isRoot = process.getuid?.() === 0;
const never = () => new AbortController().signal;
const portOf = (url: string) => Number(new URL(url).port);
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await removeClusters();
});

async function proveThatAllServe({ amqpUrl, redisUrl, postgresUrl }: Endpoints): Promise<void> {
  const versions = await Promise.all([
    probeRabbitmq(amqpUrl),
    probeRedis(redisUrl),
    probePostgres(postgresUrl),
  ]);
  for (const version of versions) expect(version).toMatch(/^\d+\.\d+/);
}

async function occupy(port: number): Promise<void> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

async function failureOf(start: Promise<unknown>): Promise<FailureError['failure']> {
  const error: unknown = await start.then(
    () => new Error('it started'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof FailureError)) throw error;
  return error.failure;
}

describe('a native cluster', () => {
  test('starts from nothing in an odd path, shows no password, and keeps its data over a stop and a start', async () => {
    // Redis takes a path with brackets for a pattern, and then starts without its password.
    const odd = newDataDir('[x]{y}*? ü$\\z-');
    const { cluster, dataDir, steps, backends } = newCluster({ dataDir: odd });
    const endpoints = await cluster.start(never());
    await proveThatAllServe(endpoints);
    expect(Object.values(endpoints).map(portOf)).not.toEqual(expect.arrayContaining([5432, 5672, 6379]));
    expect(steps.filter((step) => step.state === 'done').map((step) => step.id)).toEqual(
      expect.arrayContaining(['redis.start', 'postgres.start', 'rabbitmq.start']),
    );
    expect(
      backends
        .filter((backend) => backend.state === 'running')
        .map((backend) => backend.role)
        .sort(),
    ).toEqual(['postgres', 'rabbitmq', 'redis']);

    const passwords = passwordsOf(dataDir);
    expect(passwords).toHaveLength(4);
    const visible = listProcesses()
      .map((one) => one.commandLine)
      .join('\n');
    for (const password of passwords) expect(visible).not.toContain(password);
    expect(statSync(join(dataDir, 'native', 'settings.json')).mode & 0o077).toBe(0);
    await expect(probeRedis(`redis://127.0.0.1:${portOf(endpoints.redisUrl)}`)).rejects.toThrow(/NOAUTH/);

    const redis = new Redis(endpoints.redisUrl);
    await redis.set('kept', 'yes');
    redis.disconnect();
    await withPostgres(endpoints.postgresUrl, (client) =>
      client.query('CREATE TABLE kept AS SELECT 1 AS one'),
    );
    await cluster.stop();
    expect(processesOf(dataDir)).toEqual([]);

    expect(await cluster.start(never())).toEqual(endpoints);
    const reader = new Redis(endpoints.redisUrl);
    expect(await reader.get('kept')).toBe('yes');
    reader.disconnect();
    const rows = await withPostgres(endpoints.postgresUrl, (client) => client.query('SELECT one FROM kept'));
    expect(rows.rows).toEqual([{ one: 1 }]);

    await cluster.reset();
    expect(processesOf(dataDir)).toEqual([]);
    expect(existsSync(join(dataDir, 'native'))).toBe(false);
  });

  test('adopts what runs and serves, tells when a backend dies, and revives only that one', async () => {
    const first = newCluster();
    const endpoints = await first.cluster.start(never());
    const pids = first.cluster.backends().map((backend) => backend.handle);
    const redisPid = first.cluster.backends().find((backend) => backend.role === 'redis')?.handle;
    first.cluster.detach();

    const second = newCluster({ dataDir: first.dataDir });
    expect(await second.cluster.start(never())).toEqual(endpoints);
    expect(second.cluster.backends().map((backend) => backend.handle)).toEqual(pids);
    expect(second.steps.filter((step) => step.state === 'skipped')).toHaveLength(3);
    await second.cluster.stats();
    const stats = await second.cluster.stats();
    expect(stats.map((one) => one.role).sort()).toEqual(['postgres', 'rabbitmq', 'redis']);
    for (const { memoryBytes } of stats) expect(memoryBytes).toBeGreaterThan(4_000_000);

    await second.cluster.kill('postgres');
    const state = () => second.cluster.backends().find((backend) => backend.role === 'postgres')?.state;
    await until('the death of Postgres is told', () => state() === 'failed');
    expect(second.backends.at(-1)).toMatchObject({ role: 'postgres', state: 'failed' });
    expect(await second.cluster.start(never())).toEqual(endpoints);
    await proveThatAllServe(endpoints);
    const revived = second.cluster.backends().map((backend) => backend.handle);
    expect(revived.filter((pid) => !pids.includes(pid))).toHaveLength(1);

    // Its own child this time: told by the exit, with the last words.
    await second.cluster.kill('postgres');
    await until('the second death of Postgres is told', () => state() === 'failed');
    expect(second.backends.at(-1)?.detail).toMatch(/SIGKILL/);
    // Called off while it is down: whoever keeps the cluster must hear of it.
    expect(await failureOf(second.cluster.restart('postgres', AbortSignal.abort()))).toMatchObject({
      code: 'cluster.cancelled',
    });
    expect(second.backends.at(-1)).toMatchObject({ role: 'postgres', state: 'failed' });
    second.cluster.detach();

    process.kill(Number(redisPid), 'SIGSTOP');
    const third = newCluster({ dataDir: first.dataDir });
    await proveThatAllServe(await third.cluster.start(never()));
    expect(third.cluster.backends().map((backend) => backend.handle)).not.toContain(redisPid);
    expect(third.steps.filter((step) => step.state === 'skipped').map((step) => step.id)).toEqual([
      'rabbitmq.start',
    ]);
    await third.cluster.stop();
    expect(processesOf(first.dataDir)).toEqual([]);
  });

  test('takes other ports when its own are taken, even between choosing and listening', async () => {
    const binaries = await findPrograms();
    const dataDir = newDataDir();
    // Under root, the backends' own user writes it.
    mkdirSync(join(dataDir, 'strangers'));
    chmodSync(join(dataDir, 'strangers'), 0o777);
    const stranger = join(dataDir, 'strangers', 'stranger.pid');
    const server = join(dataDir, 'late-redis');
    const listen = `require('net').createServer().listen(process.argv[1], '127.0.0.1', () => require('fs').writeFileSync('${stranger}', String(process.pid)))`;
    writeFileSync(
      server,
      `#!/bin/sh
port=$(sed -n 's/^port //p' "$1")
if [ ! -e "${stranger}" ]; then
  setsid env -i "${process.execPath}" -e "${listen}" "$port" &
  while [ ! -s "${stranger}" ]; do sleep 0.02; done
fi
exec "${binaries.redis?.server}" "$@"
`,
    );
    chmodSync(server, 0o755);
    const find = () =>
      Promise.resolve({ ...binaries, redis: { server, version: binaries.redis?.version ?? '' } });
    mkdirSync(join(dataDir, 'native'));
    const wanted = endpointsOf(await openSettings(join(dataDir, 'native', 'settings.json')));
    const taken = Object.values(wanted).map(portOf);
    for (const port of taken) await occupy(port);
    const { cluster } = newCluster({ dataDir, find });
    try {
      const endpoints = await cluster.start(never());
      await proveThatAllServe(endpoints);
      for (const url of Object.values(endpoints)) expect(taken).not.toContain(portOf(url));
      expect(existsSync(stranger)).toBe(true);
    } finally {
      const pid = listProcesses().find((one) => one.commandLine.includes(stranger))?.pid;
      if (pid) process.kill(pid, 'SIGKILL');
    }
  });

  test("starts RabbitMQ with the package's own script when the short way fails", async () => {
    const binaries = await findPrograms();
    const { rabbitmq } = binaries;
    if (!rabbitmq) throw new Error('no RabbitMQ');
    const find = () => Promise.resolve({ ...binaries, rabbitmq: { ...rabbitmq, erl: '/bin/false' } });
    const { cluster, dataDir, logs } = newCluster({ find });
    await proveThatAllServe(await cluster.start(never()));
    expect(logs.map((line) => line.text).join('\n')).toMatch(/start script/);
    await cluster.stop();
    expect(processesOf(dataDir)).toEqual([]);
  });
});

describe('a start that fails', () => {
  test('names the missing backend and the command that installs it', async () => {
    const nowhere = { programDirs: ['/nonexistent'], rabbitmqDirs: [], postgresDirs: [] };
    const { cluster, steps } = newCluster({ find: () => findPrograms(nowhere) });
    const failure = await failureOf(cluster.start(never()));
    expect(failure).toMatchObject({ code: 'native.backendMissing', step: 'backends.find' });
    expect(failure.fix).toMatch(/install/);
    expect(failure.fix).toMatch(/redis.*postgresql.*rabbitmq/);
    expect(steps.at(-1)).toMatchObject({ id: 'backends.find', state: 'failed' });
  });

  test('tells the last words of a backend that ends at once, and leaves nothing running', async () => {
    const binaries = await findPrograms();
    const dataDir = newDataDir();
    const server = join(dataDir, 'broken-redis');
    writeFileSync(server, '#!/bin/sh\necho "my disk is on fire"\nexit 3\n');
    chmodSync(server, 0o755);
    const { cluster } = newCluster({
      dataDir,
      find: () => Promise.resolve({ ...binaries, redis: { server, version: '7.0.0' } }),
    });
    const failure = await failureOf(cluster.start(never()));
    expect(failure).toMatchObject({ code: 'native.backendExited', step: 'redis.start' });
    expect(failure.message).toMatch(/exit code 3/);
    expect(failure.message).toMatch(/my disk is on fire/);
    expect(processesOf(dataDir)).toEqual([]);
  });

  test('says so when the data folder can not be written', async () => {
    const file = join(newDataDir(), 'a-file');
    writeFileSync(file, '');
    const failure = await failureOf(newCluster({ dataDir: file }).cluster.start(never()));
    expect(failure).toMatchObject({ code: 'app.dataDirUnusable', step: 'folder.prepare' });
  });

  test.each(['leftovers.clear done', 'redis.start done', 'postgres.start running', 'postgres.start done'])(
    'leaves nothing behind when it is cancelled at "%s"',
    async (moment) => {
      const abort = new AbortController();
      const { cluster, dataDir } = newCluster({
        onStep: ({ id, state }) => {
          if (`${id} ${state}` === moment) abort.abort();
        },
      });
      expect(await failureOf(cluster.start(abort.signal))).toMatchObject({ code: 'cluster.cancelled' });
      expect(processesOf(dataDir)).toEqual([]);
    },
  );
});

/** Runs the cluster in a process of its own, and tells each line that it writes. */
function spawnStart(dataDir: string, more: { args?: string[]; uid?: number; gid?: number } = {}) {
  const script = join(import.meta.dirname, 'support', 'start-native-cluster.ts');
  const { args = [], uid, gid } = more;
  const lines: string[] = [];
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: dataDir, TMPDIR: dataDir },
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => lines.push(...data.toString().split('\n').filter(Boolean)));
  return { child, lines, exited };
}

describe('after a kill -9 of the control centre', () => {
  test('at any moment, the next start clears or adopts what is left, and a stop leaves nothing', async () => {
    const dataDir = newDataDir();
    const moments = [
      'step leftovers.clear done',
      'step redis.start running',
      'backend rabbitmq starting',
      'backend postgres starting',
      'backend redis running',
      'backend postgres running',
      'started',
    ];
    for (const moment of moments) {
      const { child, lines, exited } = spawnStart(dataDir);
      await until(moment, () => lines.some((line) => line.startsWith(moment)), 30_000).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}; the start told:\n${lines.join('\n')}`);
        },
      );
      child.kill('SIGKILL');
      await exited;
    }
    const programs = processesOf(dataDir).map((one) => one.role);
    for (const role of ['redis', 'epmd', 'initdb'])
      expect(programs.filter((one) => one === role).length).toBe(role === 'initdb' ? 0 : 1);

    const { cluster, steps } = newCluster({ dataDir });
    await proveThatAllServe(await cluster.start(never()));
    expect(steps.filter((step) => step.state === 'skipped')).toHaveLength(3);

    // As if it had been killed after each spawn and before its record: the marks must do.
    writeFileSync(join(dataDir, 'processes.json'), '');
    const roles = new ProcessRegistry(dataDir).findProcesses().map((one) => one.role);
    expect(roles).toEqual(expect.arrayContaining(['rabbitmq', 'epmd', 'postgres', 'redis-server']));
    cluster.detach();
    await newCluster({ dataDir }).cluster.stop();
    expect(processesOf(dataDir)).toEqual([]);
  }, 120_000);
});

describe('a RabbitMQ whose first boot was killed', () => {
  test('boots at once from what is half made, and keeps what it has once served', async () => {
    const dataDir = newDataDir();
    const half = join(dataDir, 'native', 'rabbitmq', 'mnesia', 'half-made');
    mkdirSync(half, { recursive: true });
    const first = newCluster({ dataDir });
    await proveThatAllServe(await first.cluster.start(never()));
    expect(existsSync(half)).toBe(false);
    await first.cluster.stop();
    const kept = readdirSync(join(dataDir, 'native', 'rabbitmq', 'mnesia'));
    const second = newCluster({ dataDir });
    await proveThatAllServe(await second.cluster.start(never()));
    expect(readdirSync(join(dataDir, 'native', 'rabbitmq', 'mnesia'))).toEqual(expect.arrayContaining(kept));
    await second.cluster.stop();
  });
});

describe.runIf(isRoot)('without root, and with it', () => {
  test('an ordinary user runs the whole cluster', async () => {
    const dataDir = newDataDir();
    const nobody = unprivilegedUser();
    if (!nobody) throw new Error('not root');
    chownSync(dataDir, nobody.uid, nobody.gid);
    const { lines, exited } = spawnStart(dataDir, { args: ['stop'], uid: nobody.uid, gid: nobody.gid });
    expect(await exited, lines.join('\n')).toBe(0);
    expect(lines).toEqual(expect.arrayContaining(['started', 'stopped']));
    expect(processesOf(dataDir)).toEqual([]);
    for (const name of readdirSync(join(dataDir, 'native')))
      expect(statSync(join(dataDir, 'native', name)).uid).toBe(nobody.uid);
  });

  test("root's own folder holds a cluster too, with Postgres' data where its user can reach them", async () => {
    const dataDir = join(newDataDir(), 'closed', 'data');
    mkdirSync(dataDir, { recursive: true });
    chmodSync(join(dataDir, '..'), 0o700);
    const { cluster } = newCluster({ dataDir });
    try {
      await proveThatAllServe(await cluster.start(never()));
      const { id } = new ProcessRegistry(dataDir);
      expect(existsSync(fallbackDir(id))).toBe(true);
      await cluster.reset();
      expect(existsSync(fallbackDir(id))).toBe(false);
      expect(processesOf(dataDir)).toEqual([]);
    } finally {
      await cluster.reset();
    }
  });
});

/** Postgres behind PgBouncer in transaction mode, which keeps nothing of a session and refuses start-up parameters. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, chmod, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import pg from 'pg';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { findFreePorts } from '../control/lib/free-port.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { verifyEvidence } from '../control/verify/verify-evidence.ts';
import { startGateway } from '../services/gateway/gateway.ts';
import { gatewayConfigSchema, parseConfig, workerConfigSchema } from '../services/shared/config.ts';
import { applyMigrations } from '../services/shared/migrations.ts';
import { createPool, openPool } from '../services/shared/postgres.ts';
import { createRedis } from '../services/shared/redis.ts';
import { topology } from '../services/shared/amqp/topology.ts';
import { startWorker } from '../services/worker/worker.ts';
import { testEndpoints, uniqueName } from './support/backends.ts';
import { openControlCentre } from './support/centre.ts';
import { newDataDir } from './support/native-clusters.ts';
import { removeKeys } from './support/redis-keys.ts';
import { waitFor } from './support/worker-world.ts';

const BUYERS = 120;
const STOCK = 40;
const PROGRAM = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find(
  (path) => spawnSync(path, ['--version']).status === 0,
);

let release = new ReleaseStack();
afterEach(async () => {
  await release.release();
  release = new ReleaseStack();
});

/** A database of its own behind a PgBouncer of its own. */
async function startPgBouncer(): Promise<string> {
  const { postgresUrl } = testEndpoints();
  const target = new URL(postgresUrl);
  const database = uniqueName('pgb').replaceAll('-', '_');
  const admin = new pg.Client({ connectionString: postgresUrl });
  await admin.connect();
  release.add('admin', () => admin.end());
  await admin.query(`CREATE DATABASE ${database}`);
  release.add('database', () => admin.query(`DROP DATABASE ${database} WITH (FORCE)`));
  const dir = await mkdtemp(join(tmpdir(), 'flashgrid-pgbouncer-'));
  release.add('folder', () => rm(dir, { recursive: true }));
  await chmod(dir, 0o755);
  const [port] = await findFreePorts(1);
  await writeFile(join(dir, 'users.txt'), `"${target.username}" "${decodeURIComponent(target.password)}"\n`);
  await writeFile(
    join(dir, 'pgbouncer.ini'),
    [
      '[databases]',
      `${database} = host=${target.hostname} port=${target.port}`,
      '[pgbouncer]',
      `listen_addr = 127.0.0.1`,
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = plain',
      `auth_file = ${join(dir, 'users.txt')}`,
      'pool_mode = transaction',
      // Few, so that sessions are mixed.
      'default_pool_size = 3',
    ].join('\n'),
  );
  const child = spawn(PROGRAM ?? '', [join(dir, 'pgbouncer.ini')], {
    stdio: ['ignore', 'ignore', 'ignore'],
    // It refuses to run as root.
    ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  release.add('pgbouncer', () => {
    child.kill('SIGKILL');
    return ended;
  });
  await waitFor('PgBouncer', () => canConnect(Number(port)));
  const url = new URL(postgresUrl);
  Object.assign(url, { hostname: '127.0.0.1', port: String(port), pathname: `/${database}` });
  return url.href;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    setTimeout(() => socket.destroy(), 200);
  });
}

/** What a namespace has in Redis and RabbitMQ. */
async function removeCorner(namespace: string): Promise<void> {
  const { amqpUrl, redisUrl } = testEndpoints();
  const redis = createRedis(redisUrl, { role: 'control' });
  await removeKeys(redis, namespace);
  await redis.quit();
  const broker = await connect(amqpUrl);
  const channel = await broker.createChannel();
  const { queue, deadQueue, deadExchange } = topology(namespace);
  await channel.deleteQueue(queue);
  await channel.deleteQueue(deadQueue);
  await channel.deleteExchange(deadExchange);
  await broker.close();
}

async function startBackend(postgresUrl: string) {
  const namespace = uniqueName('pgb');
  const { amqpUrl, redisUrl } = testEndpoints();
  const environment = {
    FLASHGRID_NAMESPACE: namespace,
    FLASHGRID_AMQP_URL: amqpUrl,
    FLASHGRID_REDIS_URL: redisUrl,
    FLASHGRID_POSTGRES_URL: postgresUrl,
    FLASHGRID_ADMIN_TOKEN: 'test-admin-token-0123456789',
  };
  const log = pino({ level: 'silent' });
  release.add('corner', () => removeCorner(namespace));
  const gateway = await startGateway(parseConfig(gatewayConfigSchema, environment), log);
  release.add('gateway', () => gateway.stop(), 10_000);
  const worker = await startWorker(parseConfig(workerConfigSchema, environment), { log });
  release.add('worker', () => worker.stop(), 10_000);
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(gateway.url + path, {
      method,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${environment.FLASHGRID_ADMIN_TOKEN}`,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: await response.json() };
  };
  return { worker, call };
}

describe.skipIf(PROGRAM === undefined)('Postgres behind PgBouncer in transaction mode', () => {
  it('serves migrations, admin routes and a whole sale', async () => {
    const url = await startPgBouncer();
    const reports = await Promise.all([1, 2].map(() => applyMigrations({ url, schema: 'public' })));
    const { applied, already } = await applyMigrations({ url, schema: 'public' });
    expect(applied).toEqual([]);
    expect(reports.flatMap((report) => report.applied).sort()).toEqual(already);
    const { worker, call } = await startBackend(url);
    for (let generation = 1; generation <= 2; generation++) {
      if (generation === 1)
        expect((await call('POST', '/sales', { id: 'sale', stock: STOCK })).status).toBe(201);
      else expect((await call('PATCH', '/sales/sale', { reset: {} })).status).toBe(200);
      const answers = await Promise.all(
        Array.from({ length: BUYERS }, (__, buyer) =>
          call('POST', '/reserve', { saleId: 'sale', userId: `u${buyer}` }),
        ),
      );
      expect(answers.every(({ status }) => status === 202)).toBe(true);
      await waitFor('every decision', () => worker.counters.decided === generation * BUYERS);
      await waitFor('every ticket', () => worker.counters.ticketsCommitted === generation * STOCK);
      expect((await call('GET', '/sales/sale')).body).toMatchObject({ counters: { granted: STOCK } });
    }
    // Nothing was tried that needs a session, not even once.
    expect(worker.counters).toMatchObject({ requeued: 0, deadLettered: 0, rebuilds: 0, retries: 0 });
  });

  it('passes an attack of an external cluster, with its audit and the second judge, and runs the lab', async () => {
    const { amqpUrl, redisUrl } = testEndpoints();
    const postgresUrl = await startPgBouncer();
    const undo: (() => unknown)[] = [];
    undo.push(() => removeCorner('fg'));
    release.add('control centre', async () => {
      for (const step of undo.reverse()) await step();
    });
    const dataDir = newDataDir();
    const { ask, told, isOver } = await openControlCentre(undo, { dataDir });
    const settings = await ask('settings.getSettings', {});
    const external = { amqpUrl, redisUrl, postgresUrl };
    await ask('settings.saveSettings', { ...settings, provider: 'external', external });
    await ask('cluster.start', { provider: 'external' });
    const { runId } = await ask('attack.launch', {
      profile: 'burst',
      requests: 3_000,
      stock: 200,
      sales: 3,
      connections: 50,
    });
    await waitFor('the verdict', isOver, 60_000);
    const run = await ask('runs.getRun', { id: runId });
    expect(run, run.reasons.join('\n')).toMatchObject({ verdict: 'pass', exitCode: 0 });
    const evidence = join(dataDir, 'evidence', `${runId}.evidence.gz`);
    const judged = await verifyEvidence(evidence, { expectedRoot: run.evidenceRoot ?? '' });
    expect(judged).toMatchObject({ disputed: [] });
    expect(told.attack?.phase).toBe('finished');

    // The lab's designs have a schema of their own.
    const { url } = await ask('lab.serveDesign', { design: 'row-lock', stock: 1 });
    const buy = async (buyer: string) => (await fetch(`${url}/buy/${buyer}`, { method: 'POST' })).status;
    expect([await buy('first'), await buy('second')]).toEqual([201, 409]);
    await ask('lab.endShop', {});
  });

  it('cancels a statement that runs past its limit', async () => {
    const pool = createPool({
      url: await startPgBouncer(),
      schema: 'public',
      max: 1,
      name: 'limit',
      statementTimeoutMs: 300,
    });
    release.add('pool', () => pool.end());
    expect(await openPool(pool)).toEqual({ isDirect: false });
    await expect(pool.query('SELECT pg_sleep(60)')).rejects.toMatchObject({ code: '57014' });
  });

  it('says what to do when it can not serve the schema', async () => {
    const url = await startPgBouncer();
    await applyMigrations({ url, schema: 'elsewhere' });
    const { amqpUrl, redisUrl } = testEndpoints();
    const config = parseConfig(workerConfigSchema, {
      FLASHGRID_AMQP_URL: amqpUrl,
      FLASHGRID_REDIS_URL: redisUrl,
      FLASHGRID_POSTGRES_URL: url,
      FLASHGRID_POSTGRES_SCHEMA: 'elsewhere',
    });
    await expect(startWorker(config, { log: pino({ level: 'silent' }) })).rejects.toThrow(
      /use the schema "public", or set `ignore_startup_parameters/,
    );
  });
});

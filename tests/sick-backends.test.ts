/**
 * Backends whose processes are alive and that take no writes, in a cluster of the test's own: every frontend says which and why, the gateway
 * answers at once, nothing that was accepted is lost, and all goes on by itself.
 */
import { execFile } from 'node:child_process';
import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findPrograms } from '../control/cluster/native/find-programs.ts';
import { openSettings } from '../control/cluster/native/settings.ts';
import { withPostgres } from '../control/cluster/probes.ts';
import { ControlCentre } from '../control/control-centre.ts';
import type { BackendRole, BackendState } from '../contract/backends.ts';
import type { CommandInput, CommandName } from '../contract/contract.ts';
import { coverageAt, expectTaken } from './support/expect-taken.ts';
import { BUILT } from './support/fleet.ts';
import { newDataDir, removeClusters } from './support/native-clusters.ts';
import { waitFor } from './support/worker-world.ts';

const run = promisify(execFile);
const dataDir = newDataDir();
let centre: ControlCentre;
let urls: { readonly redis: string; readonly postgres: string };
let gateway = '';
let worker = '';
let buyers = 0;

beforeAll(async () => {
  centre = await ControlCentre.open({
    dataDir,
    version: '0.0.0-test',
    modules: BUILT,
    childEnv: { FLASHGRID_LOG_LEVEL: 'warn' },
    onQuit: () => undefined,
  });
  await ask('cluster.start', { provider: 'native' });
  const { ports, passwords } = await openSettings(join(dataDir, 'native', 'settings.json'));
  urls = {
    redis: `redis://:${passwords.redis}@127.0.0.1:${ports.redis}`,
    postgres: `postgresql://flashgrid:${passwords.postgres}@127.0.0.1:${ports.postgres}/flashgrid`,
  };
  const { services } = await ask('app.getSnapshot', {});
  const portOf = (role: string) => services.find((service) => service.role === role)?.port ?? 0;
  gateway = `http://127.0.0.1:${portOf('gateway')}`;
  worker = `http://127.0.0.1:${portOf('worker')}`;
  await ask('sales.openSale', {
    id: 'sick',
    title: 'Sick',
    stock: 1_000_000,
    perBuyerLimit: 1,
    mode: 'queue',
  });
});
afterAll(async () => {
  await centre.release();
  await removeClusters();
});

async function ask<Name extends CommandName>(name: Name, input: CommandInput<Name>) {
  const result = await centre.call(name, input);
  if (!result.ok) throw new Error(`${name}: ${result.error.message}`);
  return result.value;
}

async function backend(role: BackendRole): Promise<BackendState | undefined> {
  return (await ask('app.getSnapshot', {})).cluster.backends.find((backend) => backend.role === role);
}

async function reserve() {
  const beganMs = performance.now();
  const response = await fetch(`${gateway}/reserve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ saleId: 'sick', userId: `buyer-${++buyers}` }),
  });
  const body: unknown = await response.json();
  return { status: response.status, body, tookMs: performance.now() - beganMs };
}

/** Buyers who ask without a pause, so that some are in flight at whatever moment the broker stops. */
function keepReserving(): { stop(): Promise<readonly Awaited<ReturnType<typeof reserve>>[]> } {
  let isOver = false;
  const answers: Awaited<ReturnType<typeof reserve>>[] = [];
  const loops = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const answer = await reserve();
      answers.push(answer);
      if (answer.status !== 202) await sleep(20);
    }
  });
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(loops);
      return answers;
    },
  };
}

/** Breaks the broker under buyers: those in flight hear at once that they are unknown, and all that got a 202 get their tickets. Gives how many were unknown. */
async function breakInFlight(breakIt: () => Promise<unknown>, heal: () => Promise<unknown>): Promise<number> {
  const before = await sold();
  const buying = keepReserving();
  try {
    await breakIt();
    await waitFor('the gateway to say so', async () => (await fetch(`${gateway}/readyz`)).status === 503);
  } finally {
    await heal();
  }
  await waitFor('the gateway to be ready', async () => (await fetch(`${gateway}/readyz`)).status === 200);
  const answers = await buying.stop();
  const of = (kind: string) => answers.filter(({ body }) => JSON.stringify(body).includes(`problem:${kind}`));
  const accepted = answers.filter(({ status }) => status === 202).length;
  expect(accepted + answers.filter(({ status }) => status === 503).length).toBe(answers.length);
  const slowestMs = Math.max(...answers.filter(({ status }) => status === 503).map(({ tookMs }) => tookMs));
  // The confirm timeout is 5 s.
  expect(slowestMs).toBeLessThan(2_500);
  await waitFor(
    'all that were accepted to have their tickets',
    async () => (await sold()) >= before + accepted,
  );
  // What was unknown may have been decided, too; nothing else.
  expect(await sold()).toBeLessThanOrEqual(before + accepted + of('unconfirmed').length);
  return of('unconfirmed').length;
}

async function sold(): Promise<number> {
  return await withPostgres(urls.postgres, async (client) => {
    const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM tickets');
    return rows[0]?.n ?? 0;
  });
}

/** What every frontend says of a sick backend, and of the same once it is well. */
async function expectTrouble(role: BackendRole, part: string, reason: RegExp, heal: () => Promise<unknown>) {
  const before = { sold: await sold(), buyers };
  try {
    await expectSick(role, part, reason);
  } finally {
    // The other tests go on with the same backends, whatever this one found.
    await heal();
  }
  await expect.poll(async () => (await backend(role))?.state, { timeout: 60_000 }).toBe('running');
  await waitFor('the gateway to be ready', async () => (await fetch(`${gateway}/readyz`)).status === 200);
  await waitFor('the worker to be ready', async () => (await fetch(`${worker}/readyz`)).status === 200);
  expect((await reserve()).status).toBe(202);
  const accepted = buyers - before.buyers - (part === 'broker' ? 1 : 0);
  await waitFor(
    'all that were accepted to have their tickets',
    async () => (await sold()) === before.sold + accepted,
  );
}

async function expectSick(role: BackendRole, part: string, reason: RegExp) {
  // A connection that was cut is told first, the reason once the next one is refused.
  await waitFor(`${role} to be unhealthy, and why`, async () => {
    const { state, detail = '' } = (await backend(role)) ?? {};
    return state === 'unhealthy' && reason.test(detail);
  });
  expect(Date.now() - ((await backend(role))?.sinceMs ?? 0)).toBeLessThan(20_000);
  // RabbitMQ may still close the connections of before, one by one: that is told in between.
  await waitFor('the doctor to say so', async () => {
    const { findings } = await ask('doctor.runChecks', {});
    return reason.test(findings.find(({ id }) => id === `backends.${role}`)?.detail ?? '');
  });
  // Gateway and worker find out by themselves, each at a moment of its own.
  await waitFor('the gateway to say so', async () =>
    reason.test(await (await fetch(`${gateway}/readyz`)).text()),
  );
  await expect
    .poll(async () => await (await fetch(`${gateway}/readyz`)).json())
    .toMatchObject({
      isReady: false,
      parts: { [part]: { isUp: false, detail: expect.stringMatching(reason) } },
    });
  await waitFor('the worker to say so', async () =>
    reason.test(await (await fetch(`${worker}/readyz`)).text()),
  );

  const answer = await reserve();
  if (part === 'broker') {
    expect(answer).toMatchObject({
      status: 503,
      body: { part: 'broker', reason: expect.stringMatching(reason) },
    });
    expect(answer.tookMs).toBeLessThan(1_000);
  } else expect(answer.status).toBe(202);
}

/** Changes the role with which the services connect, and ends their connections. */
async function changeServiceRole(how: string): Promise<void> {
  await withPostgres(urls.postgres, async (client) => {
    await client.query(`ALTER ROLE flashgrid_service ${how}`);
    const mine = "FROM pg_stat_activity WHERE usename = 'flashgrid_service'";
    await client.query(`SELECT pg_terminate_backend(pid) ${mine}`);
  });
}

async function rabbitmqctl(...words: string[]): Promise<void> {
  const { rabbitmq } = await findPrograms();
  const { ports } = await openSettings(join(dataDir, 'native', 'settings.json'));
  const home = join(dataDir, 'native', 'rabbitmq');
  await run(join(rabbitmq?.home ?? '', 'sbin', 'rabbitmqctl'), ['-n', 'flashgrid@localhost', ...words], {
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      LC_ALL: 'C.UTF-8',
      ERL_EPMD_PORT: String(ports.epmd),
      RABBITMQ_CONF_ENV_FILE: join(home, 'env.conf'),
      RABBITMQ_CONFIG_FILE: join(home, 'none.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
      RABBITMQ_LOG_BASE: join(home, 'log'),
      RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
    },
  });
}

it('tells of a read-only Postgres on every frontend, and goes on by itself', async () => {
  const set = (value: string) =>
    withPostgres(urls.postgres, async (client) => {
      await client.query('SET default_transaction_read_only = off');
      await client.query(`ALTER SYSTEM ${value}`);
      await client.query('SELECT pg_reload_conf()');
    });
  await set('SET default_transaction_read_only = on');
  await expectTrouble('postgres', 'postgres', /read-only/, () => set('RESET default_transaction_read_only'));
});

it('tells of a Redis whose memory is full', async () => {
  const redis = new Redis(urls.redis);
  await redis.config('SET', 'maxmemory', '1');
  await expectTrouble('redis', 'redis', /OOM: its memory limit/, () => redis.config('SET', 'maxmemory', '0'));
  redis.disconnect();
});

it('tells of a Redis that can not save', async () => {
  const redis = new Redis(urls.redis);
  const folder = join(dataDir, 'native', 'redis', 'data');
  const save = async (mode: number, status: string) => {
    await chmod(folder, mode);
    await redis.bgsave();
    await waitFor(`a save to end: ${status}`, async () => {
      const told = await redis.info('persistence');
      return told.includes('bgsave_in_progress:0') && told.includes(`last_bgsave_status:${status}`);
    });
  };
  const { mode } = await stat(folder);
  await redis.config('SET', 'save', '86400 1');
  await save(0o555, 'err');
  await expectTrouble('redis', 'redis', /MISCONF: it can not save/, () => save(mode & 0o777, 'ok'));
  await redis.config('SET', 'save', '');
  redis.disconnect();
});

it('tells of a Postgres whose connections are used up', async () => {
  const limit = (most: number) => changeServiceRole(`CONNECTION LIMIT ${most}`);
  await limit(0);
  await expectTrouble('postgres', 'postgres', /too many connections/, () => limit(-1));
});

it('tells of a password that was changed, whichever it is, and goes on once it is the old one', async () => {
  const { passwords } = await openSettings(join(dataDir, 'native', 'settings.json'));
  const wrong = /does not accept our user or password/;

  const [{ rolpassword } = { rolpassword: '' }] = await withPostgres(urls.postgres, async (client) => {
    const sql = "SELECT rolpassword FROM pg_authid WHERE rolname = 'flashgrid_service'";
    return (await client.query<{ rolpassword: string }>(sql)).rows;
  });
  await changeServiceRole("PASSWORD 'another'");
  await expectTrouble('postgres', 'postgres', wrong, () => changeServiceRole(`PASSWORD '${rolpassword}'`));

  const redis = new Redis(urls.redis);
  await redis.config('SET', 'requirepass', 'another');
  await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await expectTrouble('redis', 'redis', wrong, () => redis.config('SET', 'requirepass', passwords.redis));
  redis.disconnect();

  const change = async (password: string) => {
    await rabbitmqctl('change_password', 'flashgrid', password);
    await rabbitmqctl('close_all_connections', 'the password was changed');
  };
  await change('another');
  await expectTrouble('rabbitmq', 'broker', wrong, () => change(passwords.rabbitmq));
});

it('tells of a RabbitMQ that blocks publishers because its disk is short', async () => {
  await rabbitmqctl('set_disk_free_limit', '9999GB');
  await expectTrouble('rabbitmq', 'broker', /low on disk/, () => rabbitmqctl('set_disk_free_limit', '1MB'));
  expectTaken(await coverageAt(gateway), 'brokerBlocked');
});

it('answers what is in flight at once when RabbitMQ blocks publishers, or is frozen', async () => {
  await breakInFlight(
    () => rabbitmqctl('set_disk_free_limit', '9999GB'),
    () => rabbitmqctl('set_disk_free_limit', '1MB'),
  );
  await breakInFlight(
    () => rabbitmqctl('set_vm_memory_high_watermark', '0'),
    () => rabbitmqctl('set_vm_memory_high_watermark', '0.4'),
  );
  const pid = Number((await backend('rabbitmq'))?.handle);
  const unknown = await breakInFlight(
    async () => process.kill(pid, 'SIGSTOP'),
    async () => process.kill(pid, 'SIGCONT'),
  );
  expect(unknown).toBeGreaterThan(0);
  expect(await backend('rabbitmq')).toMatchObject({ handle: String(pid) });
});

it('restarts a RabbitMQ whose quorum queues have died, since only that heals it', async () => {
  await rabbitmqctl('eval', 'application:stop(ra).');
  await expectTrouble('rabbitmq', 'broker', /confirms no message|stores no message|no answer in time/, () =>
    Promise.resolve(),
  );
  expect((await backend('rabbitmq'))?.restarts).toBe(1);
});

it('names a frozen Redis as frozen, does not restart it, and goes on when it is woken', async () => {
  const { handle } = (await backend('redis')) ?? {};
  process.kill(Number(handle), 'SIGSTOP');
  await waitFor('Redis to be told as frozen', async () =>
    /frozen/.test((await backend('redis'))?.detail ?? ''),
  );
  await waitFor('the gateway to say so', async () => (await fetch(`${gateway}/readyz`)).status === 503);
  process.kill(Number(handle), 'SIGCONT');
  await waitFor('Redis to run again', async () => (await backend('redis'))?.state === 'running');
  expect(await backend('redis')).toMatchObject({ handle });
});

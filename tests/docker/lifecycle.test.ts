import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Endpoints } from '../../control/cluster/cluster.ts';
import {
  failureOf,
  hasNoDaemon,
  holdings,
  noAbort,
  NOTHING,
  rig,
  testDocker,
  testBackend,
  until,
  type Rig,
} from './support/rig.ts';

/** Up/down cycles; the promise is made for 20, CI may ask for all of them. */
const CYCLES = Number(process.env['FLASHGRID_TEST_CYCLES'] ?? (process.env['CI'] ? 20 : 4));

async function withPostgres<Value>(url: string, work: (client: pg.Client) => Promise<Value>): Promise<Value> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function withRedis<Value>(url: string, work: (redis: Redis) => Promise<Value>): Promise<Value> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function withBroker<Value>(
  url: string,
  work: (
    channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createChannel']>>,
  ) => Promise<Value>,
): Promise<Value> {
  const connection = await connect(url);
  try {
    return await work(await connection.createChannel());
  } finally {
    await connection.close();
  }
}

/** Leaves a mark in each backend. */
async function writeMarks({ amqpUrl, redisUrl, postgresUrl }: Endpoints): Promise<void> {
  await withPostgres(postgresUrl, (client) => client.query("CREATE TABLE mark AS SELECT 'kept' AS text"));
  await withRedis(redisUrl, (redis) => redis.set('mark', 'kept'));
  await withBroker(amqpUrl, async (channel) => {
    await channel.assertQueue('mark', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  });
}

async function readMarks({ amqpUrl, redisUrl, postgresUrl }: Endpoints): Promise<string[]> {
  const row = await withPostgres(postgresUrl, (client) =>
    client.query<{ text: string }>('SELECT text FROM mark'),
  );
  const value = await withRedis(redisUrl, (redis) => redis.get('mark'));
  const queue = await withBroker(amqpUrl, (channel) => channel.checkQueue('mark'));
  return [row.rows[0]?.text ?? '', value ?? '', queue.queue];
}

async function containerIds({ docker, clusterId }: Rig): Promise<Record<string, string>> {
  const list = await docker.listContainers({
    all: true,
    filters: { label: [`flashgrid.cluster=${clusterId}`] },
  });
  return Object.fromEntries(list.map(({ Id, Labels }) => [Labels['flashgrid.role'] ?? '', Id]));
}

const stepDetail = ({ steps }: Rig, id: string): string | undefined =>
  steps.findLast((step) => step.id === id)?.detail;

describe.skipIf(hasNoDaemon)('the Docker cluster', () => {
  test('starts backends that serve, keeps their data over a stop, and leaves nothing after a reset', async () => {
    const first = rig();
    const endpoints = await first.cluster.start(noAbort());
    await writeMarks(endpoints);
    const passwords = readFileSync(join(first.dataDir, 'docker-cluster.json'), 'utf8');
    const ids = await containerIds(first);
    expect(Object.keys(ids).sort()).toEqual(['postgres', 'rabbitmq', 'redis']);
    expect(first.cluster.backends().map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    expect(first.cluster.backends().every(({ version, port, handle }) => version && port && handle)).toBe(
      true,
    );
    expect(
      first.steps.filter(({ state }) => state === 'done' || state === 'skipped').map(({ id }) => id),
    ).toEqual(
      expect.arrayContaining([
        'docker.daemon',
        'docker.image.redis',
        'docker.network',
        'docker.container.rabbitmq',
      ]),
    );

    // Adoption of what runs, by a process that knows nothing of the first.
    const second = rig({ like: first });
    const adopted = await second.cluster.start(noAbort());
    expect(adopted).toEqual(endpoints);
    expect(await containerIds(second)).toEqual(ids);
    expect(stepDetail(second, 'docker.container.postgres')).toContain('already running');

    await second.cluster.stop();
    const stopped = await second.docker.listContainers({
      filters: { label: [`flashgrid.cluster=${first.clusterId}`] },
    });
    expect(stopped).toEqual([]);
    expect(second.cluster.backends().map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);

    // Adoption of what is stopped.
    const third = rig({ like: first });
    expect(await readMarks(await third.cluster.start(noAbort()))).toEqual(['kept', 'kept', 'mark']);
    expect(await containerIds(third)).toEqual(ids);
    expect(stepDetail(third, 'docker.container.redis')).toContain('started again');
    expect(readFileSync(join(first.dataDir, 'docker-cluster.json'), 'utf8')).toBe(passwords);

    await third.cluster.reset();
    expect(await holdings(third.docker, first.clusterId)).toEqual(NOTHING);
    expect(readdirSync(first.dataDir)).toEqual([]);
  });

  test('binds its ports to 127.0.0.1, keeps passwords to itself, and limits memory and restarts', async () => {
    const one = rig();
    const { amqpUrl, redisUrl, postgresUrl } = await one.cluster.start(noAbort());
    const secrets = [amqpUrl, redisUrl, postgresUrl].map((url) => decodeURIComponent(new URL(url).password));
    expect(new Set(secrets).size).toBe(3);
    const file = join(one.dataDir, 'docker-cluster.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await until('logs of all three came', () => new Set(one.logs.map(({ part }) => part)).size >= 3);
    const told = JSON.stringify([one.steps, one.backends, one.logs]);
    for (const id of Object.values(await containerIds(one))) {
      const info = await one.docker.getContainer(id).inspect();
      for (const secret of secrets) {
        expect(JSON.stringify(info)).not.toContain(secret);
        expect(told).not.toContain(secret);
      }
      const ports = Object.values(info.NetworkSettings.Ports).flatMap((bindings) => bindings ?? []);
      expect(ports.map(({ HostIp }) => HostIp)).toEqual(['127.0.0.1']);
      expect(info.HostConfig.Memory).toBe(768 * 1024 * 1024);
      expect(info.HostConfig.RestartPolicy?.Name).toBe('no');
      expect(info.HostConfig.ReadonlyRootfs).toBe(true);
      const status = readFileSync(`/proc/${info.State.Pid}/status`, 'utf8');
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(status).not.toMatch(/^Uid:\t0\t/m);
    }
    // The settings of docker/ are really in force.
    const settings = await withPostgres(postgresUrl, (client) =>
      client.query<{ name: string; setting: string }>(
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'jit') ORDER BY name",
      ),
    );
    expect(settings.rows).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'jit', setting: 'off' },
    ]);
    expect(await withRedis(redisUrl, (redis) => redis.config('GET', 'append*'))).toEqual(
      expect.arrayContaining(['appendonly', 'yes', 'appendfsync', 'everysec']),
    );
  });

  test('replaces what was changed, keeping the data: limits, a paused container, another version of the app', async () => {
    const first = rig();
    await writeMarks(await first.cluster.start(noAbort()));
    const before = await containerIds(first);
    await first.docker
      .getContainer(before['redis'] ?? '')
      .update({ Memory: 512 * 1024 * 1024, MemorySwap: 512 * 1024 * 1024 });
    await first.docker.getContainer(before['postgres'] ?? '').pause();
    await until('the pause shows', () =>
      first.cluster.backends().some(({ role, state }) => role === 'postgres' && state === 'unhealthy'),
    );
    first.cluster.detach();

    const second = rig({ like: first });
    const endpoints = await second.cluster.start(noAbort());
    const after = await containerIds(second);
    expect(after['redis']).not.toBe(before['redis']);
    expect(after['postgres']).not.toBe(before['postgres']);
    expect(after['rabbitmq']).toBe(before['rabbitmq']);
    expect(second.steps.map(({ detail }) => detail)).toContain(
      'its memory limit was changed: replaced, the data is kept',
    );
    expect(await readMarks(endpoints)).toEqual(['kept', 'kept', 'mark']);
    second.cluster.detach();

    const newer = rig({ like: first, appVersion: '2.0.0' });
    expect(await readMarks(await newer.cluster.start(noAbort()))).toEqual(['kept', 'kept', 'mark']);
    const newest = await containerIds(newer);
    for (const role of ['redis', 'postgres', 'rabbitmq']) expect(newest[role]).not.toBe(after[role]);
    expect(newer.steps.map(({ detail }) => detail)).toContain(
      'made by FlashGrid 1.2.3: replaced, the data is kept',
    );
  });

  test('says so when the password or the version of the data does not fit, and destroys nothing', async () => {
    const first = rig();
    await first.cluster.start(noAbort());
    await first.cluster.stop();
    const before = await holdings(first.docker, first.clusterId);
    const elsewhere = rig({ clusterId: first.clusterId });
    const failure = await failureOf(elsewhere.cluster.start(noAbort()));
    expect(failure.code).toBe('docker.passwordLost');
    expect(failure.fix).toContain('--reset');
    const after = await holdings(first.docker, first.clusterId);
    expect(after.volumes).toEqual(before.volumes);
    expect(await first.cluster.start(noAbort())).toBeDefined();
  });

  test('shows a container that dies at once, samples all three, and starts it again', async () => {
    const one = rig();
    await one.cluster.start(noAbort());
    const sampled = await one.cluster.stats();
    expect(sampled.map(({ role }) => role)).toEqual(['rabbitmq', 'redis', 'postgres']);
    expect(
      sampled.every(({ memoryBytes, networkRxBytes }) => memoryBytes > 0 && (networkRxBytes ?? 0) > 0),
    ).toBe(true);

    await one.cluster.kill('rabbitmq');
    await until(
      'the death shows',
      () => one.cluster.backends().some(({ role, state }) => role === 'rabbitmq' && state === 'failed'),
      5_000,
    );
    const dead = one.cluster.backends().find(({ role }) => role === 'rabbitmq');
    expect(dead?.detail).toContain('was killed (exit code 137)');
    expect((await failureOf(one.cluster.kill('rabbitmq'))).code).toBe('docker.notRunning');

    // The services know its port: a restart keeps it.
    await one.cluster.restart('rabbitmq', noAbort());
    const revived = one.cluster.backends().find(({ role }) => role === 'rabbitmq');
    expect(revived).toMatchObject({ state: 'running', port: dead?.port });
    expect(revived?.handle).not.toBe(dead?.handle);
    const endpoints = await one.cluster.start(noAbort());
    expect(one.cluster.backends().map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    // It is adopted as it is: its port is no change of the settings.
    expect(Number(new URL(endpoints.amqpUrl).port)).toBe(dead?.port);
  });

  test('never touches what lacks its label, even under its own names', async () => {
    const docker = testDocker();
    const { prefix, tag } = testBackend();
    const name = `control-${randomBytes(4).toString('hex')}`;
    const control = await docker.createContainer({ name, Image: `${prefix}/redis:${tag}` });
    await docker.createVolume({ Name: name });
    const network = await docker.createNetwork({ Name: name });
    onTestFinished(async () => {
      await control.remove({ force: true, v: true });
      await docker.getVolume(name).remove();
      await network.remove();
    });
    await control.start();
    const one = rig();
    const squatter = await docker.createContainer({
      name: `flashgrid-${one.clusterId}-redis`,
      Image: `${prefix}/redis:${tag}`,
    });
    onTestFinished(async () => {
      await squatter.remove({ force: true, v: true });
    });
    const failure = await failureOf(one.cluster.start(noAbort()));
    expect(failure).toMatchObject({ code: 'docker.nameTaken', step: 'docker.container.redis' });
    await one.cluster.reset();
    expect((await squatter.inspect()).State.Status).toBe('created');
    expect((await control.inspect()).State.Running).toBe(true);
    expect(await holdings(docker, one.clusterId)).toEqual(NOTHING);
  });

  test('answers two starts at once with one cluster, and a stop in the middle of a start with nothing left behind', async () => {
    const one = rig();
    const [left, right] = await Promise.all([one.cluster.start(noAbort()), one.cluster.start(noAbort())]);
    expect(left).toEqual(right);
    await one.cluster.reset();

    const cancelled = one.cluster.start(noAbort()).catch((error: unknown) => error);
    await until('a container is under way', () =>
      one.steps.some(
        ({ id, detail }) => id === 'docker.container.rabbitmq' && detail === 'waiting until it serves',
      ),
    );
    await one.cluster.stop();
    expect(await cancelled).toMatchObject({ failure: { code: 'cluster.cancelled' } });
    expect(await holdings(one.docker, one.clusterId)).toEqual(NOTHING);
  });

  test(
    `goes up and down ${CYCLES} times, two clusters at once, without a container, network, volume or file handle more`,
    async () => {
      const [one, other] = [rig(), rig()];
      const upAndDown = () =>
        Promise.all(
          [one, other].map(async ({ cluster }) => {
            await cluster.start(noAbort());
            await cluster.stop();
          }),
        );
      const before = await holdings(one.docker);
      await upAndDown();
      const afterFirst = await holdings(one.docker);
      const handles = readdirSync('/proc/self/fd').length;
      for (let cycle = 2; cycle < CYCLES; cycle += 2) await upAndDown();
      expect(await holdings(one.docker)).toEqual(afterFirst);
      await until('the handles are given back', () => readdirSync('/proc/self/fd').length <= handles);
      await Promise.all([one.cluster.reset(), other.cluster.reset()]);
      expect(await holdings(one.docker)).toEqual(before);
    },
    60_000 + CYCLES * 30_000,
  );
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { BackendState, Step } from '../contract/backends.ts';
import { FailureError } from '../contract/failure.ts';
import { createExternalCluster, externalFindings } from '../control/cluster/external/external-cluster.ts';
import { unsafeSettings, withPostgres } from '../control/cluster/probes.ts';
import { findFreePorts } from '../control/lib/free-port.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { testEndpoints } from './support/backends.ts';
import { startPostgresPair } from './support/postgres-pair.ts';
import { startStallingProxy } from './support/stalling-proxy.ts';

function external(change: Partial<ReturnType<typeof testEndpoints>> = {}) {
  const steps: Step[] = [];
  const told: BackendState[] = [];
  const events = {
    onStep: (step: Step) => void steps.push(step),
    onBackend: (state: BackendState) => void told.push(state),
    onLog: () => undefined,
  };
  const cluster = createExternalCluster({
    endpoints: { ...testEndpoints(), ...change },
    events,
    lookIntervalMs: 100,
  });
  return { cluster, steps, told };
}

async function failureOf(start: Promise<unknown>): Promise<FailureError['failure']> {
  const error: unknown = await start.then(
    () => new Error('it started'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof FailureError)) throw error;
  return error.failure;
}

const never = () => new AbortController().signal;

test('an external cluster is checked, and left running by stop and reset', async () => {
  const { cluster, steps } = external();
  expect(await cluster.start(never())).toEqual(testEndpoints());
  expect(steps.filter((step) => step.state === 'done')).toHaveLength(3);
  for (const backend of cluster.backends()) {
    expect(backend).toMatchObject({ state: 'running' });
    expect(backend.version).toMatch(/^\d+\.\d+/);
  }
  await cluster.stop();
  await cluster.reset();
  expect(cluster.backends().map((backend) => backend.state)).toEqual(['stopped', 'stopped', 'stopped']);
  await cluster.start(never());
});

test('a backend that does not answer is named, without its password', async () => {
  const [port] = await findFreePorts(1);
  const { cluster, steps } = external({ postgresUrl: `postgresql://someone:geheim@127.0.0.1:${port}/x` });
  const failure = await failureOf(cluster.start(never()));
  expect(failure).toMatchObject({
    code: 'external.unreachable',
    step: 'postgres.check',
    field: 'external.postgresUrl',
  });
  expect(failure.message).toMatch(/ECONNREFUSED/);
  expect(JSON.stringify([failure, steps])).not.toMatch(/geheim/);
});

test('a node that is gone while the others serve is told of, by the state and by the doctor, until it is back', async () => {
  const { amqpUrl } = testEndpoints();
  const proxy = await startStallingProxy(amqpUrl);
  onTestFinished(() => proxy.close());
  const endpoints = { ...testEndpoints(), amqpUrl: `${amqpUrl},${proxy.url}` };
  const { cluster } = external(endpoints);
  await cluster.start(never());
  onTestFinished(() => cluster.stop());
  const rabbitmq = () => cluster.backends().find((backend) => backend.role === 'rabbitmq');
  const doctor = async () => (await externalFindings(endpoints)).find(({ id }) => id === 'external.rabbitmq');
  expect(rabbitmq()).not.toHaveProperty('detail');
  expect(await doctor()).toMatchObject({ status: 'ok' });
  proxy.cut();
  await vi.waitFor(() => expect(rabbitmq()?.detail).toContain(`not at ${new URL(proxy.url).host}`), 10_000);
  expect(rabbitmq()?.state).toBe('running');
  expect(await doctor()).toMatchObject({
    status: 'warning',
    detail: expect.stringContaining('RabbitMQ serves, but not at'),
  });
  proxy.restore();
  await vi.waitFor(() => expect(rabbitmq()).not.toHaveProperty('detail'), 10_000);
});

test('a queue with fewer members than RabbitMQ has nodes is told of, with the command; so is that this could not be learnt', async () => {
  let members = ['rabbit@a'];
  const answers: Record<string, () => object> = {
    '/api/queues/%2F?columns=name,members': () => [
      { name: 'fg.frames', members },
      { name: 'fg.reservations.dead', members: ['rabbit@a', 'rabbit@b'] },
      { name: 'of-others', members: ['rabbit@a'] },
    ],
    '/api/nodes?columns=name': () => [{ name: 'rabbit@a' }, { name: 'rabbit@b' }],
  };
  // RabbitMQ's management plugin, which needs a second node to have anything to tell.
  const management = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer?.()));
  });
  await new Promise<void>((resolve) => management.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void management.close());
  const { port } = management.address() as AddressInfo;
  const { amqpUrl } = testEndpoints();
  const url = (managementPort: number) => `${amqpUrl}?management=${managementPort}`;
  const endpoints = { ...testEndpoints(), amqpUrl: `${url(port)},${url(port)}` };
  const doctor = async (of = endpoints) =>
    (await externalFindings(of)).find(({ id }) => id === 'external.rabbitmq');
  const command =
    'fg.frames has 1 of 2 members (rabbit@a), add the others by `rabbitmq-queues grow rabbit@b all';
  expect(await doctor()).toMatchObject({ status: 'warning', detail: expect.stringContaining(command) });
  const { cluster, steps } = external(endpoints);
  await cluster.start(never());
  onTestFinished(() => cluster.stop());
  expect(steps.find(({ id, state }) => id === 'rabbitmq.check' && state === 'done')?.detail).toContain(
    command,
  );
  members = ['rabbit@a', 'rabbit@b'];
  expect(await doctor()).toMatchObject({ status: 'ok' });
  expect(await doctor({ ...endpoints, amqpUrl: `${url(1)},${url(1)}` })).toMatchObject({
    status: 'ok',
    detail: expect.stringContaining('could not be learnt'),
  });
});

test('a Postgres that may lose what it said was committed is told of, with the setting and what to do', async () => {
  const { postgresUrl } = testEndpoints();
  const doctor = async (settings: readonly string[]) => {
    const url = new URL(postgresUrl);
    url.searchParams.set('options', settings.map((setting) => `-c ${setting}`).join(' '));
    const findings = await externalFindings({ ...testEndpoints(), postgresUrl: url.href });
    return findings.find(({ id }) => id === 'external.postgres');
  };
  expect(await doctor(['synchronous_commit=on'])).toMatchObject({ status: 'ok' });
  // Without a standby, it is as safe as `on`.
  expect(await doctor(['synchronous_commit=local'])).toMatchObject({ status: 'ok' });
  expect(await doctor(['synchronous_commit=off'])).toMatchObject({
    status: 'warning',
    detail:
      'Postgres serves, but synchronous_commit is off (a crash loses commits that buyers were told of).',
    fix: expect.stringContaining('ALTER SYSTEM SET synchronous_commit = on;'),
  });
});

test('of a Postgres with a standby, every unsafe setting is named, also what a failover loses', async () => {
  const release = new ReleaseStack();
  onTestFinished(() => release.release());
  // It runs with fsync=off, since only Postgres ends here, and has a synchronous standby.
  const { url } = await startPostgresPair(release);
  const named = async () => (await unsafeSettings(url)).map(({ text }) => text.split(' (')[0]);
  expect(await named()).toEqual(['fsync is off']);
  const set = async (setting: string) => {
    await withPostgres(url, async (client) => {
      await client.query(`ALTER SYSTEM SET ${setting}`);
      await client.query('SELECT pg_reload_conf()');
    });
  };
  await set('full_page_writes = off');
  await set('synchronous_commit = local');
  await vi.waitFor(
    async () =>
      expect(await named()).toEqual([
        'fsync is off',
        'full_page_writes is off',
        'synchronous_commit is local',
      ]),
    10_000,
  );
});

test('of the seeds of a Redis Cluster, one that answers is enough', async () => {
  const [port] = await findFreePorts(1);
  const { cluster } = external({ redisUrl: `redis://127.0.0.1:${port},${testEndpoints().redisUrl}` });
  await cluster.start(never());
  expect(cluster.backends().find((backend) => backend.role === 'redis')?.state).toBe('running');
});

test.each([
  ['', 'is missing'],
  ['http://127.0.0.1', 'must begin with amqp:// or amqps://'],
  ['amqp//nowhere', 'must begin with amqp:// or amqps://'],
])('the URL "%s" is refused: it %s', async (amqpUrl, problem) => {
  const failure = await failureOf(external({ amqpUrl }).cluster.start(never()));
  expect(failure).toMatchObject({ code: 'external.badUrl', field: 'external.amqpUrl' });
  expect(failure.message).toContain(problem);
});

test('killing a backend that others run is refused', async () => {
  await expect(external().cluster.kill('redis')).rejects.toThrow(/run by others/);
});

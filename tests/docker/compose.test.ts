import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { saleViewSchema } from '../../services/shared/sales.ts';
import { hasNoDaemon, testDocker, testBackend, until } from './support/rig.ts';
import { buildServicesImage, run } from './support/services-image.ts';

const FILE = 'docker/compose.yaml';
const ADMIN_TOKEN = randomBytes(16).toString('hex');
const secrets = {
  RABBITMQ_PASSWORD: randomBytes(12).toString('hex'),
  REDIS_PASSWORD: randomBytes(12).toString('hex'),
  POSTGRES_PASSWORD: randomBytes(12).toString('hex'),
  POSTGRES_SERVICE_PASSWORD: randomBytes(12).toString('hex'),
  FLASHGRID_ADMIN_TOKEN: ADMIN_TOKEN,
};

/** The compose command of this machine: the plugin, or the older program. */
function compose(args: readonly string[], env: NodeJS.ProcessEnv): string {
  const hasPlugin = spawnSync('docker', ['compose', 'version']).status === 0;
  const [command, first] = hasPlugin ? ['docker', ['compose']] : ['docker-compose', []];
  return run(command, [...first, '-f', FILE, ...args], env);
}

const targetsSchema = z.object({
  data: z.object({
    activeTargets: z.array(z.object({ health: z.string(), labels: z.object({ job: z.string() }) })),
  }),
});
const rulesSchema = z.object({
  data: z.object({
    groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })),
  }),
});

const topSchema = z.object({ Titles: z.array(z.string()), Processes: z.array(z.array(z.string())) });

/**
 * Names of the processes of a container that run as root. Only those that descend from its first process:
 * a healthcheck is put in from outside, as the image's own user, and comes and goes.
 */
async function rootsOf(container: Docker.Container): Promise<string[]> {
  const first = (await container.inspect()).State.Pid;
  const { Processes } = topSchema.parse(await container.top({ ps_args: '-eo pid,ppid,uid,comm' }));
  const family = new Set([first]);
  // A parent may be listed after its child, so until nobody is added.
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const [pid, parent] of Processes) if (family.has(Number(parent))) family.add(Number(pid));
  }
  expect(Processes.map(([pid]) => Number(pid))).toContain(first);
  return Processes.filter(([pid, , uid]) => uid === '0' && family.has(Number(pid))).map(
    ([, , , name]) => name ?? '',
  );
}

describe.skipIf(hasNoDaemon)('docker/compose.yaml', () => {
  const project = `fgcompose${randomBytes(3).toString('hex')}`;
  const env = (): NodeJS.ProcessEnv => {
    const { host, prefix, tag } = testBackend();
    return {
      ...secrets,
      DOCKER_HOST: host,
      COMPOSE_PROJECT_NAME: project,
      FLASHGRID_PORT: '0',
      RABBITMQ_IMAGE: `${prefix}/rabbitmq:${tag}`,
      REDIS_IMAGE: `${prefix}/redis:${tag}`,
      POSTGRES_IMAGE: `${prefix}/postgres:${tag}`,
      POSTGRES_VOLUME_PATH: '/var/lib/postgresql/data',
      HAPROXY_IMAGE: `${prefix}/haproxy:${tag}`,
      FLASHGRID_IMAGE: `${prefix}/services:${tag}`,
      PROMETHEUS_IMAGE: `${prefix}/prometheus:${tag}`,
      PROMETHEUS_PORT: '0',
      BACKEND_MEMORY: '768m',
    };
  };
  let balancerUrl = '';

  beforeAll(async () => {
    buildServicesImage(testBackend());
    compose(['up', '-d', '--no-build', '--scale', 'gateway=2', '--scale', 'worker=2'], env());
    const address = compose(['port', 'load-balancer', '8080'], env()).trim();
    balancerUrl = `http://${address}`;
    await until(
      'the load balancer passes requests to a gateway',
      async () =>
        await fetch(`${balancerUrl}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      60_000,
    );
  }, 300_000);

  afterAll(() => {
    compose(['down', '--volumes', '--timeout', '5'], env());
  }, 120_000);

  test('is valid, takes the official images unless told otherwise, and refuses to start without secrets', () => {
    const official = Object.fromEntries(
      Object.entries(env()).filter(([name]) => !/^(?:RABBITMQ|REDIS|POSTGRES|HAPROXY)_IMAGE$/.test(name)),
    );
    const config = compose(['config'], official);
    for (const image of [
      'rabbitmq:4-management-alpine',
      'redis:8-alpine',
      'postgres:18-alpine',
      'haproxy:3.2-alpine',
    ])
      expect(config).toContain(`image: ${image}`);
    expect(() => compose(['config'], { ...env(), REDIS_PASSWORD: '' })).toThrow(/set it in docker\/\.env/);
    // The same of every other one, without asking that slow program each time.
    const text = readFileSync(FILE, 'utf8');
    for (const name of Object.keys(secrets)) {
      const uses = text.split(`\${${name}`).slice(1);
      expect(uses.length, name).toBeGreaterThan(0);
      expect(
        uses.every((rest) => rest.startsWith(':?')),
        name,
      ).toBe(true);
    }
  });

  test('has a Prometheus that finds each gateway and worker by Docker’s names, and loads the alerts', async () => {
    compose(['up', '-d', '--no-build', 'prometheus'], env());
    try {
      const api = `http://${compose(['port', 'prometheus', '9090'], env()).trim()}/api/v1`;
      const ask = async (path: string): Promise<unknown> => (await fetch(`${api}/${path}`)).json();
      const healthy = async () =>
        targetsSchema
          .parse(await ask('targets'))
          .data.activeTargets.filter(({ health }) => health === 'up')
          .map(({ labels }) => labels.job)
          .sort();
      const all = ['flashgrid-gateway', 'flashgrid-gateway', 'flashgrid-worker', 'flashgrid-worker'];
      await until('it reads all four', async () =>
        isDeepStrictEqual(await healthy().catch(() => undefined), all),
      );
      const { groups } = rulesSchema.parse(await ask('rules')).data;
      const written =
        readFileSync('charts/flashgrid/files/alerts.yaml', 'utf8').match(/- alert: (\w+)/g) ?? [];
      const loaded = groups.flatMap(({ rules }) => rules);
      expect(loaded.map(({ name }) => `- alert: ${name}`)).toEqual(written);
      expect(loaded.filter(({ health }) => health === 'err')).toEqual([]);
    } finally {
      // The others look at all that runs.
      compose(['rm', '-s', '-f', 'prometheus'], env());
    }
  });

  test('sells a sale exactly once through two gateways and two workers', async () => {
    const stock = 20;
    const opened = await fetch(`${balancerUrl}/sales`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'compose-sale', stock }),
    });
    expect(opened.status).toBe(201);
    const buyers = Array.from({ length: 1_000 }, (_, index) => `buyer-${index}`);
    const statuses: number[] = [];
    const ids: string[] = [];
    // Fifty at a time: enough for frames of several, few enough for the test's own sockets.
    const next = buyers[Symbol.iterator]();
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        for (const userId of next) {
          const reply = await fetch(`${balancerUrl}/reserve`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ saleId: 'compose-sale', userId }),
          });
          statuses.push(reply.status);
          const body: unknown = await reply.json();
          if (reply.status === 202)
            ids.push(z.object({ reservationId: z.string() }).parse(body).reservationId);
        }
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([202]));
    const view = async () =>
      saleViewSchema.parse(await (await fetch(`${balancerUrl}/sales/compose-sale`)).json());
    await until('all are decided', async () => (await view()).counters.decided === buyers.length);
    expect((await view()).counters).toMatchObject({
      remaining: 0,
      granted: stock,
      refused: { sold_out: buyers.length - stock },
    });
    const outcomes = await Promise.all(
      ids.map(
        async (id) =>
          z
            .object({ status: z.string() })
            .parse(await (await fetch(`${balancerUrl}/reservations/${id}`)).json()).status,
      ),
    );
    expect(outcomes.filter((status) => status === 'granted')).toHaveLength(stock);
    expect(outcomes.filter((status) => status === 'refused')).toHaveLength(buyers.length - stock);
  });

  test('runs gateways, workers and the load balancer without root, and opens only the load balancer, only to this machine', async () => {
    const docker = testDocker();
    const containers = await docker.listContainers({
      filters: { label: [`com.docker.compose.project=${project}`] },
    });
    const services = containers.map(({ Labels }) => Labels['com.docker.compose.service'] ?? '').sort();
    expect(services).toEqual([
      'gateway',
      'gateway',
      'load-balancer',
      'postgres',
      'rabbitmq',
      'redis',
      'worker',
      'worker',
    ]);
    for (const { Id, Labels, Ports } of containers) {
      const service = Labels['com.docker.compose.service'] ?? '';
      const open = Ports.filter(({ PublicPort }) => PublicPort).map(({ IP }) => IP);
      expect(open, service).toEqual(service === 'load-balancer' ? ['127.0.0.1'] : []);
      const container = docker.getContainer(Id);
      expect(await rootsOf(container), service).toEqual([]);
      const { State, HostConfig, Config } = await container.inspect();
      expect(HostConfig.ReadonlyRootfs, service).toBe(true);
      const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
      expect(status, service).toMatch(/^CapEff:\t0+$/m);
      expect(status, service).toMatch(/^NoNewPrivs:\t1$/m);
      // What everybody reads who lists processes.
      const shown = JSON.stringify([Config.Cmd, readFileSync(`/proc/${State.Pid}/cmdline`, 'utf8')]);
      for (const secret of Object.values(secrets)) expect(shown, service).not.toContain(secret);
    }
    const { Size } = await docker.getImage(env()['FLASHGRID_IMAGE'] ?? '').inspect();
    const node = await docker.getImage(`${testBackend().prefix}/node:${testBackend().tag}`).inspect();
    // Without node_modules: what FlashGrid adds to Node's own image stays small.
    expect(Size - node.Size).toBeLessThan(20_000_000);
  });

  test('goes on when a gateway and a worker die in the middle', async () => {
    const docker = testDocker();
    const find = async (service: string) =>
      await docker.listContainers({
        filters: {
          label: [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`],
        },
      });
    const victims = [(await find('gateway'))[0], (await find('worker'))[0]];
    for (const victim of victims) await docker.getContainer(victim?.Id ?? '').kill({ signal: 'SIGKILL' });
    await until(
      'the load balancer has only living gateways',
      async () => {
        const replies = await Promise.all(Array.from({ length: 8 }, () => fetch(`${balancerUrl}/readyz`)));
        return replies.every(({ ok }) => ok);
      },
      30_000,
    );
    const reply = await fetch(`${balancerUrl}/reserve`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ saleId: 'compose-sale', userId: 'late' }),
    });
    expect(reply.status).toBe(202);
  });
});

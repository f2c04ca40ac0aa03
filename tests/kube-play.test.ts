/** What the Helm chart renders, run for real: Podman plays its migration and its Deployments, and buyers attack them. */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { findFreePorts } from '../control/lib/free-port.ts';
import { canTestHelm, ensureHelm } from '../scripts/setup/helm.mjs';
import { derivedPassword, urlOf } from '../services/shared/database-roles.ts';
import { ADMIN_TOKEN, Fleet, expectChecks } from './support/fleet.ts';
import { KubePlay, asPods, type PlayedPod } from './support/kube-play.ts';
import { startLoadBalancer } from './support/load-balancer.ts';
import { waitFor } from './support/worker-world.ts';

const CHART = join(import.meta.dirname, '../charts/flashgrid');
const IMAGE = 'localhost/flashgrid/services';
const REQUESTS = 8_000;
const podman = spawnSync('podman', ['--version'], { encoding: 'utf8' }).stdout;
// Debian's, which the set-up installs; later ones keep secrets in another form. Only root can share the machine's network with pods.
const canRun = canTestHelm && process.getuid?.() === 0 && String(podman).includes(' 4.3.');

let fleet: Fleet | undefined;
afterAll(() => fleet?.close());

/** What Helm makes of the chart. */
async function render(values: Readonly<Record<string, string>>): Promise<unknown[]> {
  const set = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const example = join(CHART, 'examples/values-one-secret.yaml');
  const { stdout } = await promisify(execFile)(await ensureHelm(), [
    'template',
    'shop',
    CHART,
    '-f',
    example,
    ...set,
  ]);
  return parseAllDocuments(stdout).map((document): unknown => document.toJS());
}

const isReady = async ({ url }: PlayedPod): Promise<boolean> =>
  await fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );

it.skipIf(!canRun)('the chart’s pods pass an attack, while a gateway and a worker are replaced', async () => {
  const kube = new KubePlay();
  let pods: PlayedPod[] = [];
  const of = (component: string) => pods.filter((pod) => pod.component === component);
  fleet = await Fleet.open({
    gateways: 0,
    workers: 0,
    deploy: async (own) => {
      own.onClose('pods', () => kube.close());
      const [ports, objects] = await Promise.all([
        findFreePorts(5),
        render({
          'engine.namespace': own.namespace,
          'engine.postgresSchema': own.namespace,
          'image.repository': IMAGE,
          'gateway.drainMs': '2500',
        }),
        kube.buildImage(`${IMAGE}:0.2.0`),
      ]);
      const { amqpUrl, redisUrl, postgresUrl } = own.endpoints;
      const password = derivedPassword(postgresUrl, 'flashgrid_service');
      await kube.addSecret('flashgrid-backends', {
        'amqp-url': amqpUrl,
        'redis-url': redisUrl,
        'owner-url': postgresUrl,
        'service-password': password,
        'postgres-url': urlOf(postgresUrl, 'flashgrid_service', password),
        'admin-token': ADMIN_TOKEN,
      });
      pods = asPods(objects, ports);
      expect(pods.map(({ component }) => component).sort()).toEqual([
        'gateway',
        'gateway',
        'migrate',
        'worker',
        'worker',
      ]);
      // Helm waits for the hook before it makes the Deployments.
      for (const migration of of('migrate')) {
        await kube.play(migration);
        expect(Number(await kube.podman('wait', migration.container))).toBe(0);
      }
      const services = [...of('gateway'), ...of('worker')];
      await Promise.all(services.map((pod) => kube.play(pod)));
      await waitFor('the pods to be ready', async () =>
        (await Promise.all(services.map(isReady))).every(Boolean),
      );
      return of('gateway').map(({ url }) => url);
    },
  });

  // What the chart says of a container's rights is how it runs.
  for (const { container } of [...of('gateway'), ...of('worker')]) {
    const facts =
      '{{.HostConfig.ReadonlyRootfs}} {{.Config.User}} {{.EffectiveCaps}} {{.HostConfig.SecurityOpt}}';
    expect(await kube.podman('inspect', '-f', facts, container)).toBe(
      'true 1000:1000 [] [no-new-privileges]',
    );
  }

  const balancer = await startLoadBalancer(of('gateway').map(({ url }) => Number(new URL(url).port)));
  fleet.onClose('load balancer', () => balancer.close());
  const sale = { id: 'kube', stock: 1_000, perBuyerLimit: 1 };
  await fleet.openSale(sale);
  const order: string[] = [];
  const replace = async (pod: PlayedPod | undefined): Promise<void> => {
    if (!pod) throw new Error('there is no such pod');
    expect(await kube.stop(pod)).toBe(0);
    order.push(pod.component);
    await kube.podman('start', pod.container);
    await waitFor(`${pod.container} to be ready`, () => isReady(pod));
  };
  const outcome = await fleet.attack(
    sale.id,
    { profile: 'sustained', ratePerSec: 500, durationSec: 16, connections: 60, stock: sale.stock },
    [
      {
        afterAnswers: 500,
        act: () => Promise.all([replace(of('worker')[0]), replace(of('gateway')[0])]),
      },
      { afterAnswers: REQUESTS - 200, act: () => order.push('almost over') },
    ],
    [balancer.url, balancer.tcpUrl],
  );
  expect([order.at(-1), ...order.sort()]).toEqual(['almost over', 'almost over', 'gateway', 'worker']);
  expect(outcome.load).toMatchObject({ sent: REQUESTS, accepted: REQUESTS, rejected: 0, unknown: 0 });
  const found = await fleet.audit(sale, outcome);
  expectChecks(found);
  expect(found).toMatchObject({ sold: 1_000, refused: 7_000, pending: 0, lost: 0, oversold: 0 });
});

import { createServer, request, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServiceState } from '../contract/state.ts';
import { findHighAvailability } from '../control/cluster/native/find-programs.ts';
import { ProcessRegistry } from '../control/processes/process-registry.ts';
import { GatewayBalancer } from '../control/services/gateway-balancer.ts';
import { waitFor } from './support/worker-world.ts';

const dir = mkdtempSync(join(tmpdir(), 'flashgrid-balancer-'));
const servers: Server[] = [];
let balancer: GatewayBalancer;
let registry: ProcessRegistry;
let inHand = 0;

const portOf = (server: Server | undefined): number => {
  const address = server?.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
};
const gateway = (number: number): ServiceState => ({
  id: `gateway-${number}`,
  role: 'gateway',
  state: 'running',
  port: portOf(servers[number - 1]),
  restarts: 0,
});

/** Answers with its id; `/held` waits. */
async function listen(id: string): Promise<void> {
  const server = createServer(({ url }, response) => (url === '/held' ? inHand++ : response.end(id)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
}

function end(server: Server | undefined): void {
  server?.close();
  server?.closeAllConnections();
}

/** On a connection of its own: HAProxy closes one that has served a request before, instead of answering. */
const post = (path: string) =>
  new Promise<string>((resolve, reject) => {
    const sent = request(`${balancer.url}${path}`, { method: 'POST', agent: false }, (response) => {
      text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject);
    });
    sent.once('error', reject).end('{}');
  });
const answers = async () => new Set(await Promise.all(Array.from({ length: 20 }, () => post('/reserve'))));

beforeAll(async () => {
  const { program } = (await findHighAvailability()).haproxy;
  await listen('gateway-1');
  await listen('gateway-2');
  registry = new ProcessRegistry(dir);
  const options = { program, folder: join(dir, 'haproxy'), port: 0, registry, onLog: () => undefined };
  balancer = await GatewayBalancer.start(options, [gateway(1)]);
});
afterAll(async () => {
  await balancer.stop();
  servers.forEach(end);
  rmSync(dir, { recursive: true, force: true });
});

it('leads to all gateways, keeps its address when they change, and leaves out one that ends', async () => {
  const [first] = servers;
  expect(await answers()).toEqual(new Set(['200 gateway-1']));
  const [one, two] = [gateway(1), gateway(2)];
  balancer.update([one, two]);
  await waitFor('both gateways', async () => (await answers()).size === 2);
  balancer.update([two]);
  await waitFor('the second alone', async () => !(await answers()).has('200 gateway-1'));
  balancer.update([one, two]);
  await waitFor('both gateways again', async () => (await answers()).size === 2);

  end(first);
  // Nobody who comes now meets the one that is gone.
  expect(await answers()).toEqual(new Set(['200 gateway-2']));
}, 30_000);

it('stops those, too, that have handed over and wait for a request in hand', async () => {
  const held = post('/held').catch(() => 'closed');
  await waitFor('a request in hand', () => inHand === 1);
  balancer.update([gateway(2)]);
  await waitFor('the next one beside it', () => registry.findProcesses().length === 2);
  await waitFor('the next one to serve', async () => (await answers()).has('200 gateway-2'));
  await balancer.stop();
  expect(registry.findProcesses()).toEqual([]);
  await held;
}, 30_000);

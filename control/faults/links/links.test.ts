import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { LINK_NAMES } from '../../../contract/links.ts';
import { ProcessRegistry } from '../../processes/process-registry.ts';
import { Links } from './links.ts';

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** Links whose proxy can't be started, so that a test sees what happens without one. */
function newLinks({ redisUrl = 'redis://127.0.0.1:1', gateways = ['http://127.0.0.1:1'] } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-links-'));
  dirs.push(dir);
  const relink = vi.fn(() => Promise.resolve());
  const registry = new ProcessRegistry(dir);
  const links = new Links({
    supervisor: { relink, buyerUrls: () => gateways },
    deployment: {
      amqpUrl: 'amqp://127.0.0.1:1',
      redisUrl,
      postgresUrl: 'postgresql://127.0.0.1:1/db',
      namespace: 'fg',
      postgresSchema: 'public',
    },
    registry,
    modules: { links: join(dir, 'no-such-entry.js'), reroute: join(dir, 'no-such-entry.js') },
    env: process.env,
    onLog: () => undefined,
  });
  return { links, relink, registry };
}

it('starts nothing and changes nothing when one of the links can not be put in', async () => {
  const { links, relink, registry } = newLinks({ redisUrl: 'redis://a:1,redis://b:2' });
  await expect(links.put(LINK_NAMES)).rejects.toMatchObject({
    failure: { code: 'links.unsupported', field: 'faults' },
  });
  const without = newLinks({ gateways: [] });
  await expect(without.links.put(['buyers-gateway'])).rejects.toMatchObject({
    failure: { code: 'gateway.notRunning' },
  });
  expect(relink).not.toHaveBeenCalled();
  expect(registry.records()).toEqual([]);
});

it('says that the proxy could not be started, and leaves no process and no link', async () => {
  const { links, relink, registry } = newLinks();
  await expect(links.put(['worker-redis'])).rejects.toMatchObject({ failure: { code: 'links.lost' } });
  expect(links.names).toEqual([]);
  expect(relink).not.toHaveBeenCalled();
  expect(registry.findProcesses()).toEqual([]);
});

it('leaves the gateways’ URLs alone while no link of the buyers is put in', async () => {
  const { links } = newLinks();
  expect(links.gatewayUrls(['http://127.0.0.1:7001'])).toEqual(['http://127.0.0.1:7001']);
  expect(() => links.link('buyers-gateway')).toThrow('buyers-gateway does not go through the proxy');
  // Harmless without anything to remove.
  await links.remove();
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { LINK_NAMES, tookEffect, type LinkFault } from '../contract/links.ts';
import { Fleet, expectChecks } from './support/fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.open({ gateways: 2, workers: 2 });
}, 90_000);
afterAll(() => fleet.close(), 60_000);

const LOAD = { profile: 'burst', requests: 6_000, connections: 100, stock: 500 } as const;

it('sells through links that were put in, and on the direct way once they are removed', async () => {
  const attack = async (id: string) => {
    const sale = { id, stock: LOAD.stock, perBuyerLimit: 4 };
    await fleet.openSale(sale);
    expectChecks(await fleet.audit(sale, await fleet.attack(id, LOAD)));
  };
  await fleet.links.put(LINK_NAMES);
  const fault: LinkFault = { kind: 'delay', ms: 20, jitterMs: 20 };
  for (const name of LINK_NAMES) await fleet.links.link(name).apply(fault);
  await attack('delayed');
  for (const name of LINK_NAMES) {
    const effect = await fleet.links.link(name).heal();
    expect(effect.longestHoldMs, name).toBeGreaterThanOrEqual(19);
    expect(tookEffect(fault, effect), name).toBe(true);
  }
  await fleet.links.remove();
  expect(fleet.links.names).toEqual([]);
  expect(() => fleet.links.link('worker-redis')).toThrow('worker-redis does not go through the proxy');
  await attack('direct');
}, 120_000);

/**
 * Every link broken in every way during attacks, each of which must pass its audit, and service must be back soon. More seeds:
 * FLASHGRID_LINK_SEEDS=20 npx vitest run --project integration tests/links.test.ts
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { LINK_NAMES, tookEffect, type LinkFault } from '../contract/links.ts';
import { LinkProxy } from '../control/faults/links/link-proxy.ts';
import { healthReportSchema } from '../services/gateway/health.ts';
import { createPool } from '../services/shared/postgres.ts';
import { uniqueName } from './support/backends.ts';
import { Fleet, expectChecks } from './support/fleet.ts';
import { breakLink, reserveOn } from './support/link-faults.ts';

const SEEDS = Number(process.env['FLASHGRID_LINK_SEEDS'] ?? 1);
/** The probe's own sale: what it buys must not show in the attacks' audits. */
const PROBE = 'probe';
/** ms from the healing until every gateway accepts, and workers decide. Usually below 1,500. */
const BACK_LIMIT_MS = 6_000;
/** ms that a buyer's answer may take once the part is known to be away; two cores that others use, too. */
const ANSWER_LIMIT_MS = 700;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.open({ gateways: 2, workers: 2 });
  await fleet.openSale({ id: PROBE, stock: 1_000_000, perBuyerLimit: 1 });
}, 90_000);
afterAll(() => fleet.close(), 60_000);

/** Runs an attack of that length under what is done to it, and expects that nothing is lost or oversold. */
async function attackWhile(name: string, durationSec: number, act: () => Promise<void>): Promise<void> {
  const sale = { id: uniqueName(name), stock: 400, perBuyerLimit: 4 };
  await fleet.openSale(sale);
  const attack = fleet.attack(
    sale.id,
    {
      profile: 'sustained',
      ratePerSec: 150,
      durationSec,
      connections: 60,
      stock: sale.stock,
      timeoutMs: 4_000,
    },
    [{ afterAnswers: 10, act }],
  );
  expectChecks(await fleet.audit(sale, await attack));
}

describe.each(Array.from({ length: SEEDS }, (_, at) => at + 1))('of seed %i', (seed) => {
  it('sells on through slow links, all of them at once', async () => {
    await fleet.links.put(LINK_NAMES);
    const faults: LinkFault[] = [
      { kind: 'delay', ms: 20 + seed, jitterMs: 40 },
      { kind: 'throttle', bytesPerSec: 30_000 },
    ];
    await attackWhile(`slow-${seed}`, 4, async () => {
      for (const fault of faults) {
        const links = LINK_NAMES.map((name) => fleet.links.link(name));
        await Promise.all(links.map((link) => link.apply(fault)));
        await sleep(1_500);
        for (const link of links) {
          const effect = await link.heal();
          expect(tookEffect(fault, effect), `${fault.kind} ${link.name} ${JSON.stringify(effect)}`).toBe(
            true,
          );
          if (fault.kind === 'delay') expect(effect.longestHoldMs).toBeGreaterThanOrEqual(fault.ms - 1);
        }
      }
    });
  }, 120_000);

  it.each<[LinkFault, number]>([
    [{ kind: 'cut' }, 7],
    [{ kind: 'reset' }, 7],
    [{ kind: 'halfOpen', direction: 'requests' }, 15],
    [{ kind: 'halfOpen', direction: 'answers' }, 15],
  ])(
    'loses nothing and is back soon after each link had %o',
    async (fault, durationSec) => {
      const told: string[] = [];
      await attackWhile(`${Object.values(fault).join('-').toLowerCase()}-${seed}`, durationSec, async () => {
        for (const name of LINK_NAMES) {
          const lengthMs =
            fault.kind === 'halfOpen' ? 900 + ((seed * 397) % 1_500) : 300 + ((seed * 197) % 900);
          const { effect, backMs, slowestMs } = await breakLink(fleet, PROBE, name, fault, lengthMs);
          told.push(`${name} back after ${backMs} ms, slowest answer ${slowestMs} ms`);
          expect(tookEffect(fault, effect), `${name} ${JSON.stringify(effect)}`).toBe(true);
          expect(backMs, told.at(-1)).toBeLessThan(BACK_LIMIT_MS);
          expect(slowestMs, told.at(-1)).toBeLessThan(ANSWER_LIMIT_MS);
        }
      });
      process.stdout.write(`${JSON.stringify(fault)}: ${told.join('; ')}\n`);
    },
    120_000,
  );
});

it('tells who is silent and since when, rejects at once, and is ready soon after', async () => {
  const links = (['gateway-rabbitmq', 'gateway-redis', 'gateway-postgres'] as const).map((name) =>
    fleet.links.link(name),
  );
  const [gateway = ''] = fleet.supervisor.gatewayUrls();
  const ready = async () => healthReportSchema.parse(await (await fetch(`${gateway}/readyz`)).json());
  const states = ({ parts }: z.infer<typeof healthReportSchema>) =>
    Object.values(parts).map(({ state, detail }) => `${state}: ${detail}`);
  const brokenMs = Date.now();
  for (const link of links) await link.apply({ kind: 'halfOpen', direction: 'both' });
  // Asked before the silence is known: they must not wait for the clients' own limits, of 10 and 35 s.
  const early = ['/sales', `/sales/${PROBE}`, `/reservations/${PROBE}.abcdefgh-1.0`].map((path) =>
    fetch(`${gateway}${path}`),
  );
  const unknownSale = reserveOn(gateway, 'no-such-sale');
  await expect
    .poll(async () => states(await ready()), { timeout: 8_000, interval: 50 })
    .toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^(silent|away): /)));
  const knownMs = Date.now() - brokenMs;
  for (const response of await Promise.all([...early, unknownSale])) expect(response.status).toBe(503);
  expect(Date.now() - brokenMs).toBeLessThan(6_000);
  for (const { since } of Object.values((await ready()).parts))
    expect(Date.parse(since)).toBeGreaterThanOrEqual(brokenMs);
  const took: number[] = [];
  for (let asked = 0; asked < 5; asked++) {
    const beganMs = performance.now();
    const response = await reserveOn(gateway, PROBE);
    took.push(performance.now() - beganMs);
    expect(response.status).toBe(503);
  }
  // The best of five: the others share the two cores with whatever else runs.
  expect(Math.min(...took)).toBeLessThan(100);
  for (const link of links) await link.heal();
  const healedMs = Date.now();
  await expect.poll(async () => (await ready()).isReady, { timeout: BACK_LIMIT_MS, interval: 50 }).toBe(true);
  process.stdout.write(
    `all three silent: known after ${knownMs} ms, 503 in ${Math.round(Math.min(...took))} ms, ready ${Date.now() - healedMs} ms after healing\n`,
  );
}, 60_000);

it('drops a dead connection to Postgres though others of its pool serve, and no statement that is only slow', async () => {
  const url = new URL(fleet.endpoints.postgresUrl);
  const proxy = new LinkProxy();
  url.port = String(await proxy.open({ host: url.hostname, port: Number(url.port) }));
  url.hostname = '127.0.0.1';
  const pool = createPool({ url: url.href, schema: 'public', max: 3, name: 'test' });
  try {
    await Promise.all([1, 2, 3].map(() => pool.query('SELECT pg_sleep(0.1)')));
    const slow = pool.query('SELECT pg_sleep(4)');
    // Reached Postgres before the link is broken.
    await sleep(200);
    proxy.apply({ kind: 'halfOpen', direction: 'requests' });
    const swallowed = pool.query('SELECT 1').then(
      () => 'answered',
      (error: Error) => error.message,
    );
    await expect.poll(() => proxy.effect.droppedBytes).toBeGreaterThan(0);
    proxy.heal();
    const beganMs = performance.now();
    expect((await pool.query('SELECT 2')).rowCount).toBe(1);
    expect(await swallowed).toMatch(/terminated/);
    // The client's own limit is 35 s.
    expect(performance.now() - beganMs).toBeLessThan(8_000);
    expect((await slow).rowCount).toBe(1);
  } finally {
    await pool.end();
    proxy.close();
  }
}, 30_000);

it('puts the services back on the direct way when the proxy dies, and says that it died', async () => {
  const link = fleet.links.link('worker-redis');
  const { pid } = fleet.links;
  if (pid === undefined) throw new Error('the proxy does not run');
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => fleet.links.names, { timeout: 5_000 }).toEqual([]);
  await expect(link.apply({ kind: 'cut' })).rejects.toMatchObject({ failure: { code: 'links.lost' } });
  // Waits for the services that are being started anew.
  await fleet.links.remove();
  expect(() => fleet.links.link('worker-redis')).toThrow('worker-redis does not go through the proxy');
  await attackWhile('direct', 1, () => Promise.resolve());
}, 60_000);

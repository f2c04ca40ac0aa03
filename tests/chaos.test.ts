/**
 * What happens when a part goes away in the middle of an attack, on the processes that ship. The backends of the test run are shared, so
 * none of them is harmed: a broker or a Postgres is away behind a proxy that is cut, and a Redis that forgets is the test's own.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ControlCentreOptions } from '../control/control-centre.ts';
import type { BackendState } from '../contract/backends.ts';
import { marksOfRun } from '../contract/run-marks.ts';
import { describeVerdict } from '../contract/verdict-text.ts';
import { testEndpoints } from './support/backends.ts';
import { openControlCentre } from './support/centre.ts';
import { Fleet, expectChecks } from './support/fleet.ts';
import { expectTaken } from './support/expect-taken.ts';
import { reserve } from './support/gateway-world.ts';
import { startPrivateRedis, type PrivateRedis } from './support/private-redis.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';
import { waitFor } from './support/worker-world.ts';

/** Small frames and a short reach: many frames, and many of them under way when something happens. */
const MANY_FRAMES = { FLASHGRID_MAX_FRAME: '32', FLASHGRID_PREFETCH: '8' };

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function openFleet(options: Parameters<typeof Fleet.open>[0]): Promise<Fleet> {
  const fleet = await Fleet.open({ env: MANY_FRAMES, ...options });
  undo.push(() => fleet.close());
  return fleet;
}

async function openProxy(url: string) {
  const proxy = await startTcpProxy(url);
  undo.push(() => proxy.close());
  return proxy;
}

async function openForgetfulFleet() {
  const redis = await startPrivateRedis();
  undo.push(() => redis.close());
  const fleet = await openFleet({ gateways: 1, workers: 2, backends: { redisUrl: redis.url } });
  return { redis, fleet };
}

/** 6,000 buyers over three seconds: as fast as they go, a quick machine would be done before the incident. */
const steady = (stock: number) =>
  ({ profile: 'sustained', ratePerSec: 2_000, durationSec: 3, connections: 200, stock }) as const;

describe('a Redis that loses its memory in the middle of an attack', () => {
  it('costs nothing at all while units are left: the worker rebuilds the sale, and all nine checks pass', async () => {
    const { redis, fleet } = await openForgetfulFleet();
    // Sold out well after the loss, so that nobody has been refused before it.
    const sale = { id: 'forgotten', stock: 4_500, perBuyerLimit: 1 };
    await fleet.openSale(sale);
    const outcome = await fleet.attack(sale.id, steady(sale.stock), [
      { afterAnswers: 2_000, act: () => redis.loseMemory() },
    ]);
    expect(outcome.load).toMatchObject({ accepted: 6_000, rejected: 0, unknown: 0 });
    const found = await fleet.audit(sale, outcome);
    expectChecks(found);
    expect(found).toMatchObject({ sold: 4_500, granted: 4_500, refused: 1_500, pending: 0, oversold: 0 });
    expect(await fleet.epoch(sale.id)).toBeGreaterThan(0);
    await waitFor('the workers to tell of the rebuild', () => fleet.supervisor.totals.read().rebuilds > 0);
    expectTaken(fleet.supervisor.totals.coverage(), 'saleUnknown', 'saleRebuilt');
  });

  /**
   * Refusals live in Redis alone (a row in Postgres for each of millions of losers is what the design avoids). Those of before the loss are
   * gone with it. The audit knows them from what the workers published; without that it must say which are open.
   */
  it('after it was sold out costs nothing either: the audit has the refusals of before as they were published', async () => {
    const { redis, fleet } = await openForgetfulFleet();
    const sale = { id: 'forgotten', stock: 100, perBuyerLimit: 1 };
    await fleet.openSale(sale);
    let refusedBefore = 0;
    const outcome = await fleet.attack(sale.id, steady(sale.stock), [
      {
        afterAnswers: 2_000,
        act: async () => {
          await waitFor('refusals', async () => {
            const counters = (await fleet.store.readSale(sale.id))?.counters;
            refusedBefore = counters?.refused.sold_out ?? 0;
            return refusedBefore > 0;
          });
          await redis.loseMemory();
        },
      },
    ]);
    expect(outcome.load).toMatchObject({ accepted: 6_000, rejected: 0, unknown: 0 });
    const found = await fleet.audit(sale, outcome);
    expectChecks(found);
    expect(found).toMatchObject({ sold: 100, granted: 100, refused: 5_900, pending: 0, lost: 0 });
    expect(found.fromPublished).toBeGreaterThanOrEqual(refusedBefore);

    // It looks for the missing outcomes until its time is over: none will come.
    const unheard = await fleet.audit(sale, outcome, { drainTimeoutMs: 4_000, published: () => new Map() });
    expectChecks(unheard, ['conservation', 'single_outcome']);
    expect(unheard).toMatchObject({ sold: 100, granted: 100, oversold: 0, undersold: 0, duplicated: 0 });
    expect(unheard).toMatchObject({ pending: found.fromPublished, lost: found.fromPublished });
    expect(await fleet.epoch(sale.id)).toBeGreaterThan(0);
    expect(await fleet.queued()).toEqual({ waiting: 0, dead: 0 });
  });
});

describe('a Redis that is broken in the middle of an attack', () => {
  const faults = {
    flushed: (redis: PrivateRedis) => redis.loseMemory(),
    'killed without its file': async (redis: PrivateRedis) => {
      await redis.kill();
      await redis.start('nothing');
    },
    'set back to an older file': async (redis: PrivateRedis) => {
      await redis.kill();
      await redis.start('copy');
    },
  };

  it('sells no unit twice and no buyer too much, and sells on: flushed, killed without its file, set back', async () => {
    const redis = await startPrivateRedis('disk');
    undo.push(() => redis.close());
    const fleet = await openFleet({ gateways: 1, workers: 2, backends: { redisUrl: redis.url } });
    const commits = async () => {
      const { rows } = await fleet.pool.query<{ count: number }>('SELECT count(*) FROM tickets');
      return rows[0]?.count ?? 0;
    };
    for (const [number, [name, strike]] of Object.entries(faults).entries()) {
      const sale = { id: `sale-${number}`, stock: 5_000, perBuyerLimit: 1 };
      // Two attacks with one seed: each of its buyers asks twice, and may have one unit.
      const twice = { id: `twice-${number}`, stock: 5_000, perBuyerLimit: 1 };
      await fleet.openSale(sale);
      await fleet.openSale(twice);
      redis.copyFile();
      let serviceMs = NaN;
      const act = async () => {
        const before = await commits();
        await strike(redis);
        const backAtMs = performance.now();
        await waitFor('a ticket since', async () => (await commits()) > before);
        serviceMs = performance.now() - backAtMs;
      };
      const asTwice = { ...steady(twice.stock), ratePerSec: 300, connections: 40, seed: 7 };
      const [outcome, ...others] = await Promise.all([
        fleet.attack(sale.id, { ...steady(sale.stock), ratePerSec: 1_000 }, [{ afterAnswers: 1_000, act }]),
        fleet.attack(twice.id, asTwice),
        fleet.attack(twice.id, asTwice),
      ]);
      console.info(`Redis ${name}: the next ticket ${Math.round(serviceMs)} ms after it answered again`);
      // Nobody had been refused: every outcome is a ticket, and Postgres has them all.
      const found = await fleet.audit(sale, outcome);
      expectChecks(found);
      expect(found).toMatchObject({ sold: 3_000, granted: 3_000, pending: 0, oversold: 0 });
      const accepted = others.map(({ load }) => load.accepted);
      expect(accepted).toEqual([900, 900]);
      await waitFor('an empty queue', async () => (await fleet.queued()).waiting === 0);
      const held = (await fleet.tickets(twice.id)).map((ticket) => ticket.user_id);
      expect(new Set(held).size).toBe(held.length);
      expect(held).toHaveLength(900);
      expect(await fleet.queued()).toEqual({ waiting: 0, dead: 0 });
    }
    expectTaken(fleet.supervisor.totals.coverage(), 'saleUnknown', 'redisRestarted', 'saleRebuilt');
  });
});

describe('a gateway that is killed in the middle of an attack', () => {
  it('loses nothing that it accepted; what it left unanswered is resolved', async () => {
    const fleet = await openFleet({ gateways: 2, workers: 1 });
    const sale = { id: 'halved', stock: 3_500, perBuyerLimit: 1 };
    await fleet.openSale(sale);
    const outcome = await fleet.attack(sale.id, steady(sale.stock), [
      { afterAnswers: 2_500, act: () => fleet.supervisor.kill('gateway-1') },
    ]);
    const { load, ledger } = outcome;
    expect(load.accepted + load.unknown).toBe(6_000);
    // Whatever was on its connections at that moment, and perhaps connections that it could not take afterwards.
    expect(load.unknown).toBeGreaterThan(0);
    const found = await fleet.audit(sale, outcome);
    expectChecks(found);
    expect(found).toMatchObject({ sold: 3_500, pending: 0, lost: 0, unknownResolved: load.unknown });
    expect(found.granted + found.refused).toBe(load.accepted);
    expect(ledger.count).toBe(6_000);
    await waitFor('the gateway to serve again', () => {
      const service = fleet.supervisor.states().find((one) => one.id === 'gateway-1');
      return service?.state === 'running' && service.restarts === 1;
    });
  });
});

describe('a broker that is away for a while', () => {
  it('makes gateways refuse at once, and serve again by themselves; nothing accepted is lost', async () => {
    const proxy = await openProxy(testEndpoints().amqpUrl);
    const fleet = await openFleet({ gateways: 2, workers: 2, through: { amqpUrl: proxy.url } });
    const sale = { id: 'brokerless', stock: 3_000, perBuyerLimit: 1 };
    await fleet.openSale(sale);
    const gateways = fleet.supervisor.gatewayUrls().map((url) => ({ url }));
    let slowestMs = 0;
    const outcome = await fleet.attack(
      sale.id,
      // At a rate: a burst would be over, refused to the last, before the broker is back.
      { profile: 'sustained', ratePerSec: 1_000, durationSec: 6, connections: 100, stock: sale.stock },
      [
        {
          afterAnswers: 2_000,
          act: async () => {
            proxy.cut();
            await waitFor('the gateways to notice', () =>
              [...fleet.supervisor.totals.latest().values()].every(
                (sample) => sample.role === 'worker' || !sample.isBrokerUp,
              ),
            );
            // Another sale's: the audit knows only of its own buyers.
            await fleet.openSale({ id: 'other', stock: 1 });
            for (const gateway of gateways) {
              const beganAtMs = performance.now();
              const answer = await reserve(gateway, { saleId: 'other', userId: 'patient' });
              slowestMs = Math.max(slowestMs, performance.now() - beganAtMs);
              expect(answer).toMatchObject({
                status: 503,
                body: { type: 'urn:flashgrid:problem:broker-away' },
              });
              expect(answer.headers.get('retry-after')).toBe('1');
            }
            proxy.mend();
          },
        },
      ],
    );
    expect(slowestMs).toBeLessThan(1_000);
    const { load } = outcome;
    // What was under way when the link broke is told `unconfirmed`: nobody knows of it but the audit.
    expect(load.accepted + load.rejected + load.unknown).toBe(6_000);
    expect(load.statusCounts['503']).toBe(load.rejected + load.unknown);
    expect(load.causes?.['503 unconfirmed'] ?? 0).toBe(load.unknown);
    expect(load.causes?.['503 broker-away']).toBe(load.rejected);
    expect(load.rejected).toBeGreaterThan(0);
    // Back in service: each gateway takes a new buyer.
    for (const gateway of gateways)
      await waitFor('the gateway to take reservations', async () => {
        const { status } = await reserve(gateway, { saleId: 'other', userId: 'patient' });
        return status === 202;
      });
    const found = await fleet.audit(sale, outcome);
    expectChecks(found);
    expect(found).toMatchObject({ pending: 0, lost: 0, duplicated: 0 });
    expect(found.granted + found.refused).toBe(load.accepted);
    expect(found.sold).toBeGreaterThanOrEqual(Math.min(sale.stock, load.accepted));
  });
});

describe('a Postgres that is away for a while', () => {
  it('holds up the grants and nothing else: buyers are taken all the time, and nothing is lost', async () => {
    const proxy = await openProxy(testEndpoints().postgresUrl);
    const fleet = await openFleet({ gateways: 1, workers: 2, through: { postgresUrl: proxy.url } });
    const sale = { id: 'unrecorded', stock: 5_000, perBuyerLimit: 1 };
    await fleet.openSale(sale);
    let soldAtCut = 0;
    const outcome = await fleet.attack(sale.id, steady(sale.stock), [
      {
        afterAnswers: 2_000,
        act: async () => {
          proxy.cut();
          soldAtCut = (await fleet.tickets(sale.id)).length;
        },
      },
    ]);
    // Every buyer has an answer, and Postgres is still away: what was granted meanwhile waits in the queue and in the workers' hands.
    expect(outcome.load).toMatchObject({ accepted: 6_000, rejected: 0, unknown: 0 });
    const soldMeanwhile = (await fleet.tickets(sale.id)).length - soldAtCut;
    // A statement that was under way at the cut may still have been committed.
    expect(soldAtCut + soldMeanwhile).toBeLessThan(sale.stock);
    proxy.mend();
    const found = await fleet.audit(sale, outcome);
    expectChecks(found);
    expect(found).toMatchObject({ sold: 5_000, granted: 5_000, refused: 1_000, pending: 0, lost: 0 });
    expect(await fleet.queued()).toEqual({ waiting: 0, dead: 0 });
  });
});

const openCentre = (options?: Partial<ControlCentreOptions>) => openControlCentre(undo, options);

describe('workers that are killed on purpose', () => {
  it('leave everybody their place in the queue: the run says when, passes all nine checks, and a worker is back', async () => {
    const { ask, told, isOver } = await openCentre();
    await ask('cluster.start', { provider: 'native' });
    await ask('services.scale', { role: 'worker', count: 2 });
    await ask('attack.launch', {
      profile: 'burst',
      requests: 20_000,
      connections: 300,
      stock: 2_000,
      faults: 'kill:workers@25%',
    });
    await waitFor('the workers to be killed', () => told.attack?.faults !== undefined);
    expect(told.attack?.phase).toBe('attacking');
    await waitFor('the verdict', isOver);
    const { attack } = told;
    expect(attack).toMatchObject({ phase: 'finished', verdict: 'pass', unknown: 0, accepted: 20_000 });
    if (!attack?.audit) throw new Error('the attack ended without an audit');
    expectChecks(attack.audit);
    const record = await ask('runs.getRun', { id: attack.runId });
    expect(record.coverage).toEqual(attack.coverage);
    expect(record.coverage).toBeDefined();
    const [killed] = record.faults ?? [];
    expect(killed).toMatchObject({
      fault: 'kill:workers@25%',
      target: 'worker-1, worker-2',
      hadEffect: true,
    });
    expect(killed?.effect).toMatch(/worker-1 served again after .*worker-2 served again after/);
    const killedAtMs = killed?.tMs ?? 0;
    expect(killedAtMs).toBeGreaterThan(0);
    expect(killedAtMs).toBeLessThan(record.load.durationMs);
    // Until another one is there, nobody is decided.
    const after = record.series.filter(({ tMs }) => tMs >= killedAtMs);
    expect(Math.max(...after.map(({ queueDepth }) => queueDepth))).toBeGreaterThan(1_000);
    const worker = async (id: string) =>
      (await ask('app.getSnapshot', {})).services.find((service) => service.id === id);
    expect([(await worker('worker-1'))?.restarts, (await worker('worker-2'))?.restarts]).toEqual([1, 1]);
    // However often: who is killed on purpose is not given up as one that can't live.
    for (let restarts = 2; restarts <= 9; restarts++) {
      await ask('faults.breakPart', { kind: 'kill', target: 'worker-1' });
      await waitFor(`worker-1 to be back ${restarts} times`, async () => {
        const service = await worker('worker-1');
        return service?.state === 'running' && service.restarts === restarts;
      });
    }
  });
});

describe('a worker that is given up in the middle of an attack', () => {
  it('leaves the run undecided, by its name, and breaks no promise', async () => {
    const { ask, told, isOver } = await openCentre({ maxQuickRestarts: 0 });
    await ask('cluster.start', { provider: 'native' });
    await ask('attack.launch', {
      profile: 'sustained',
      ratePerSec: 400,
      durationSec: 6,
      connections: 50,
      stock: 300,
      drainTimeoutMs: 2_000,
    });
    await waitFor('some to be decided', () => (told.attack?.granted ?? 0) > 0);
    const worker = async () =>
      (await ask('app.getSnapshot', {})).services.find(({ role }) => role === 'worker');
    await waitFor('the worker to be given up', async () => {
      const { pid, state } = (await worker()) ?? {};
      // As the system would end it: not on purpose. One that had lived for long is started once more.
      if (state === 'running' && pid !== undefined) process.kill(pid, 'SIGKILL');
      return state === 'failed';
    });
    await waitFor('the verdict', isOver);
    const record = await ask('runs.getRun', { id: told.attack?.runId ?? '' });
    expect(record).toMatchObject({ verdict: 'invalid', exitCode: 6, end: 'finished' });
    expect(record.reasons.join(' ')).toContain('worker-1 was given up (ended by SIGKILL');
    expect(describeVerdict(record).headline).toMatch(/^No verdict: a part was missing/);
    expect(record.audit).toMatchObject({ lost: 0, duplicated: 0, oversold: 0 });
    expect(record.audit.pending).toBeGreaterThan(0);
  });
});

/** ms without Redis after which the series has a gap. */
const GAP_MS = 1_500;

describe('a backend that ends while the cluster runs', () => {
  it('is started again by itself, on its own address and with its data, whichever it is; what was accepted is sold', async () => {
    const { centre, ask, told, isOver } = await openCentre();
    const backend = async (role: BackendState['role']): Promise<BackendState | undefined> =>
      (await ask('app.getSnapshot', {})).cluster.backends.find((backend) => backend.role === role);
    const settings = {
      profile: 'sustained',
      ratePerSec: 800,
      durationSec: 3,
      connections: 50,
      stock: 1_200,
    } as const;

    await ask('cluster.start', { provider: 'native' });
    const first = await ask('attack.launch', settings);
    await waitFor('the attack to be half over', () => (told.attack?.accepted ?? 0) >= 1_000);
    const before = await backend('redis');
    await ask('faults.breakPart', { kind: 'kill', target: 'redis' });
    await waitFor('Redis to be away', async () => (await backend('redis'))?.state === 'restarting');
    expect((await backend('redis'))?.detail).toMatch(/^Redis ended by itself \(signal SIGKILL\)\. It is /);
    // An attack waits for it, and says so.
    const refused = await centre.call('attack.launch', settings);
    expect(refused).toMatchObject({
      ok: false,
      error: { code: expect.stringMatching(/^(attack.busy|cluster)/) },
    });
    await waitFor('Redis to be back', async () => (await backend('redis'))?.state === 'running');
    expect(await backend('redis')).toMatchObject({ port: before?.port, restarts: 1 });
    expect((await backend('redis'))?.handle).not.toBe(before?.handle);
    await waitFor('the end of the attack', isOver);
    // The charts go on without Redis: what is left is not known meanwhile, and its end and return are marked.
    const marks = marksOfRun(told.attack ?? {});
    expect(marks.map(({ label }) => label)).toEqual(
      expect.arrayContaining(['Redis killed', expect.stringMatching(/Redis.* back/)]),
    );
    const { samples } = await ask('app.getSnapshot', {});
    const gap = samples.filter(({ remaining }) => remaining === null);
    const at = (label: RegExp): number => marks.find((mark) => label.test(mark.label))?.tMs ?? 0;
    // A Redis that is back before a sample misses it leaves no gap.
    if (at(/Redis.* back/) - at(/Redis killed/) > GAP_MS) expect(gap.length).toBeGreaterThan(0);
    expect(samples.at(-1)?.tMs).toBeGreaterThan(gap.at(-1)?.tMs ?? 0);
    await waitFor('the first attack’s units to be sold', async () => {
      const sale = (await ask('sales.listSales', {})).find((one) => one.id === first.saleId);
      return sale?.counters.grantedUnits === settings.stock;
    });

    for (const role of ['postgres', 'rabbitmq'] as const) {
      const { port } = (await backend(role)) ?? {};
      await ask('faults.breakPart', { kind: 'kill', target: role });
      await waitFor(`${role} to be back`, async () => {
        const state = await backend(role);
        return state?.state === 'running' && state.restarts === 1;
      });
      expect((await backend(role))?.port).toBe(port);
    }
    expect(await ask('cluster.start', {})).toMatchObject({ state: 'running' });
    await ask('attack.launch', settings);
    await waitFor('the verdict', isOver);
    expect(told.attack).toMatchObject({ phase: 'finished' });
    const audit = told.attack?.audit;
    if (!audit) throw new Error('the attack ended without an audit');
    expectChecks(audit);
    expect(audit).toMatchObject({ sold: 1_200, pending: 0, lost: 0, duplicated: 0 });
  });
});

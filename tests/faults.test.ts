/** Every kind of fault, in attacks on a native cluster: each has its effect, and nothing is lost, doubled or oversold. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkState } from '../contract/checks.ts';
import { parseFaults } from '../contract/fault-syntax.ts';
import { kindsOn } from '../contract/faults.ts';
import { declaredTargetSchema } from '../contract/target.ts';
import { openControlCentre } from './support/centre.ts';
import { expectChecks } from './support/fleet.ts';
import { waitFor } from './support/worker-world.ts';

/** One after the other, so that each meets a cluster that is well; by kind, in the order of time. */
const SCHEDULES = {
  'services and frames': [
    'kill:worker-1@500ms',
    'duplicate:frames@1s+1s',
    'pause:gateway-1@2500ms+700ms',
    'reorder:frames@3500ms+1s',
    'die:worker.after-commit@5s+3s',
    'corrupt:frames@7s+1s',
    'restart:worker-2@9s',
    'hold:frames@10s+1s',
    'die:gateway.after-publish@11s+2s',
    'clock:gateway=300@13500ms+1s',
    'clock:workers=-3600@15s+1s',
    'late:frames@16500ms+1s',
    'halt:worker-2.after-lua@18s+1s',
    'resend:frames@19500ms+1s',
  ],
  'Redis and RabbitMQ': [
    'flush:redis@500ms',
    'lose:redis@1500ms',
    'set-back:redis@4s+1s',
    'pause:redis@7s+700ms',
    'disk-alarm:rabbitmq@8500ms+1s',
    'memory-alarm:rabbitmq@11s+1s',
    'full-queue:rabbitmq@13500ms+2s',
    'no-queue:rabbitmq@16500ms',
    'kill:rabbitmq@19s',
  ],
  'Postgres and links': [
    'read-only:postgres@500ms+1s',
    'no-connections:postgres@3s+1s',
    'disk-full:postgres@5500ms',
    'cut:worker-redis@11s+700ms',
    'delay:gateway-rabbitmq=300@12s+1s',
    'jitter:worker-postgres=200@13s+1s',
    'throttle:worker-rabbitmq=5000@14s+1s',
    'half-open:gateway-redis=answers@15s+1s',
    'reset:buyers-gateway@17s+500ms',
  ],
} as const;

const undo: (() => unknown)[] = [];
let world: Awaited<ReturnType<typeof openControlCentre>>;
beforeAll(async () => {
  world = await openControlCentre(undo);
  await world.ask('cluster.start', { provider: 'native' });
  await world.ask('services.scale', { role: 'gateway', count: 2 });
  await world.ask('services.scale', { role: 'worker', count: 2 });
}, 120_000);
afterAll(async () => {
  for (const step of undo.reverse()) await step();
}, 60_000);

/** A fault so many times as late. */
function later(fault: string, times: number): string {
  return fault.replace(
    /@(\d+)(ms|s)/,
    (_, count: string, unit: string) => `@${Number(count) * times}${unit}`,
  );
}

/** The record of an attack at 150 requests a second. */
async function attackWith(faults: string, durationSec: number) {
  const { ask, told, isOver } = world;
  const { runId } = await ask('attack.launch', {
    profile: 'sustained',
    ratePerSec: 150,
    durationSec,
    connections: 60,
    stock: 5_000,
    perBuyerLimit: 2,
    // Only those can come twice.
    ...(faults.includes('resend:') ? { keys: 'own' as const } : {}),
    timeoutMs: 8_000,
    drainTimeoutMs: 120_000,
    faults,
  });
  await waitFor('the verdict', () => told.attack?.runId === runId && isOver(), 200_000);
  expect(told.attack).toMatchObject({ phase: 'finished' });
  return await ask('runs.getRun', { id: runId });
}

describe('an attack with faults', () => {
  it.for(Object.entries(SCHEDULES))(
    'of %s passes its audit, and each fault shows its effect',
    { timeout: 240_000 },
    async ([, planned], { task }) => {
      // A machine on which parts were not yet well at the next fault gets more time between them.
      const slowness = 1 + 2 * (task.result?.retryCount ?? 0);
      const schedule = planned.map((fault) => later(fault, slowness));
      const record = await attackWith(schedule.join(' '), 21 * slowness);
      expect(record.faults?.map(({ fault, effect, hadEffect }) => ({ fault, effect, hadEffect }))).toEqual(
        schedule.map((fault) => ({ fault, effect: expect.any(String) as string, hadEffect: true })),
      );
      expectChecks(record.audit);
      const { sent, accepted, rejected, unknown } = record.load;
      expect(sent).toBe(accepted + rejected + unknown);
      expect(record.audit).toMatchObject({ oversold: 0, undersold: 0, lost: 0, duplicated: 0, pending: 0 });
    },
  );

  it('is invalid when the machine stood still, and marks the gap: it is no slow answer', async () => {
    // Longer than the silence after which an attack gives up: no gateway was silent.
    const record = await attackWith('freeze:machine@1s+11s', 3);
    expect(record).toMatchObject({ verdict: 'invalid', exitCode: 5, faults: [{ hadEffect: true }] });
    expect(record.reasons.join(' ')).toMatch(/The rate was not held\. The whole machine stood still for/);
    expectChecks(record.audit);
  }, 120_000);

  it('tries every kind', () => {
    const all = `${Object.values(SCHEDULES).flat().join(' ')} freeze:machine@1s`;
    const tried = parseFaults(all).map(({ kind }) => kind);
    expect(kindsOn(false).filter((kind) => !tried.includes(kind))).toEqual([]);
  });

  it('of another shop breaks the parts of our cluster that this shop uses, and is judged all the same', async () => {
    // The shop is our own gateway, seen through an adapter: it knows nothing of queue, worker and audit.
    const { ask, told, isOver } = world;
    const { services } = await ask('app.getSnapshot', {});
    const port = services.find(({ id }) => id === 'gateway-1')?.port ?? 0;
    const connections = await ask('cluster.listConnections', {});
    const postgres = connections.find(({ role }) => role === 'postgres')?.url ?? '';
    await ask('sales.openSale', { id: 'seen-from-outside', stock: 40 });
    const declared = declaredTargetSchema.parse({
      name: 'our gateway',
      url: `http://127.0.0.1:${port}`,
      buy: { path: '/reserve', body: { saleId: 'seen-from-outside', userId: '{buyer}' } },
      answers: { accepted: { status: 202 }, id: 'reservationId' },
      outcome: {
        path: '/reservations/{id}',
        granted: { field: 'status', is: 'granted' },
        soldOut: { field: 'reason', is: 'sold_out' },
      },
      owners: {
        sql: "SELECT user_id, unit_no, reservation_id FROM tickets WHERE sale_id = 'seen-from-outside'",
        postgres,
        buyer: 'user_id',
        unit: 'unit_no',
        id: 'reservation_id',
      },
      stock: 40,
      limit: 1,
    });
    const settings = {
      profile: 'sustained',
      ratePerSec: 150,
      durationSec: 3,
      connections: 60,
      drainTimeoutMs: 60_000,
      faults: 'kill:workers@500ms kill:redis@1500ms',
    } as const;
    const { name, url, limit } = declared;
    const target = { name, url, limit, file: 'shop.json', use: { declared } };
    const outside = { settings: { ...settings, faults: 'cut:buyers-gateway@1s+1s' }, target };
    await expect(ask('attack.launchTarget', outside)).rejects.toThrow('faults (buyers-gateway) does not go');
    const { runId } = await ask('attack.launchTarget', { settings, target });
    await waitFor('the verdict', () => told.attack?.runId === runId && isOver(), 200_000);
    const record = await ask('runs.getRun', { id: runId });
    expect(record.faults?.map(({ fault, hadEffect }) => [fault, hadEffect])).toEqual([
      ['kill:workers@500ms', true],
      ['kill:redis@1500ms', true],
    ]);
    const { sent, accepted, rejected, unknown } = record.load;
    expect(sent).toBe(accepted + rejected + unknown);
    expect(record.audit).toMatchObject({ sold: 40, oversold: 0, lost: 0, duplicated: 0, pending: 0 });
    expect(record.audit.checks.map(checkState).filter((state) => state === 'failed')).toEqual([]);
  }, 240_000);

  it('refuses a fault that can not be made, before anything is sent', async () => {
    const launched = await world.centre.call('attack.launch', {
      profile: 'burst',
      faults: 'kill:worker-9@1s',
    });
    expect(launched).toMatchObject({
      ok: false,
      error: { code: 'fault.noTarget', fix: expect.stringContaining('worker-1') as string },
    });
  });
});

describe('a fault without an attack', () => {
  it('breaks the part now, and heals by itself', async () => {
    const { ask } = world;
    const states = async () =>
      (await ask('app.getSnapshot', {})).cluster.backends.map(({ role, state }) => `${role} ${state}`);
    await ask('faults.breakPart', { kind: 'pause', target: 'redis', lengthMs: 1_500 });
    await expect.poll(states, { timeout: 5_000 }).toContain('redis unhealthy');
    await expect.poll(states, { timeout: 10_000 }).toContain('redis running');
    const answer = await world.centre.call('faults.breakPart', { kind: 'pause', target: 'frames' });
    expect(answer).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('gateway') as string },
    });
  });
});

/**
 * What FlashGrid claims, on the processes that ship: thousands at once, several gateways and workers, a worker that dies, frames that
 * come twice, and every unit sold exactly once.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { reservationViewSchema } from '../services/gateway/reservation-lookup.ts';
import type { ReservationView } from '../services/gateway/reservation-lookup.ts';
import { Fleet, expectChecks } from './support/fleet.ts';
import { startFrameDuplicator } from './support/frame-duplicator.ts';
import type { FrameDuplicator } from './support/frame-duplicator.ts';
import { eachAtOnce } from './support/each-at-once.ts';
import { reserve, send } from './support/gateway-world.ts';
import { waitFor } from './support/worker-world.ts';

/** Small frames and a short reach: many frames, and many of them under way when something happens. */
const MANY_FRAMES = { FLASHGRID_MAX_FRAME: '32', FLASHGRID_PREFETCH: '8' };

let fleet: Fleet;
afterEach(() => fleet.close());

async function duplicateFrames(): Promise<FrameDuplicator> {
  const duplicator = await startFrameDuplicator(fleet.endpoints.amqpUrl, fleet.queue);
  fleet.onClose('duplicator', () => duplicator.stop());
  return duplicator;
}

async function untilRestarted(id: string): Promise<void> {
  await waitFor(`${id} to run again`, () => {
    const service = fleet.supervisor.states().find((one) => one.id === id);
    return service?.state === 'running' && service.restarts === 1;
  });
}

describe('twelve thousand buyers at once, a worker killed halfway, frames delivered twice', () => {
  it('get exactly the stock, and the audit passes all nine checks', async () => {
    const sale = { id: 'flagship', stock: 4_000, perBuyerLimit: 1 };
    fleet = await Fleet.open({ gateways: 2, workers: 3, env: MANY_FRAMES });
    await fleet.openSale(sale);
    const duplicator = await duplicateFrames();
    const outcome = await fleet.attack(
      sale.id,
      { profile: 'burst', requests: 12_000, connections: 300, stock: sale.stock },
      [{ afterAnswers: 6_000, act: () => fleet.supervisor.kill('worker-1') }],
    );
    expect(outcome.load).toMatchObject({ sent: 12_000, accepted: 12_000, rejected: 0, unknown: 0 });
    await duplicator.stop();
    const found = await fleet.audit(sale, outcome);
    expectChecks(found);
    expect(found).toMatchObject({
      sold: 4_000,
      granted: 4_000,
      refused: 8_000,
      pending: 0,
      lost: 0,
      duplicated: 0,
      oversold: 0,
      undersold: 0,
    });
    // What was planted did happen.
    expect(duplicator.copies()).toBeGreaterThan(20);
    await waitFor('the workers to tell of repeats', () => fleet.supervisor.totals.read().repeatedFrames > 20);
    await untilRestarted('worker-1');
    expect(await fleet.queued()).toEqual({ waiting: 0, dead: 0 });
  });
});

/** `Map.groupBy`, which Node 20 has not. */
function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

// ── Quantities, limits and keys ─────────────────────────────────────────────────────────────────────────────

const LIMIT = 3;
const BUYERS = 150;
const SINGLES = 350;
const STOCK = 300;

interface Wish {
  readonly userId: string;
  readonly quantity: number;
  readonly key?: string;
  /** Wishes of one name are one reservation, however often they are sent. */
  readonly name: string;
}

/** Each buyer asks for 2, twice under the same key; for 2 more under another; for 1 without a key. Others want one unit each. */
function wishes(): Wish[] {
  const all: Wish[] = [];
  for (let buyer = 0; buyer < BUYERS; buyer++) {
    const userId = `buyer-${buyer}`;
    const first = { userId, quantity: 2, key: `${userId}-first-try`, name: `${userId} first` };
    all.push(first, { userId, quantity: 1, name: `${userId} plain` });
    all.push({ userId, quantity: 2, key: `${userId}-second-try`, name: `${userId} second` }, first);
  }
  for (let single = 0; single < SINGLES; single++)
    all.push({ userId: `single-${single}`, quantity: 1, name: `single-${single}` });
  // Spread over the whole run by a fixed step that shares no factor with the count, so that everybody competes with everybody.
  const step = 787;
  return all.map((_, at) => all[(at * step) % all.length]).filter((wish) => wish !== undefined);
}

const acceptedSchema = z.object({ reservationId: z.string(), status: z.literal('queued') });

describe('buyers that ask for several units, under keys, and again when they are in doubt', () => {
  it('never pass the limit, and get one outcome for each key', async () => {
    const saleId = 'quantities';
    fleet = await Fleet.open({ gateways: 3, workers: 2, env: MANY_FRAMES });
    await fleet.openSale({ id: saleId, stock: STOCK, perBuyerLimit: LIMIT });
    const duplicator = await duplicateFrames();
    const gateways = fleet.supervisor.gatewayUrls().map((url) => ({ url }));
    const all = wishes();
    expect(new Set(all.map((wish) => wish.name)).size).toBe(BUYERS * 3 + SINGLES);

    const idsOf = new Map<string, Set<string>>();
    let answers = 0;
    await eachAtOnce(all, 100, async ({ userId, quantity, key, name }, at) => {
      const gateway = gateways[at % gateways.length];
      if (!gateway) throw new Error('no gateway');
      const { status, body } = await reserve(
        gateway,
        { saleId, userId, quantity },
        key === undefined ? {} : { 'idempotency-key': key },
      );
      expect([status, body]).toEqual([202, body]);
      const ids = idsOf.get(name) ?? new Set();
      idsOf.set(name, ids.add(acceptedSchema.parse(body).reservationId));
      if (++answers === all.length / 2) fleet.supervisor.kill('worker-1');
    });
    await duplicator.stop();

    // One reservation for each wish, and none for two.
    const wishOf = new Map<string, Wish>();
    for (const wish of all) {
      const ids = [...(idsOf.get(wish.name) ?? [])];
      expect(ids, wish.name).toHaveLength(1);
      for (const id of ids) wishOf.set(id, wish);
    }
    expect(wishOf.size).toBe(idsOf.size);

    // Every gateway can tell each outcome, also of what another has taken.
    const outcomes = new Map<string, ReservationView>();
    await eachAtOnce([...wishOf.keys()], 50, async (id, at) => {
      const gateway = gateways[at % gateways.length];
      if (!gateway) throw new Error('no gateway');
      await waitFor(`the outcome of ${id}`, async () => {
        const view = reservationViewSchema.parse((await send(gateway, 'GET', `/reservations/${id}`)).body);
        outcomes.set(id, view);
        return view.status !== 'queued';
      });
    });
    await waitFor('an empty queue', async () => (await fleet.queued()).waiting === 0);

    const tickets = await fleet.tickets(saleId);
    // Whoever wants a single unit is refused only once none is left, and there are more of them than units.
    expect(tickets.map((ticket) => ticket.unit_no)).toEqual(Array.from({ length: STOCK }, (_, at) => at + 1));
    const ticketsOf = groupBy(tickets, (ticket) => ticket.reservation_id);
    const reasons = new Set<string>();
    let granted = 0;
    for (const [id, wish] of wishOf) {
      const outcome = outcomes.get(id);
      const own = ticketsOf.get(id) ?? [];
      if (outcome?.status !== 'granted') {
        expect([id, outcome?.status, own]).toEqual([id, 'refused', []]);
        if (outcome?.status === 'refused') reasons.add(outcome.reason);
        continue;
      }
      granted++;
      expect(
        own.map((ticket) => ticket.unit_no).sort((a, b) => a - b),
        id,
      ).toEqual([...outcome.units].sort((a, b) => a - b));
      expect(
        own.map((ticket) => ticket.item_no).sort((a, b) => a - b),
        id,
      ).toEqual(Array.from({ length: wish.quantity }, (_, item) => item + 1));
      expect(new Set(own.map((ticket) => ticket.user_id)), id).toEqual(new Set([wish.userId]));
    }
    expect([...ticketsOf.keys()].filter((id) => !wishOf.has(id))).toEqual([]);
    for (const [userId, own] of groupBy(tickets, (ticket) => ticket.user_id))
      expect(own.length, userId).toBeLessThanOrEqual(LIMIT);
    expect(reasons).toContain('buyer_limit');
    expect(reasons).toContain('sold_out');

    // Redis counted each reservation once, whatever came twice.
    const counters = (await fleet.store.readSale(saleId))?.counters;
    expect(counters).toMatchObject({ remaining: 0, decided: wishOf.size, granted, grantedUnits: STOCK });
    expect(duplicator.copies()).toBeGreaterThan(5);
    await untilRestarted('worker-1');
    expect(await fleet.queued()).toEqual({ waiting: 0, dead: 0 });
  });
});

/** Small sales at random, with up to four things gone wrong in them: what planted faults did not think of. */
import fc from 'fast-check';
import { World, type Fortune } from './audit-world.ts';

const at = <T>(list: readonly T[], place: number): T | undefined => list[place % Math.max(1, list.length)];
/** What may go wrong with a ticket, a record, an answer or a counter; the numbers choose which one. */
const damages: readonly ((world: World, one: number, other: number) => void)[] = [
  ({ tickets }, one) => tickets.splice(one % Math.max(1, tickets.length), 1),
  ({ tickets }, one, other) => Object.assign(at(tickets, one) ?? {}, { unit: other % 15 }),
  ({ tickets }, one, other) => Object.assign(at(tickets, one) ?? {}, { userId: `buyer-${other % 12}` }),
  ({ tickets }, one, other) =>
    Object.assign(at(tickets, one) ?? {}, { reservationId: at(tickets, other)?.reservationId }),
  ({ tickets }, one) => {
    const ticket = at(tickets, one);
    if (ticket) tickets.push({ ...ticket });
  },
  ({ tickets, requests }, one, other) =>
    tickets.push({
      unit: (other % 14) + 1,
      reservationId: at(requests, one)?.reservationId ?? 'audited.phantom1-0.0',
      userId: at(requests, other)?.userId ?? 'nobody',
    }),
  ({ tickets }, one) =>
    tickets.push({
      unit: (one % 14) + 1,
      reservationId: `audited.phantom2-${one % 5}.0`,
      userId: `buyer-${one % 12}`,
    }),
  ({ frames }, one) => frames.splice(one % Math.max(1, frames.length), 1),
  ({ frames }, one, other) => {
    const frame = at(frames, one);
    if (!frame) return;
    const place = other % frame.codes.length;
    if (frame.codes[place] === 'G') frame.grants.delete(place);
    else frame.grants.set(place, [(other % 12) + 1]);
    frame.codes[place] = frame.codes[place] === 'G' ? 'SLC'.charAt(one % 3) : 'G';
  },
  ({ requests }, one) => delete at(requests, one)?.reservationId,
  ({ requests }, one, other) => {
    const [first, second] = [at(requests, one), at(requests, other)];
    if (first?.reservationId && second?.reservationId) second.reservationId = first.reservationId;
  },
  ({ requests }, one, other) => {
    const request = at(requests, one);
    if (request) Object.assign(request, { sentAtMs: other % 20_000, answeredAtMs: (other % 20_000) + 3 });
  },
  (world, one) => void (world.remaining += (one % 5) - 2),
  (world, one) => void (world.sale.perBuyerLimit = (one % 3) + 1),
  (world, one) => void (world.queues = { waiting: one % 2, dead: (one % 3) + 1, deadBefore: 1 }),
  (world) => void (world.isKnownToRedis = false),
];

const fortune = fc.constantFrom<Fortune>('taken', 'taken', 'taken', 'lost', 'dropped', 'failed', 'rejected');

/** Worlds of which most break a check; which one, nobody knows beforehand. */
export function damagedWorld(): fc.Arbitrary<World> {
  const sales = fc.record({
    stock: fc.integer({ min: 1, max: 12 }),
    perBuyerLimit: fc.integer({ min: 1, max: 3 }),
    frameSize: fc.integer({ min: 1, max: 5 }),
    visits: fc.array(fc.record({ fortune, buyer: fc.integer({ min: 0, max: 9 }) }), {
      minLength: 1,
      maxLength: 30,
    }),
  });
  const blows = fc.array(fc.tuple(fc.nat(damages.length - 1), fc.nat(), fc.nat()), {
    minLength: 1,
    maxLength: 4,
  });
  return fc.tuple(sales, blows).map(([{ visits, ...options }, happened]) => {
    const world = new World({
      ...options,
      fortunes: visits.map((visit) => visit.fortune),
      buyers: visits.map((visit) => visit.buyer),
    });
    for (const [which, one, other] of happened) damages[which]?.(world, one, other);
    return world;
  });
}

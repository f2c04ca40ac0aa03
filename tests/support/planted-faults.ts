/** One fault each of which a small, consistent sale is given, and the checks that it breaks. Two judges are tested with them. */
import type { CheckId } from '../../contract/checks.ts';
import { ORDER_TOLERANCE_MS } from '../../control/audit/checks/order.ts';
import { World, type Fortune } from './audit-world.ts';

export const taken = (count: number): Fortune[] => Array.from({ length: count }, () => 'taken');

/** 40 buyers for 10 units: requests 0..9 are granted, the others refused. */
export const soldOut = () => new World({ stock: 10, fortunes: taken(40) });
/** 6 buyers for 10 units: all are granted. */
export const enough = () => new World({ stock: 10, fortunes: taken(6) });

export interface Fault {
  readonly what: string;
  readonly world: () => World;
  readonly plant: (world: World) => void;
  readonly breaks: readonly CheckId[];
  readonly summary: { readonly of: CheckId; readonly says: RegExp };
  readonly audit?: object;
}

export const faults: readonly Fault[] = [
  {
    what: 'a ticket beyond the stock',
    world: soldOut,
    plant: (world) => {
      const { frame, place } = world.locate(20);
      frame.codes[place] = 'G';
      frame.grants.set(place, [11]);
      world.tickets.push({
        unit: 11,
        reservationId: world.requests[20]?.reservationId ?? '',
        userId: 'buyer-20',
      });
    },
    breaks: ['no_oversell', 'stock_balance'],
    summary: { of: 'no_oversell', says: /11 tickets for 10 units: 1 beyond the stock/ },
    audit: { oversold: 1 },
  },
  {
    what: 'a unit sold twice, within the stock',
    world: enough,
    plant: (world) => {
      const { frame, place } = world.locate(5);
      frame.grants.set(place, [1]);
      world.tickets.splice(5, 1, {
        unit: 1,
        reservationId: world.requests[5]?.reservationId ?? '',
        userId: 'buyer-5',
      });
    },
    breaks: ['no_oversell'],
    summary: { of: 'no_oversell', says: /1 sold twice/ },
    audit: { oversold: 1 },
  },
  {
    what: 'units left although buyers were refused as sold out',
    world: soldOut,
    plant: (world) => {
      for (const request of [8, 9]) {
        const { frame, place } = world.locate(request);
        frame.codes[place] = 'S';
        frame.grants.delete(place);
      }
      world.tickets.splice(8, 2);
      world.remaining = 2;
    },
    breaks: ['no_undersell'],
    summary: { of: 'no_undersell', says: /2 units stayed unsold: 8 of 10 sold.*asked for 40/ },
    audit: { undersold: 2, sold: 8 },
  },
  {
    what: 'units left although the gateway rejected buyers',
    world: enough,
    plant: (world) => {
      world.requests.push({
        userId: 'buyer-99',
        status: 'rejected',
        httpStatus: 409,
        sentAtMs: 50,
        answeredAtMs: 51,
      });
    },
    breaks: ['no_undersell'],
    summary: { of: 'no_undersell', says: /1 unit stayed unsold/ },
    audit: { undersold: 1 },
  },
  {
    what: 'an accepted reservation that nobody ever decided',
    world: soldOut,
    plant: (world) => {
      const last = world.frames.at(-1);
      if (last) world.frames.splice(world.frames.indexOf(last), 1);
    },
    breaks: ['conservation', 'single_outcome'],
    summary: {
      of: 'conservation',
      says: /40 accepted = 10 granted \+ 29 refused \+ 1 reservation without/,
    },
    audit: { pending: 1, lost: 1 },
  },
  {
    what: 'an acknowledgement without a reservation id',
    world: soldOut,
    plant: (world) => {
      delete world.requests[30]?.reservationId;
    },
    breaks: ['conservation', 'single_outcome'],
    summary: { of: 'conservation', says: /1 reservation without an outcome/ },
    audit: { pending: 1 },
  },
  {
    what: 'a granted reservation whose ticket is missing',
    world: soldOut,
    plant: (world) => {
      world.tickets.splice(3, 1);
      world.remaining = 1;
    },
    breaks: ['no_undersell', 'single_outcome'],
    summary: { of: 'single_outcome', says: /1 reservation granted without a ticket/ },
    audit: { lost: 1, undersold: 1 },
  },
  {
    what: 'a refused reservation that owns a ticket',
    world: soldOut,
    plant: (world) => {
      const { frame, place } = world.locate(4);
      frame.codes[place] = 'S';
      frame.grants.delete(place);
    },
    breaks: ['single_outcome'],
    summary: { of: 'single_outcome', says: /1 reservation refused and yet with a ticket/ },
    audit: { duplicated: 1 },
  },
  {
    what: 'a record that grants another unit than the ticket',
    world: enough,
    plant: (world) => {
      const { frame, place } = world.locate(2);
      frame.grants.set(place, [9]);
    },
    breaks: ['single_outcome'],
    summary: { of: 'single_outcome', says: /1 reservation with tickets for other units/ },
    audit: { duplicated: 1 },
  },
  {
    what: 'two requests that were given the same reservation',
    world: soldOut,
    plant: (world) => {
      const [, first, second] = world.requests;
      if (first && second) second.reservationId = first.reservationId ?? '';
      // The ticket of the second is then no accepted reservation's.
      world.tickets.splice(2, 1);
      world.remaining = 1;
    },
    breaks: ['no_undersell', 'single_outcome'],
    summary: { of: 'single_outcome', says: /1 reservation with an id that another request was given/ },
    audit: { duplicated: 1 },
  },
  {
    what: 'a ticket that no request asked for',
    world: enough,
    plant: (world) => {
      world.tickets.push({ unit: 7, reservationId: 'audited.phantom1-0.0', userId: 'nobody' });
      world.remaining--;
    },
    breaks: ['no_phantom'],
    summary: { of: 'no_phantom', says: /1 ticket of no request that was sent/ },
  },
  {
    what: 'a ticket in another buyer’s name',
    world: enough,
    plant: (world) => {
      const ticket = world.tickets[3];
      if (ticket) ticket.userId = 'buyer-thief';
    },
    breaks: ['no_phantom'],
    summary: { of: 'no_phantom', says: /1 ticket in another buyer’s name/ },
  },
  {
    what: 'a ticket of a buyer who was refused for good',
    world: enough,
    plant: (world) => {
      world.requests.push({
        userId: 'buyer-bad',
        status: 'rejected',
        httpStatus: 400,
        sentAtMs: 9,
        answeredAtMs: 10,
      });
      world.tickets.push({ unit: 7, reservationId: 'audited.gateway9-0.0', userId: 'buyer-bad' });
      world.remaining--;
    },
    breaks: ['no_phantom'],
    summary: { of: 'no_phantom', says: /1 ticket of no request/ },
  },
  {
    what: 'a second ticket for one request without an answer',
    world: () => new World({ stock: 10, perBuyerLimit: 3, fortunes: ['lost', 'taken'] }),
    plant: (world) => {
      world.tickets.push({ unit: 3, reservationId: 'audited.gateway9-0.0', userId: 'buyer-0' });
      world.remaining--;
    },
    breaks: ['no_phantom'],
    summary: { of: 'no_phantom', says: /1 ticket of no request/ },
  },
  {
    what: 'more left in Redis than Postgres has not sold',
    world: enough,
    plant: (world) => {
      world.remaining += 2;
    },
    breaks: ['stock_balance'],
    summary: {
      of: 'stock_balance',
      says: /6 left in Redis \+ 6 tickets in Postgres = 12, 2 more than the stock of 10/,
    },
  },
  {
    what: 'a sale that Redis has forgotten',
    world: enough,
    plant: (world) => {
      world.isKnownToRedis = false;
    },
    breaks: ['stock_balance'],
    summary: { of: 'stock_balance', says: /Redis does not know sale audited/ },
  },
  {
    what: 'a buyer over the limit',
    world: () => new World({ stock: 10, perBuyerLimit: 2, fortunes: taken(4), buyers: [1, 1, 2, 3] }),
    plant: (world) => {
      world.sale.perBuyerLimit = 1;
    },
    breaks: ['buyer_limit'],
    summary: { of: 'buyer_limit', says: /1 buyer over the limit of 1; one holds 2/ },
  },
  {
    what: 'a frame that still waits',
    world: soldOut,
    plant: (world) => {
      world.queues.waiting = 1;
    },
    breaks: ['queues_empty'],
    summary: { of: 'queues_empty', says: /1 frame in the queue, 0 dead-lettered/ },
  },
  {
    what: 'a frame that was dead-lettered',
    world: soldOut,
    plant: (world) => {
      world.queues.dead = 3;
      world.queues.deadBefore = 2;
    },
    breaks: ['queues_empty'],
    summary: { of: 'queues_empty', says: /1 dead-lettered\. 2 frames lay/ },
  },
  {
    what: 'a buyer refused long before a later one, who got a unit, had asked',
    world: soldOut,
    plant: (world) => {
      const [late] = world.requests;
      const early = world.requests[25];
      if (!late || !early) return;
      late.sentAtMs = early.answeredAtMs + ORDER_TOLERANCE_MS + 1;
      late.answeredAtMs = late.sentAtMs + 5;
    },
    breaks: ['order'],
    summary: { of: 'order', says: /buyers refused although accepted before a later buyer/ },
  },
];

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { World } from '../../tests/support/audit-world.ts';
import { answersIn, contradicts, decisionsIn, isMinimal, rowsIn } from '../../tests/support/contradiction.ts';
import { damagedWorld } from '../../tests/support/damaged-world.ts';
import { enough, faults, soldOut, taken, type Fault } from '../../tests/support/planted-faults.ts';
import { CHECK_IDS, type CheckId } from '../../contract/checks.ts';
import { auditSchema, type Check } from '../../contract/run-record.ts';
import { eventTime, witnessSchema, type Witness } from '../../contract/witness.ts';
import { judge } from './audit.ts';
import type { EventTimes } from './evidence.ts';

const failedChecks = (world: World, times?: EventTimes): Check[] =>
  judge({ ...world.evidence(), ...(times ? { times } : {}) }, 12).checks.filter(({ ok }) => !ok);

/** Cases whose witness has another shape than those of the planted faults that both judges know. */
const more: readonly Pick<Fault, 'what' | 'world' | 'plant' | 'breaks'>[] = [
  {
    what: 'a unit number below 1',
    world: enough,
    plant: (world) => {
      const { frame, place } = world.locate(2);
      frame.grants.set(place, [0]);
      Object.assign(world.tickets[2] ?? {}, { unit: 0 });
    },
    breaks: ['no_oversell'],
  },
  {
    what: 'a ticket inserted twice',
    world: enough,
    plant: (world) => {
      world.tickets.push({ ...(world.tickets[1] ?? { unit: 0, reservationId: '', userId: '' }) });
    },
    breaks: ['no_oversell', 'single_outcome', 'stock_balance', 'buyer_limit'],
  },
  {
    what: 'one ticket lost and another one added',
    world: enough,
    plant: (world) => {
      world.tickets.splice(1, 1, { unit: 2, reservationId: 'audited.phantom1-0.0', userId: 'nobody' });
    },
    breaks: ['single_outcome', 'no_phantom'],
  },
  {
    what: 'more left in Redis than nothing, below zero',
    world: soldOut,
    plant: (world) => {
      world.remaining = -1;
      world.tickets.push({
        unit: 10,
        reservationId: world.requests[11]?.reservationId ?? '',
        userId: 'buyer-11',
      });
    },
    breaks: ['no_oversell', 'single_outcome', 'stock_balance'],
  },
  {
    what: 'a buyer far above a limit of ten',
    world: () =>
      new World({ stock: 30, perBuyerLimit: 10, fortunes: taken(20), buyers: Array<number>(20).fill(1) }),
    plant: (world) => {
      for (const request of [10, 11, 12]) {
        const { frame, place } = world.locate(request);
        frame.codes[place] = 'G';
        frame.grants.set(place, [request + 1]);
        world.tickets.push({
          unit: request + 1,
          reservationId: world.requests[request]?.reservationId ?? '',
          userId: 'buyer-1',
        });
        world.remaining--;
      }
    },
    breaks: ['buyer_limit'],
  },
  {
    what: 'two tickets of one reservation that no answer named, in two names',
    world: () => new World({ stock: 10, perBuyerLimit: 3, fortunes: ['lost', 'taken'] }),
    plant: (world) => {
      world.tickets.push({ unit: 3, reservationId: world.tickets[0]?.reservationId ?? '', userId: 'thief' });
      world.remaining--;
      const frame = world.frames[0];
      frame?.grants.set(0, [1, 3]);
    },
    breaks: ['no_phantom'],
  },
  {
    what: 'eight reservations of seven requests without an answer',
    world: () =>
      new World({
        stock: 10,
        perBuyerLimit: 9,
        fortunes: Array(7).fill('lost'),
        buyers: Array<number>(7).fill(1),
      }),
    plant: (world) => {
      world.tickets.push({ unit: 8, reservationId: 'audited.gateway9-0.0', userId: 'buyer-1' });
      world.remaining--;
    },
    breaks: ['no_phantom'],
  },
  {
    what: 'a winner whose record has expired, and who asked long after a loser was accepted',
    world: () => new World({ stock: 4, frameSize: 4, fortunes: taken(8) }),
    plant: (world) => {
      Object.assign(world.requests[0] ?? {}, { sentAtMs: 9_000, answeredAtMs: 9_005 });
      world.frames.splice(0, 1);
    },
    breaks: ['order'],
  },
];

/** What the events name is in the world, as they say it. */
function expectTrue(world: World, { events }: Witness): void {
  for (const { unit, buyer, id } of rowsIn(events))
    expect(world.tickets).toContainEqual({ unit: Number(unit), userId: buyer, reservationId: id });
  for (const { buyer, status, id } of answersIn(events))
    expect(
      world.requests.filter(
        (one) => one.userId === buyer && one.httpStatus === Number(status) && one.reservationId === id,
      ),
    ).not.toEqual([]);
  for (const { id, buyer, units, reason } of decisionsIn(events)) {
    const [, frameId, place = ''] = id?.split('.') ?? [];
    const frame = world.frames.find((one) => one.id === frameId);
    const named = [...world.requests, ...world.tickets];
    expect(named.some((one) => one.userId === buyer && one.reservationId === id)).toBe(true);
    expect(frame?.grants.get(Number(place))?.join(', ')).toBe(units);
    expect(frame?.codes[Number(place)] === 'G').toBe(reason === undefined);
  }
}

/** The check has a witness, which contradicts itself, is true, and needs each of its events. */
function expectWitness(world: World, { id, evidence }: Check): void {
  const found = evidence.witness;
  if (!found) throw new Error(`${id} has no witness`);
  expect(contradicts[id](found.events), `${id}: ${JSON.stringify(found.events)}`).toBe(true);
  expect(isMinimal(id, found.events), `${id}: ${JSON.stringify(found.events)}`).toBe(true);
  expectTrue(world, found);
  expect(witnessSchema.parse(found)).toEqual(found);
}

describe('the witness of a failed check', () => {
  it.each([...faults, ...more])(
    'contradicts itself, is true, and needs each of its events: $what',
    ({ world, plant, breaks }) => {
      const planted = world();
      plant(planted);
      const failed = failedChecks(planted);
      expect(failed.map(({ id }) => id)).toEqual(breaks);
      for (const check of failed) expectWitness(planted, check);
      expect(() => auditSchema.parse(judge(planted.evidence(), 12))).not.toThrow();
    },
  );

  it('contradicts itself whatever was damaged, in whatever sale (property)', () => {
    const seen = new Set<CheckId>();
    fc.assert(
      fc.property(damagedWorld(), (world) => {
        for (const check of failedChecks(world)) {
          seen.add(check.id);
          expectWitness(world, check);
        }
      }),
      // One of a hundred damages the order.
      { numRuns: 2_000 },
    );
    expect(CHECK_IDS.filter((id) => !seen.has(id))).toEqual([]);
  });

  it('exists for every check', () => {
    const seen = new Set<CheckId>(faults.flatMap(({ breaks }) => breaks));
    expect(CHECK_IDS.filter((id) => !seen.has(id))).toEqual([]);
  });

  it('is missing where a check passes', () => {
    const { checks } = judge(soldOut().evidence(), 12);
    expect(checks.filter(({ evidence }) => evidence.witness !== undefined)).toEqual([]);
  });

  it('shortens a name that somebody wrote into the database', () => {
    const world = enough();
    Object.assign(world.tickets[3] ?? {}, { userId: 'x'.repeat(100_000) });
    expect(JSON.stringify(failedChecks(world)).length).toBeLessThan(110_000);
    expect(JSON.stringify(failedChecks(world)[0]?.evidence.witness).length).toBeLessThan(1_000);
  });
});

it('names the frame that was dead-lettered, once it was looked up', () => {
  const world = soldOut();
  world.queues = { waiting: 0, dead: 2, deadBefore: 1 };
  const deadLetter = { id: 'gateway1-7', reservations: 3, reason: 'A worker rejected it.', closedAtMs: 12 };
  const { checks } = judge({ ...world.evidence(), deadLetter }, 12);
  const found = checks.find(({ id }) => id === 'queues_empty')?.evidence.witness;
  expect(found?.events.map(({ kind, text, tMs }) => ({ kind, text, tMs }))).toEqual([
    { kind: 'promise', text: 'No frame of a run is dead-lettered; 1 was there before.', tMs: undefined },
    {
      kind: 'frame',
      text: 'gateway1-7, 3 reservations, is in the dead-letter queue. A worker rejected it.',
      tMs: 12,
    },
  ]);
  expect(contradicts.queues_empty(found?.events ?? [])).toBe(true);
  expect(isMinimal('queues_empty', found?.events ?? [])).toBe(true);
});

it('puts the earlier of two events that exclude each other on the first lane', () => {
  const world = enough();
  Object.assign(world.tickets[5] ?? {}, { unit: 1 });
  const late = world.requests[0]?.reservationId;
  const times: EventTimes = { rowAtMs: (_, id) => (id === late ? 90 : 10), decidedAtMs: () => undefined };
  const events = failedChecks(world, times)[0]?.evidence.witness?.events;
  expect(events).toMatchObject([
    { lane: 0, tMs: 10, text: expect.stringContaining('buyer-5') as string },
    { lane: 1, tMs: 90, text: expect.stringContaining('buyer-0') as string },
  ]);
});

describe('the time of an event', () => {
  const refusedWithTicket = () => {
    const world = soldOut();
    const { frame, place } = world.locate(4);
    frame.codes[place] = 'S';
    frame.grants.delete(place);
    return world;
  };
  const times = (known: { row?: number; decided?: number }): EventTimes => ({
    rowAtMs: () => known.row,
    decidedAtMs: () => known.decided,
  });
  const shown = (known: { row?: number; decided?: number }) =>
    failedChecks(refusedWithTicket(), times(known))[0]?.evidence.witness?.events.map(
      (event) => `${event.kind} ${eventTime(event)}`,
    );

  it('is not made up: what no clock noted says so, in its logical place', () => {
    expect(shown({})).toEqual(['decision time not known', 'row time not known']);
    expect(shown({ row: 7.25 })).toEqual(['decision time not known', 'row +7.3 ms']);
  });

  it('orders the events, also against the logic when it is clear, and before the first request', () => {
    expect(shown({ row: 12, decided: 10 })).toEqual(['decision +10 ms', 'row +12 ms']);
    // A ms is less than the backends' clocks tell: a decision comes before its row.
    expect(shown({ row: 11, decided: 12 })).toEqual(['decision +12 ms', 'row +11 ms']);
    expect(shown({ row: -3, decided: 2_010.5 })).toEqual(['row −3 ms', 'decision +2,010.5 ms']);
  });
});

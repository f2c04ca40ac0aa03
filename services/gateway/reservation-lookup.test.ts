import { describe, expect, it } from 'vitest';
import { rareCounts } from '../shared/rare-paths.ts';
import { ProblemError } from './problems.ts';
import { ReservationLookup } from './reservation-lookup.ts';
import type { ReservationLookupOptions } from './reservation-lookup.ts';

const ID = 'demo.abcdefgh-1.2';
const facts = {
  id: 'demo',
  title: 'demo',
  stock: 1,
  perBuyerLimit: 1,
  mode: 'queue',
  status: 'open',
  generation: 1,
  isSoldOut: false,
} as const;

function lookup(changes: Partial<ReservationLookupOptions> = {}): ReservationLookup {
  return new ReservationLookup({
    findSale: () => Promise.resolve(facts),
    readRecord: () => Promise.resolve(undefined),
    readTickets: () => Promise.resolve({ units: [], resetEpoch: 0 }),
    rare: rareCounts('gateway'),
    knownFrame: () => 'sent',
    ...changes,
  });
}

async function problemOf(found: Promise<unknown>): Promise<string> {
  try {
    await found;
  } catch (error) {
    if (error instanceof ProblemError) return error.rejection.kind;
    throw error;
  }
  throw new Error('no problem');
}

describe('looking up a reservation', () => {
  it('reads the outcome from the record of its frame', async () => {
    const readRecord = () => Promise.resolve('1|SLG|2:7,8');
    const readTickets = () => Promise.resolve({ units: [7, 8], resetEpoch: 0 });
    expect(await lookup({ readRecord, readTickets }).find(ID)).toEqual({
      reservationId: ID,
      status: 'granted',
      units: [7, 8],
      unitNo: 7,
    });
    expect(await lookup({ readRecord }).find('demo.abcdefgh-1.1')).toEqual({
      reservationId: 'demo.abcdefgh-1.1',
      status: 'refused',
      reason: 'buyer_limit',
    });
  });

  it('reads the outcome of a keyed reservation from its own record', async () => {
    const id = 'demo.k.abcdefghijklmnopqrstuv';
    const readRecord = () => Promise.resolve('1|G|0:3');
    const readTickets = () => Promise.resolve({ units: [3], resetEpoch: 0 });
    expect(await lookup({ readRecord, readTickets }).find(id)).toMatchObject({
      status: 'granted',
      unitNo: 3,
    });
  });

  it('does not say granted before the tickets are committed, on any frontend', async () => {
    const readRecord = () => Promise.resolve('3|SLG|2:7');
    const ref = { kind: 'framed', saleId: 'demo', frameId: 'abcdefgh-1', index: 2 } as const;
    for (const knownFrame of ['recent', 'sent', 'expired', 'foreign'] as const) {
      const uncommitted = lookup({ readRecord, knownFrame: () => knownFrame });
      expect(await uncommitted.find(ID)).toEqual({ reservationId: ID, status: 'queued' });
      expect(await uncommitted.readOutcome(ID, ref)).toBeUndefined();
    }
  });

  it('tells of a grant that a reset has undone', async () => {
    const readRecord = () => Promise.resolve('3|SLG|2:7');
    const readTickets = () => Promise.resolve({ units: [], resetEpoch: 4 });
    expect(await lookup({ readRecord, readTickets }).find(ID)).toMatchObject({ reason: 'sale_reset' });
  });

  it('asks Postgres once for all who ask while it does not answer', async () => {
    let queries = 0;
    let answer: (tickets: { units: number[]; resetEpoch: number }) => void = () => undefined;
    const readTickets = () => {
      queries++;
      return new Promise<{ units: number[]; resetEpoch: number }>((resolve) => (answer = resolve));
    };
    const asked = lookup({ readRecord: () => Promise.resolve('1|SLG|2:7'), readTickets });
    const views = [1, 2, 3].map(() => asked.find(ID));
    await new Promise(setImmediate);
    answer({ units: [7], resetEpoch: 0 });
    expect(await Promise.all(views)).toMatchObject([{ unitNo: 7 }, { unitNo: 7 }, { unitNo: 7 }]);
    expect(queries).toBe(1);
  });

  it('finds an old grant in Postgres', async () => {
    const readTickets = () => Promise.resolve({ units: [4], resetEpoch: 0 });
    expect(await lookup({ readTickets, knownFrame: () => 'expired' }).find(ID)).toMatchObject({
      status: 'granted',
      units: [4],
    });
  });

  it('is queued while nobody has decided it', async () => {
    expect(await lookup().find(ID)).toEqual({ reservationId: ID, status: 'queued' });
  });

  it('does not ask Postgres for what was accepted a moment ago', async () => {
    const readTickets = () => Promise.reject(new Error('asked'));
    expect(await lookup({ readTickets, knownFrame: () => 'recent' }).find(ID)).toMatchObject({
      status: 'queued',
    });
  });

  it('tells what it can not know', async () => {
    expect(await problemOf(lookup().find('nonsense'))).toBe('invalid');
    expect(await problemOf(lookup({ findSale: () => Promise.resolve(undefined) }).find(ID))).toBe(
      'unknown-sale',
    );
    expect(await problemOf(lookup({ knownFrame: () => 'never-sent' }).find(ID))).toBe('unknown-reservation');
    expect(await problemOf(lookup({ knownFrame: () => 'expired' }).find(ID))).toBe('unknown-reservation');
    const readRecord = () => Promise.resolve('1|SS|');
    expect(await problemOf(lookup({ readRecord }).find(ID))).toBe('unknown-reservation');
  });

  it('does not take an outage for an answer', async () => {
    const readTickets = () => Promise.reject(new Error('away'));
    await expect(lookup({ readTickets }).find(ID)).rejects.toThrow('away');
  });
});

import { describe, expect, it } from 'vitest';
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
    readUnits: () => Promise.resolve([]),
    knownFrame: () => 'sent',
    ...changes,
  });
}

async function problemOf(found: Promise<unknown>): Promise<string> {
  try {
    await found;
  } catch (error) {
    if (error instanceof ProblemError) return error.refusal.kind;
    throw error;
  }
  throw new Error('no problem');
}

describe('looking up a reservation', () => {
  it('reads the outcome from the record of its frame', async () => {
    const readRecord = () => Promise.resolve('1|SLG|2:7,8');
    expect(await lookup({ readRecord }).find(ID)).toEqual({
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
    expect(await lookup({ readRecord }).find(id)).toMatchObject({ status: 'granted', unitNo: 3 });
  });

  it('finds an old grant in Postgres', async () => {
    const readUnits = () => Promise.resolve([4]);
    expect(await lookup({ readUnits, knownFrame: () => 'expired' }).find(ID)).toMatchObject({
      status: 'granted',
      units: [4],
    });
  });

  it('is queued while nobody has decided it', async () => {
    expect(await lookup().find(ID)).toEqual({ reservationId: ID, status: 'queued' });
  });

  it('does not ask Postgres for what was accepted a moment ago', async () => {
    const readUnits = () => Promise.reject(new Error('asked'));
    expect(await lookup({ readUnits, knownFrame: () => 'recent' }).find(ID)).toMatchObject({
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
    const readUnits = () => Promise.reject(new Error('away'));
    await expect(lookup({ readUnits }).find(ID)).rejects.toThrow('away');
  });
});

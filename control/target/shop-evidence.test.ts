import { describe, expect, it } from 'vitest';
import { checkState, type CheckId } from '../../contract/checks.ts';
import type { Audit, Check } from '../../contract/run-record.ts';
import { fixtureRun } from '../../tests/support/run-fixture.ts';
import { noteOf } from '../attack/protocol/shop-note.ts';
import { judge } from '../audit/audit.ts';
import type { Evidence } from '../audit/evidence.ts';
import type { LoadLedger, RequestStatus } from '../audit/ledger.ts';
import { evidenceRecords } from '../evidence/evidence-records.ts';
import { MerkleTree } from '../evidence/merkle-tree.ts';
import { Judge } from '../verify/judge.ts';
import { shopEvidence, type ShopFindings } from './shop-evidence.ts';
import type { Decided, Owned } from './shop-reader.ts';

interface Sent {
  readonly buyer: string;
  readonly status: RequestStatus;
  /** As the log has it. */
  readonly note?: string;
}

const bought = (buyer: string, unit = '', id = ''): Sent => ({
  buyer,
  status: 'accepted',
  note: noteOf(id, unit),
});
const soldOut = (buyer: string): Sent => ({ buyer, status: 'rejected', note: 'soldOut' });
const owns = (buyer: string, unit = '', id = ''): Owned => ({ buyer, unit, id });

function ledgerOf(sent: readonly Sent[]): LoadLedger {
  const of = (index: number): Sent => sent[index] ?? { buyer: '', status: 'unsent' };
  return {
    count: sent.length,
    userId: (index) => of(index).buyer,
    status: (index) => of(index).status,
    reservationId: (index) => of(index).note,
    httpStatus: (index) => ({ accepted: 200, rejected: 409, unknown: 0, unsent: 0 })[of(index).status],
    sentAtMs: (index) => index,
    answeredAtMs: (index) => index + 10,
  };
}

/** The checks of such an attack on two units, by id. */
function checksOf(
  sent: readonly Sent[],
  owners: readonly Owned[],
  more: Partial<ShopFindings> = {},
): Record<CheckId, Check> {
  const evidence = shopEvidence({
    seen: ledgerOf(sent),
    owners,
    outcomes: undefined,
    left: undefined,
    sale: { id: 'run-1', stock: 2, perBuyerLimit: 1 },
    reader: { hasIds: false, tellsSoldOut: true },
    hasLimit: true,
    ...more,
  });
  const audit = judge(evidence, 0);
  // The second judge, which shares no code with the first, must find the same.
  expect(disputed(evidence, audit)).toEqual([]);
  return Object.fromEntries(audit.checks.map((check) => [check.id, check])) as Record<CheckId, Check>;
}

function disputed(evidence: Evidence, audit: Audit): readonly string[] {
  const { id, startedAt, attack, environment } = fixtureRun();
  const target = { name: 'shop', url: 'http://127.0.0.1:1', file: 'shop.json' };
  const run = { id, startedAt, target, attack, environment, incidents: [] };
  const second = new Judge(undefined);
  const tree = new MerkleTree();
  for (const record of evidenceRecords([{ evidence, audit }], run)) {
    tree.add(record);
    second.read(record);
  }
  second.read(`M\t${tree.root()}\t${tree.leaves}`);
  return second.finish(undefined).disputed;
}

const failed = (checks: Record<CheckId, Check>) =>
  Object.values(checks)
    .filter((check) => checkState(check) === 'failed')
    .map(({ id }) => id);

describe('a shop that keeps its promises', () => {
  const sent = [bought('a', '1'), bought('b', '2'), soldOut('c')];
  const owners = [owns('a', '1'), owns('b', '2')];

  it('passes every check that its adapter has data for, and no other', () => {
    const checks = checksOf(sent, owners);
    expect(Object.values(checks).map((check) => [check.id, checkState(check)])).toEqual([
      ['no_oversell', 'passed'],
      ['no_undersell', 'passed'],
      ['conservation', 'notJudged'],
      ['single_outcome', 'passed'],
      ['no_phantom', 'passed'],
      ['stock_balance', 'notJudged'],
      ['buyer_limit', 'passed'],
      ['queues_empty', 'notJudged'],
      ['order', 'notJudged'],
    ]);
    for (const check of Object.values(checks)) expect(check.ok && check.isNotJudged).not.toBe(true);
  });

  it('is judged by more where the adapter says more', () => {
    const outcomes = new Map<number, Decided>([
      [0, 'granted'],
      [1, 'granted'],
    ]);
    const checks = checksOf(sent, owners, { left: 0, outcomes });
    expect(
      Object.values(checks)
        .filter(({ ok }) => !ok)
        .map(({ id }) => id),
    ).toEqual(['queues_empty']);
  });

  it('may give a unit to a buyer who got no answer', () => {
    expect(
      failed(checksOf([bought('a'), { buyer: 'b', status: 'unknown' }], [owns('a'), owns('b')])),
    ).toEqual([]);
  });

  it('owes nothing to a buyer whom it refused for another reason, at once or later', () => {
    const refused: Sent = { buyer: 'b', status: 'rejected', note: 'refused' };
    expect(failed(checksOf([bought('a'), refused], [owns('a')]))).toEqual([]);
    const outcomes = new Map<number, Decided>([
      [0, 'granted'],
      [1, 'refused'],
    ]);
    expect(failed(checksOf([bought('a'), bought('b')], [owns('a')], { outcomes }))).toEqual([]);
  });

  it('may sell the same buyer several units, in any order', () => {
    const checks = checksOf([bought('a', '2'), bought('a', '1')], [owns('a', '1'), owns('a', '2')], {
      sale: { id: 'run-1', stock: 2, perBuyerLimit: 2 },
      reader: { hasIds: false, tellsSoldOut: true },
      hasLimit: false,
    });
    expect(failed(checks)).toEqual([]);
    expect(checkState(checks.buyer_limit)).toBe('notJudged');
  });
});

describe('a shop that breaks a promise', () => {
  it('is caught selling one unit twice, with both owners and what they were told', () => {
    const checks = checksOf([bought('a', 'A7'), bought('b', 'A7')], [owns('a', 'A7'), owns('b', 'A7')]);
    expect(failed(checks)).toEqual(['no_oversell']);
    const { witness } = checks.no_oversell.evidence;
    expect(witness?.contradiction).toBe('Unit A7 was sold twice.');
    expect(witness?.events.map(({ kind, lane, text }) => [kind, lane, text])).toEqual([
      ['answer', 0, 'a was told 200: accepted.'],
      ['answer', 1, 'b was told 200: accepted.'],
      ['owner', 0, 'Unit A7 belongs to a.'],
      ['owner', 1, 'Unit A7 belongs to b.'],
    ]);
  });

  it('is caught selling more than the stock, without names of units too', () => {
    const buyers = ['a', 'b', 'c'];
    const checks = checksOf(
      buyers.map((buyer) => bought(buyer)),
      buyers.map((buyer) => owns(buyer)),
    );
    expect(failed(checks)).toEqual(['no_oversell']);
    expect(checks.no_oversell.evidence.witness?.contradiction).toBe(
      'More units are owned than there are: 3 of 2.',
    );
  });

  it('is caught losing what it said was bought', () => {
    const checks = checksOf([bought('a'), bought('b'), soldOut('c')], [owns('a')]);
    expect(failed(checks)).toEqual(['no_undersell', 'single_outcome']);
    expect(checks.single_outcome.evidence.witness?.events.map(({ text }) => text)).toEqual([
      'The request of b: granted a unit.',
      'The shop’s list of owners has no such unit of b.',
    ]);
  });

  it('is caught giving another unit than it said', () => {
    expect(failed(checksOf([bought('a', '1'), bought('b', '2')], [owns('a', '2'), owns('b', '1')]))).toEqual([
      'single_outcome',
    ]);
  });

  it('is caught giving units to buyers who never asked, or were told that it is sold out', () => {
    expect(failed(checksOf([bought('a')], [owns('a'), owns('x')]))).toEqual(['no_phantom']);
    expect(failed(checksOf([bought('a'), soldOut('b')], [owns('a'), owns('b')]))).toEqual(['no_phantom']);
  });

  it('is caught keeping units although buyers were told that it is sold out', () => {
    expect(failed(checksOf([bought('a'), soldOut('b')], [owns('a')]))).toEqual(['no_undersell']);
    const blind = checksOf([bought('a'), soldOut('b')], [owns('a')], {
      reader: { hasIds: false, tellsSoldOut: false },
    });
    expect(checkState(blind.no_undersell)).toBe('notJudged');
  });

  it('is caught leaving a request undecided, and refusing one that owns a unit', () => {
    const outcomes = (second: Decided) =>
      new Map<number, Decided>([
        [0, 'granted'],
        [1, second],
      ]);
    const sent = [bought('a'), bought('b')];
    const pending = checksOf(sent, [owns('a')], { outcomes: outcomes('pending') });
    expect(failed(pending)).toEqual(['no_undersell', 'conservation', 'single_outcome']);
    const refused = checksOf(sent, [owns('a'), owns('b')], { outcomes: outcomes('soldOut') });
    expect(failed(refused)).toEqual(['single_outcome']);
  });

  it('is caught over its limit, with wrong books, and giving one id to two buyers', () => {
    expect(failed(checksOf([bought('a'), bought('a')], [owns('a'), owns('a')]))).toEqual(['buyer_limit']);
    expect(failed(checksOf([bought('a'), bought('b')], [owns('a'), owns('b')], { left: 1 }))).toEqual([
      'stock_balance',
    ]);
    const shared = checksOf([bought('a', '', '7'), bought('b', '', '7')], [owns('a', '', '7')], {
      reader: { hasIds: true, tellsSoldOut: false },
    });
    expect(failed(shared)).toEqual(['single_outcome']);
  });
});

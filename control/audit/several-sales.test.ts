import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditSchema } from '../../contract/run-record.ts';
import { World } from '../../tests/support/audit-world.ts';
import { fixtureRun } from '../../tests/support/run-fixture.ts';
import { evidenceRecords } from '../evidence/evidence-records.ts';
import { writeEvidence } from '../evidence/write-evidence.ts';
import type { EvidenceRequest } from '../verify/sale-judge.ts';
import { verifyEvidence } from '../verify/verify-evidence.ts';
import { judge } from './audit.ts';
import type { LoadLedger } from './ledger.ts';
import { ledgersBySale, sumOfSales, type JudgedSale } from './several-sales.ts';

const world = (place: number, requests: number) =>
  new World({
    saleId: `run-x-${place}`,
    stock: 3,
    fortunes: Array.from({ length: requests }, () => 'taken'),
  });
const judged = (worlds: readonly World[], undecided: readonly string[] = []): JudgedSale[] =>
  worlds.map((one) => {
    const evidence = one.evidence();
    return { evidence, audit: judge(evidence, 7, undecided) };
  });
/** Three sales, of which the second has sold a unit twice and beyond its stock. */
function spoiled(): World[] {
  const worlds = [world(1, 9), world(2, 5), world(3, 2)];
  worlds[1]?.tickets.push({ unit: 3, reservationId: 'run-x-2.gateway1-9.0', userId: 'buyer-77' });
  return worlds;
}

describe('the audit of several sales', () => {
  it('adds up what was found of each, and holds where it holds for each', () => {
    const found = sumOfSales(judged([world(1, 9), world(2, 5), world(3, 2)]), 3);
    expect(auditSchema.parse(found)).toEqual(found);
    expect(found).toMatchObject({
      stock: 9,
      sold: 8,
      granted: 8,
      refused: 8,
      oversold: 0,
      undersold: 0,
      lost: 0,
    });
    expect(found.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(found.sales).toMatchObject({ count: 3, broken: 0, unasked: 0 });
    // Nothing is broken: the hottest sale is shown.
    expect(found.sales?.worst).toMatchObject({ id: 'run-x-1', requests: 9, sold: 3, failed: [] });
  });

  it('counts the sales of which there was nothing to judge, and their stock', () => {
    const found = sumOfSales(judged([world(1, 9), world(2, 5)]), 5);
    expect(found).toMatchObject({ stock: 15, sold: 6, sales: { count: 5, broken: 0, unasked: 3 } });
  });

  it('fails for one broken sale of many, and names it in summary, offenders and witness', () => {
    const found = sumOfSales(judged(spoiled()), 3);
    expect(found).toMatchObject({ oversold: 1, sales: { count: 3, broken: 1 } });
    expect(found.sales?.worst).toMatchObject({ id: 'run-x-2', requests: 5, sold: 4, oversold: 1 });
    const check = found.checks.find(({ id }) => id === 'no_oversell');
    expect(check).toMatchObject({ ok: false });
    expect(check?.evidence.summary).toMatch(/^It does not hold for 1 of 3 sales\. Sale run-x-2: /);
    expect(check?.evidence.offenders.every((one) => one.startsWith('run-x-2: '))).toBe(true);
    expect(check?.evidence.witness?.contradiction).toMatch(/^Sale run-x-2: /);
  });

  it('judges open what is open in every sale where it fails', () => {
    const worlds = [world(1, 4), world(2, 4)];
    worlds[1]?.frames.pop();
    const found = sumOfSales(judged(worlds, ['worker-1 is away.']), 2);
    const check = found.checks.find(({ id }) => id === 'conservation');
    expect(check).toMatchObject({ ok: false, isOpen: true });
  });

  it('gives each sale the requests that were for it', () => {
    const all = world(1, 9).ledger();
    const parts = ledgersBySale(all, 3, (request) => request % 2);
    expect(parts.map(({ count }) => count)).toEqual([5, 4, 0]);
    const columns = (one: LoadLedger, at: number) => [
      one.userId(at),
      one.status(at),
      one.reservationId(at),
      one.httpStatus(at),
      one.sentAtMs(at),
      one.answeredAtMs(at),
    ];
    expect(columns(parts[1] as LoadLedger, 3)).toEqual(columns(all, 7));
    expect(() => parts[2]?.status(0)).toThrow(RangeError);
  });
});

describe('the evidence of several sales', () => {
  let dir: string;
  beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'flashgrid-several-'))));
  afterAll(() => rmSync(dir, { recursive: true }));
  const write = async (sales: readonly JudgedSale[], change = (lines: string[]) => lines) => {
    const path = join(dir, `${Math.random()}.gz`);
    const root = await writeEvidence(path, change([...evidenceRecords(sales, fixtureRun())]));
    return { path, root };
  };

  it('is judged again sale by sale, and the second judge agrees', async () => {
    const { path, root } = await write(judged([world(1, 9), world(2, 5), world(3, 2)]));
    const requests: EvidenceRequest[] = [];
    const found = await verifyEvidence(path, { expectedRoot: root, onRequest: (one) => requests.push(one) });
    expect(found).toMatchObject({ sales: 3, requests: 16, tickets: 8, stock: 9, disputed: [] });
    expect(new Set(Object.values(found.checks).map(({ state }) => state))).toEqual(new Set(['passed']));
    expect(requests.map(({ index }) => index)).toEqual(requests.map((_, at) => at));
    expect(requests.at(-1)?.sale).toBe('run-x-3');
  });

  it('shows the sale that is broken', async () => {
    const { path } = await write(judged(spoiled()));
    const { checks, disputed } = await verifyEvidence(path);
    expect(disputed).toEqual([]);
    expect(checks['no_oversell']).toMatchObject({ state: 'failed' });
    expect(checks['no_oversell']?.found).toMatch(/^Not for 1 of 3 sales\. run-x-2: /);
  });

  it.each([
    [
      'left out',
      (lines: string[]) =>
        lines.slice(
          0,
          lines.findLastIndex((line) => line.startsWith('H')),
        ),
    ],
    [
      'there twice',
      (lines: string[]) => [...lines, ...lines.slice(lines.findLastIndex((line) => line.startsWith('H')))],
    ],
  ])('can not be judged when a sale was %s', async (_, change) => {
    const { path } = await write(judged([world(1, 9), world(2, 5)]), change);
    await expect(verifyEvidence(path)).rejects.toThrow(/another number of sales|stands in two parts/);
  });
});

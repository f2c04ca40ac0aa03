import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { World } from '../../tests/support/audit-world.ts';
import { enough, faults, soldOut, taken } from '../../tests/support/planted-faults.ts';
import type { Fortune } from '../../tests/support/audit-world.ts';
import { notJudgedUnder } from '../../contract/behaviours.ts';
import { CHECK_IDS, checkState } from '../../contract/checks.ts';
import { auditSchema } from '../../contract/run-record.ts';
import { judge } from './audit.ts';
import { MAX_OFFENDERS } from './checks/check.ts';
import { ORDER_TOLERANCE_MS, checkOrder } from './checks/order.ts';

function verdictOf(world: World) {
  const audit = judge(world.evidence(), 12);
  return { audit, failed: audit.checks.filter((check) => !check.ok).map((check) => check.id) };
}

describe('a clean run', () => {
  it('passes every check when it sells out', () => {
    const { audit, failed } = verdictOf(soldOut());
    expect(failed).toEqual([]);
    expect(audit).toMatchObject({
      stock: 10,
      sold: 10,
      granted: 10,
      refused: 30,
      pending: 0,
      lost: 0,
      duplicated: 0,
      oversold: 0,
      undersold: 0,
      unknownResolved: 0,
    });
    expect(auditSchema.parse(audit)).toEqual(audit);
  });

  it('calls nothing lost that is only undecided because a part is missing', () => {
    const world = soldOut();
    world.frames.pop();
    const missing = ['worker-1 was given up.'];
    expect(judge(world.evidence(), 12, missing)).toMatchObject({ pending: 1, lost: 0, undecided: missing });
    expect(judge(world.evidence(), 12)).toMatchObject({ pending: 1, lost: 1 });
  });

  it('passes every check when there is enough for all', () => {
    expect(verdictOf(enough())).toMatchObject({ failed: [], audit: { sold: 6, granted: 6, refused: 0 } });
  });

  it('finds out what became of requests without an answer, and counts them apart', () => {
    const { audit, failed } = verdictOf(
      new World({ stock: 3, fortunes: ['lost', 'taken', 'dropped', 'failed', 'taken', 'lost'] }),
    );
    expect(failed).toEqual([]);
    expect(audit).toMatchObject({ sold: 3, granted: 1, refused: 1, unknownResolved: 3 });
    expect(audit.checks.find((check) => check.id === 'no_phantom')?.evidence.counts).toMatchObject({
      ofUnknownRequests: 1,
      ofFailedRequests: 1,
    });
  });

  it('takes a reservation that was sent again under its key for one, however late that was', () => {
    const again = soldOut();
    for (const request of [0, 3, 12, 30]) again.sendAgain(request, 60_000);
    expect(verdictOf(again)).toMatchObject({ failed: [], audit: { sold: 10, granted: 12, refused: 32 } });
    const spare = new World({ stock: 10, perBuyerLimit: 2, fortunes: taken(6) });
    for (const request of [0, 1, 5]) spare.sendAgain(request, 60_000);
    expect(verdictOf(spare)).toMatchObject({ failed: [], audit: { sold: 6, undersold: 0 } });
    // Its ticket is still missed, once for each request that was told of it.
    const lost = soldOut();
    lost.sendAgain(3, 60_000);
    lost.tickets.splice(3, 1);
    expect(verdictOf(lost).failed).toContain('single_outcome');
  });

  it('says what its behaviours leave open, and judges the rest', () => {
    const { checks } = judge({ ...enough().evidence(), notJudged: notJudgedUnder('several:5%', 3) }, 12);
    const open = checks.filter((check) => checkState(check) === 'notJudged');
    expect(open.map(({ id }) => id)).toEqual(['no_undersell', 'order']);
    expect(open.map(({ evidence }) => evidence.summary)).toEqual([
      expect.stringMatching(/several units, all or none/),
      expect.stringMatching(/granted later/),
    ]);
    expect(checks.filter((check) => checkState(check) === 'passed')).toHaveLength(7);
  });

  it('passes whatever the sale, the buyers and the luck of each request (property)', () => {
    const fortune = fc.constantFrom<Fortune>(
      'taken',
      'taken',
      'taken',
      'lost',
      'dropped',
      'failed',
      'rejected',
    );
    fc.assert(
      fc.property(
        fc.record({
          stock: fc.integer({ min: 1, max: 30 }),
          perBuyerLimit: fc.integer({ min: 1, max: 4 }),
          frameSize: fc.integer({ min: 1, max: 9 }),
          visits: fc.array(fc.record({ fortune, buyer: fc.integer({ min: 0, max: 25 }) }), { maxLength: 80 }),
        }),
        ({ visits, ...options }) => {
          const world = new World({
            ...options,
            fortunes: visits.map((visit) => visit.fortune),
            buyers: visits.map((visit) => visit.buyer),
          });
          const { audit, failed } = verdictOf(world);
          expect(failed).toEqual([]);
          expect(audit.granted + audit.refused).toBe(
            world.requests.filter(({ status }) => status === 'accepted').length,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a planted fault', () => {
  it.each(faults)(
    'fails exactly the checks that it breaks: $what',
    ({ world, plant, breaks, summary, audit }) => {
      const planted = world();
      expect(verdictOf(planted).failed).toEqual([]);
      plant(planted);
      const found = verdictOf(planted);
      expect(found.failed).toEqual(breaks);
      expect(found.audit).toMatchObject(audit ?? {});
      const check = found.audit.checks.find(({ id }) => id === summary.of);
      expect(check?.evidence.summary).toMatch(summary.says);
      if (!['no_undersell', 'queues_empty'].includes(summary.of))
        expect(check?.evidence.offenders.length).toBeGreaterThan(0);
      expect(auditSchema.parse(found.audit)).toEqual(found.audit);
    },
  );

  it('is named, but never more than ten times', () => {
    const world = soldOut();
    world.frames.splice(0);
    world.tickets.splice(0);
    world.remaining = 10;
    const check = verdictOf(world).audit.checks.find(({ id }) => id === 'conservation');
    expect(check?.evidence.counts['pending']).toBe(40);
    expect(check?.evidence.offenders).toHaveLength(MAX_OFFENDERS);
  });
});

describe('the order check', () => {
  it('tolerates a small departure and still tells of it', () => {
    const world = soldOut();
    const [late] = world.requests;
    const early = world.requests[10];
    if (late && early) late.sentAtMs = early.answeredAtMs + 300;
    const check = verdictOf(world).audit.checks.find(({ id }) => id === 'order');
    expect(check?.ok).toBe(true);
    expect(check?.evidence.counts).toMatchObject({ overtaken: 30, largestGapMs: 300, beyondTolerance: 0 });
  });
});

describe('a part that stood still', () => {
  it('may hold up what it had in hand for as long, and no longer', () => {
    const world = soldOut();
    const [late] = world.requests;
    const early = world.requests[10];
    if (late && early) late.sentAtMs = early.answeredAtMs + ORDER_TOLERANCE_MS + 800;
    const orderOf = (heldUpMs: number) => checkOrder({ ...world.evidence(), heldUpMs });
    expect(orderOf(0).ok).toBe(false);
    expect(orderOf(700).ok).toBe(false);
    expect(orderOf(2_700)).toMatchObject({
      ok: true,
      evidence: { summary: expect.stringContaining('of which a part stood still for 2,700 ms') as string },
    });
  });
});

describe('a record that is gone', () => {
  it('is no fault where the ticket proves the grant', () => {
    const world = enough();
    world.frames.splice(0);
    expect(verdictOf(world)).toMatchObject({ failed: [], audit: { granted: 6 } });
  });
});

describe('a big run', () => {
  it('is judged in a few seconds: 300,000 requests, 100,000 tickets', () => {
    const world = new World({ stock: 100_000, frameSize: 200, fortunes: taken(300_000) });
    const startedAt = performance.now();
    const { failed, audit } = verdictOf(world);
    expect(failed).toEqual([]);
    expect(audit.sold).toBe(100_000);
    // Quadratic work would take hours; the limit leaves room for a busy machine.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });

  it('is judged in a few seconds also when everything in it is wrong, witnesses included', () => {
    const world = new World({ stock: 50_000, frameSize: 200, fortunes: taken(150_000) });
    world.tickets.forEach((ticket, at) => {
      Object.assign(ticket, { unit: 1 + (at % 1_000), userId: `thief-${at % 20_000}` });
    });
    world.tickets.length -= 10_000;
    world.remaining = 7;
    const late = world.requests[0];
    if (late) Object.assign(late, { sentAtMs: 500_000, answeredAtMs: 500_001 });
    world.queues.waiting = 1;
    world.frames.pop();
    const startedAt = performance.now();
    const { failed } = verdictOf(world);
    expect(failed).toEqual(CHECK_IDS);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchLimit, type Attempt } from './limit-search.ts';

type Answer = (ratePerSec: number, turn: number) => Attempt['result'];

/** Searches a system that answers like this. */
async function search(answer: Answer, plan: Partial<Parameters<typeof searchLimit>[0]> = {}) {
  const turns = new Map<number, number>();
  return await searchLimit({ fromPerSec: 100, toPerSec: 50_000, confirm: 3, ...plan }, (ratePerSec) => {
    const turn = turns.get(ratePerSec) ?? 0;
    turns.set(ratePerSec, turn + 1);
    return Promise.resolve({ ratePerSec, result: answer(ratePerSec, turn), reasons: [] });
  });
}

describe('the search for the limit', () => {
  it('brackets any limit within 5 %, with three attacks at each end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 100, max: 49_000 }), async (limit) => {
        const found = await search((rate) => (rate <= limit ? 'held' : 'broken'));
        const { heldPerSec = 0, brokenPerSec = 0, attempts } = found;
        expect(found.kind).toBe('found');
        expect(heldPerSec).toBeLessThanOrEqual(limit);
        expect(brokenPerSec).toBeGreaterThan(limit);
        expect(brokenPerSec).toBeLessThanOrEqual(Math.max(heldPerSec * 1.05, heldPerSec + 1));
        for (const rate of [heldPerSec, brokenPerSec])
          expect(attempts.filter(({ ratePerSec }) => ratePerSec === rate)).toHaveLength(3);
        expect(attempts.length).toBeLessThan(25);
      }),
    );
  });

  it('says that nothing broke, or that the lowest rate did', async () => {
    expect(await search(() => 'held')).toMatchObject({ kind: 'above', heldPerSec: 50_000 });
    expect(await search(() => 'broken')).toMatchObject({
      kind: 'below',
      heldPerSec: undefined,
      brokenPerSec: 100,
    });
  });

  it('does not take one lucky attack for the limit: the range has all that was not the same each time', async () => {
    // Above 1,000 it is luck up to 2,000: every second attack holds.
    const { heldPerSec = 0, brokenPerSec = 0 } = await search((rate, turn) =>
      rate <= 1_000 ? 'held' : rate > 2_000 ? 'broken' : turn % 2 === 0 ? 'held' : 'broken',
    );
    expect(heldPerSec).toBeLessThanOrEqual(1_000);
    expect(brokenPerSec).toBeGreaterThan(2_000);
  });

  it('repeats what could not be judged, and gives up where it never can', async () => {
    const once = await search((rate, turn) => (turn === 0 ? 'untold' : rate <= 900 ? 'held' : 'broken'));
    expect(once.kind).toBe('found');
    expect(once.heldPerSec).toBeLessThanOrEqual(900);
    expect(await search((rate) => (rate < 700 ? 'held' : 'untold'))).toMatchObject({
      kind: 'untold',
      heldPerSec: 400,
      untoldPerSec: 800,
    });
  });

  it('ends, whatever the answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.constantFrom<Attempt['result']>('held', 'broken', 'untold')),
        async (all) => {
          const { attempts } = await search(() => all.next().value);
          expect(attempts.length).toBeLessThanOrEqual(80);
        },
      ),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Crowd, type CrowdSettings } from './crowd.ts';

const settings: CrowdSettings = { seed: 5, keys: 'none', requestsPerBuyer: 1, perBuyerLimit: 3 };
const mix = 'double-click:10% retry:10% bot:1% several:5% leaves:5% slow-reader:5%';

describe('a crowd', () => {
  it('without behaviours sends each buyer in turn, with a key of its own where that is asked for', () => {
    const plain = new Crowd({ ...settings, requestsPerBuyer: 2 }, 6);
    expect([0, 1, 2, 3, 4, 5].map((index) => plain.buyer(index))).toEqual([0, 1, 2, 2, 1, 0]);
    expect([plain.key(4), plain.units(4), plain.behaviour(4)]).toEqual([undefined, 1, undefined]);
    expect(new Crowd({ ...settings, keys: 'own' }, 6).key(4)).toBe(4);
  });

  it('deals its requests to the sales evenly, or by Zipf’s law', () => {
    const share = (zipf: number) => {
      const dealt = new Crowd({ ...settings, sales: 100, zipf }, 40_000);
      const counts = new Array<number>(100).fill(0);
      for (let index = 0; index < 40_000; index++) {
        const sale = dealt.sale(index);
        counts[sale] = (counts[sale] ?? 0) + 1;
      }
      return counts.map((count) => count / 40_000);
    };
    const even = share(0);
    expect(Math.max(...even)).toBeLessThan(0.015);
    expect(Math.min(...even)).toBeGreaterThan(0.005);
    // The first gets 1 of 5.187 (the harmonic number of 100), the second half of that.
    const [first = 0, second = 0] = share(1);
    expect(first).toBeCloseTo(1 / 5.187, 1);
    expect(first / second).toBeGreaterThan(1.8);
    expect(first / second).toBeLessThan(2.2);
    expect(new Crowd(settings, 10).sale(3)).toBe(0);
  });

  it('lets a buyer ask for one sale in a turn, however often', () => {
    const bots = new Crowd({ ...settings, sales: 1_000, behaviours: 'bot:50% retry:30%' }, 5_000);
    const saleOf = new Map<number, number>();
    for (let index = 0; index < 5_000; index++) {
      const sale = saleOf.get(bots.buyer(index)) ?? bots.sale(index);
      expect(bots.sale(index)).toBe(sale);
      saleOf.set(bots.buyer(index), sale);
    }
    const turns = new Crowd({ ...settings, requestsPerBuyer: 2, sales: 1_000 }, 2_000);
    const asked = Array.from({ length: 2_000 }, (_, index) => [turns.buyer(index), turns.sale(index)]);
    expect(new Set(asked.map((one) => one.join(' '))).size).toBeGreaterThan(1_900);
  });

  it('is the same whoever asks, and in whatever order', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.array(fc.nat(9_999), { maxLength: 30 }), (seed, indexes) => {
        const of = () => new Crowd({ ...settings, seed, behaviours: mix, sales: 50, zipf: 1 }, 10_000);
        const one = of();
        const told = (crowd: Crowd, index: number) => [
          crowd.buyer(index),
          crowd.key(index),
          crowd.units(index),
          crowd.sale(index),
        ];
        for (const index of indexes) expect(told(one, index)).toEqual(told(of(), index));
      }),
      { numRuns: 40 },
    );
  });

  it('has as many buyers of each behaviour as their share, and as many requests of each buyer', () => {
    const crowd = new Crowd({ ...settings, behaviours: mix }, 58 * 1_024);
    const requestsOf = new Map<number, number[]>();
    for (let index = 0; index < 58 * 1_024; index++) {
      const own = requestsOf.get(crowd.buyer(index));
      if (own) own.push(index);
      else requestsOf.set(crowd.buyer(index), [index]);
    }
    const shares: Record<string, number> = {};
    for (const [buyer, requests] of requestsOf) {
      expect(requests[0]).toBe(buyer);
      const behaviour = crowd.behaviour(buyer);
      const kind = behaviour?.kind ?? 'none';
      shares[kind] = (shares[kind] ?? 0) + 1 / requestsOf.size;
      expect(new Set(requests.map((index) => crowd.behaviour(index)))).toEqual(new Set([behaviour]));
      // The end of a block of 1,024 cuts off what no longer fits.
      if (buyer % 1_024 < 700) expect(requests).toHaveLength(behaviour?.requests ?? 1);
      const keys = requests.map((index) => crowd.key(index));
      expect(new Set(keys)).toEqual(new Set([kind === 'retry' ? buyer : undefined]));
      expect(crowd.units(buyer)).toBe(kind === 'several' ? 3 : 1);
    }
    for (const [kind, share] of [
      ['double-click', 0.1],
      ['retry', 0.1],
      ['bot', 0.01],
      ['several', 0.05],
      ['leaves', 0.05],
      ['slow-reader', 0.05],
    ] as const)
      expect(shares[kind]).toBeGreaterThan(share * 0.8);
    expect(shares['none']).toBeGreaterThan(0.6);
  });

  it('repeats a key within one turn only', () => {
    const crowd = new Crowd({ ...settings, requestsPerBuyer: 2, behaviours: 'retry:100%' }, 4_096);
    for (let index = 0; index < 4_096; index++) {
      const key = crowd.key(index) ?? -1;
      expect(Math.floor(key / 2_048)).toBe(Math.floor(index / 2_048));
    }
    const keys = new Set(Array.from({ length: 4_096 }, (_, index) => crowd.key(index)));
    expect(keys.size).toBeLessThan(2_200);
  });
});

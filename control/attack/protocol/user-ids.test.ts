import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { USER_ID_PATTERN } from '../../../services/shared/ids.ts';
import { USER_ID_LENGTH, buyerOf, userIdFor, writeUserId } from './user-ids.ts';

/** A recorded run names its seed; these ids are what the seed 1 means. */
const FIRST_BUYERS = ['u0yrjdjr', 'u120h3ql', 'u174mphy', 'u0rfnbkn'];

const anySeed = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const anyIndex = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('the buyers of an attack', () => {
  it('are all different, for many requests and several seeds', () => {
    for (const seed of [0, 1, 2 ** 31 - 1]) {
      const ids = new Set<string>();
      for (let index = 0; index < 200_000; index++) ids.add(userIdFor(seed, index));
      expect(ids.size).toBe(200_000);
    }
  });

  it('are different at the far end of the range as well', () => {
    fc.assert(
      fc.property(anySeed, anyIndex, anyIndex, (seed, one, other) => {
        fc.pre(one !== other);
        return userIdFor(seed, one) !== userIdFor(seed, other);
      }),
    );
  });

  it('have ids of one length that the gateway accepts, and the same bytes on the hot path', () => {
    fc.assert(
      fc.property(anySeed, anyIndex, (seed, index) => {
        const id = userIdFor(seed, index);
        const bytes = Buffer.alloc(USER_ID_LENGTH + 2, '#');
        writeUserId(bytes, 1, seed, index);
        expect(id).toMatch(USER_ID_PATTERN);
        expect(id).toHaveLength(USER_ID_LENGTH);
        expect(bytes.toString()).toBe(`#${id}#`);
      }),
    );
  });

  it('come again under the same seed, in any later version too', () => {
    expect([0, 1, 2, 9_999].map((index) => userIdFor(1, index))).toEqual(FIRST_BUYERS);
  });

  it('ask in turn, and every second turn goes backwards', () => {
    expect(Array.from({ length: 8 }, (_, index) => buyerOf(index, 3))).toEqual([0, 1, 2, 2, 1, 0, 0, 1]);
    expect(Array.from({ length: 4 }, (_, index) => buyerOf(index, 4))).toEqual([0, 1, 2, 3]);
  });

  it('are others under another seed', () => {
    const buyers = (seed: number) => Array.from({ length: 1_000 }, (_, index) => userIdFor(seed, index));
    const first = new Set(buyers(1));
    expect(buyers(2).filter((id) => first.has(id)).length).toBeLessThan(5);
  });
});

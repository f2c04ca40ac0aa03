import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BEHAVIOUR_KINDS,
  BehaviourSyntaxError,
  behaviourText,
  notJudgedUnder,
  parseBehaviours,
} from './behaviours.ts';

describe('behaviours as a text', () => {
  it('come back as they were', () => {
    const some = fc.uniqueArray(
      fc.record({ kind: fc.constantFrom(...BEHAVIOUR_KINDS), tenths: fc.integer({ min: 1, max: 160 }) }),
      { selector: ({ kind }) => kind },
    );
    fc.assert(
      fc.property(some, (all) => {
        const text = all.map(({ kind, tenths }) => `${kind}:${tenths / 10}%`).join(' ');
        expect(parseBehaviours(text).map(behaviourText).join(' ')).toBe(text);
      }),
    );
  });

  it.each([
    ['double-click', 'write KIND:SHARE%'],
    ['double-click:10', 'write KIND:SHARE%'],
    ['sleeps:10%', 'there is no behaviour "sleeps", only double-click, retry, bot'],
    ['leaves:0%', 'a share is above 0 %'],
    ['leaves:101%', 'at most 100 %'],
    ['leaves:5% leaves:6%', '"leaves" is given twice'],
    ['leaves:60% bot:50%', 'all shares together are 110 %'],
  ])('refuse %j and say what is wrong', (text, message) => {
    expect(() => parseBehaviours(text)).toThrow(BehaviourSyntaxError);
    expect(() => parseBehaviours(text)).toThrow(message);
  });

  it('name the checks that can’t be right under them', () => {
    const open = (text: string, limit: number) => Object.keys(notJudgedUnder(text, limit));
    expect(open('double-click:10% bot:5% leaves:5% slow-reader:5%', 3)).toEqual([]);
    expect([open('retry:10%', 1), open('retry:10%', 2)]).toEqual([[], ['no_undersell']]);
    expect(open('several:10%', 3)).toEqual(['no_undersell', 'order']);
  });
});

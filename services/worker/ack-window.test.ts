import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AckWindow } from './ack-window.ts';

function recorded(maxHeld: number) {
  const acks: [tag: number, isUpTo: boolean][] = [];
  return { acks, window: new AckWindow({ ack: (tag, isUpTo) => acks.push([tag, isUpTo]) }, maxHeld) };
}

describe('AckWindow', () => {
  it('covers a finished beginning with one ack', () => {
    const { acks, window } = recorded(10);
    for (const tag of [1, 2, 3, 4]) window.open(tag);
    for (const tag of [2, 1, 4]) window.finish(tag);
    window.flush();
    expect(acks).toEqual([[2, true]]);
    window.finish(3);
    window.flush();
    expect(acks).toEqual([
      [2, true],
      [4, true],
    ]);
  });

  it('acks one by one when too many wait for the first', () => {
    const { acks, window } = recorded(2);
    for (const tag of [1, 2, 3]) window.open(tag);
    for (const tag of [2, 3]) window.finish(tag);
    window.flush();
    expect(acks).toEqual([
      [2, false],
      [3, false],
    ]);
  });

  it('never acks a delivery that is in hand or was given back, and in the end acks each finished one once', () => {
    const step = fc.record({
      tag: fc.integer({ min: 1, max: 12 }),
      what: fc.constantFrom('finish', 'drop', 'flush'),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 40 }), (maxHeld, steps) => {
        const state = new Map<number, 'open' | 'finished' | 'dropped' | 'acked'>();
        const window = new AckWindow(
          {
            ack: (tag, isUpTo) => {
              for (const [other, is] of state) {
                if (other > tag || (!isUpTo && other !== tag) || is === 'dropped' || is === 'acked') continue;
                expect(is).toBe('finished');
                state.set(other, 'acked');
              }
            },
          },
          maxHeld,
        );
        for (let tag = 1; tag <= 12; tag++) {
          window.open(tag);
          state.set(tag, 'open');
        }
        for (const { tag, what } of steps) {
          if (what === 'flush') window.flush();
          else if (state.get(tag) === 'open') {
            state.set(tag, what === 'finish' ? 'finished' : 'dropped');
            if (what === 'finish') window.finish(tag);
            else window.drop(tag);
          }
        }
        for (const [tag, is] of state) {
          if (is !== 'open') continue;
          state.set(tag, 'finished');
          window.finish(tag);
        }
        window.flush();
        expect([...state.values()].every((is) => is === 'acked' || is === 'dropped')).toBe(true);
        expect(window.size).toBe(0);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameError, decodeEntries, encodeEntry } from '../shared/frame.ts';
import type { Frame } from '../shared/frame.ts';
import { undecidedFrame } from './frame-text.ts';

function frameOf(body: Buffer): Frame {
  const count = body.toString('latin1').split('\n').length - 1;
  return { id: 'aaaaaa-1', saleId: 's', generation: 1, count, closedAtMs: 0, isReplayed: false, body };
}

/** Whether `action` succeeds; only a FrameError counts as failing. */
function isTaken(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof FrameError) return false;
    throw error;
  }
}

describe('undecidedFrame', () => {
  it('gives the digests of keyed reservations in order', () => {
    const [first, second] = ['a'.repeat(22), 'b'.repeat(22)];
    const body = encodeEntry('u1', 1, second) + encodeEntry('u2', 2) + encodeEntry('u3', 1, first);
    expect(undecidedFrame(frameOf(Buffer.from(body))).digests).toEqual([second, first]);
  });

  it.each([
    ['NUL', 'a\0b\n'],
    ['a quote', "a'b\n"],
    ['a byte above ASCII', 'a\xffb\n'],
    ['an empty first line', '\na\n'],
    ['an empty line in between', 'a\n\nb\n'],
    ['a long user id', `${'a'.repeat(65)}\n`],
    ['a quantity of 11', 'a\t11\n'],
    ['a digest that is too short', 'a\t1\tabc\n'],
  ])('refuses %s', (_, body) => {
    expect(() => undecidedFrame(frameOf(Buffer.from(body, 'latin1')))).toThrow(FrameError);
  });

  it('takes exactly the bodies that the decoder takes', () => {
    const piece = fc.constantFrom('a', 'Z9._:@+=~-', '\n', '\n', '\t', '1', '\0', ' ', 'x'.repeat(64), '"');
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const frame = frameOf(Buffer.from(`${pieces.join('')}\n`));
        expect(isTaken(() => undecidedFrame(frame))).toBe(isTaken(() => decodeEntries(frame.body)));
      }),
    );
  });
});

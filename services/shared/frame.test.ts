import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { FrameError, decodeEntries, encodeEntry, encodeMessage, parseMessage } from './frame.ts';
import { BUCKET_SLOTS, bucketOf, frameIdOf } from './ids.ts';
import type { SentFrame } from './frame.ts';

const sent = fc
  .record({
    saleId: fc.stringMatching(/^[a-z0-9]{1,8}$/),
    generation: fc.integer({ min: 1, max: 99 }),
    bucket: fc.integer({ min: 1, max: 1e6 }),
    slot: fc.integer({ min: 0, max: BUCKET_SLOTS - 1 }),
    entries: fc.array(
      fc.record({
        userId: fc.stringMatching(/^[A-Za-z0-9.@-]{1,12}$/),
        quantity: fc.integer({ min: 1, max: 10 }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  })
  .map(({ saleId, generation, bucket, slot, entries }) => ({
    frame: {
      id: frameIdOf('gateway1', bucket, slot),
      saleId,
      generation,
      count: entries.length,
      lines: entries.map(({ userId, quantity }) => encodeEntry(userId, quantity)).join(''),
    } satisfies SentFrame,
    entries,
  }));

/** The message of two frames, with its body changed. */
function parseChanged(change: (text: string) => string, headers: Record<string, unknown> = {}) {
  const frame = { saleId: 'one', generation: 1, count: 1, lines: 'ann\n' };
  const message = encodeMessage(
    [
      { ...frame, id: 'gateway1-100' },
      { ...frame, id: 'gateway1-200', saleId: 'two' },
    ],
    1,
  );
  const body = Buffer.from(change(message.body.toString('latin1')), 'latin1');
  return parseMessage('gateway1-100', { ...message.headers, ...headers }, body);
}

describe('a message', () => {
  it('gives back the frames that were put into it', () => {
    fc.assert(
      fc.property(fc.array(sent, { minLength: 1, maxLength: 6 }), (all) => {
        const { headers, body } = encodeMessage(
          all.map(({ frame }) => frame),
          7,
        );
        const frames = parseMessage(all[0]?.frame.id, headers, body);
        expect(frames.map((frame) => ({ ...frame, body: decodeEntries(frame.body) }))).toEqual(
          all.map(({ frame: { id, saleId, generation, count }, entries }) => ({
            ...{ id, saleId, generation, count, body: entries },
            closedAtMs: 7,
            isReplayed: false,
          })),
        );
      }),
    );
  });

  it('of one frame is as earlier versions wrote it', () => {
    const frame = { id: 'gateway1-100', saleId: 'demo', generation: 3, count: 2, lines: 'ann\nbob\t2\n' };
    expect(encodeMessage([frame], 5)).toEqual({
      headers: { v: 1, n: 2, sale: 'demo', gen: 3, t: 5 },
      body: Buffer.from('ann\nbob\t2\n'),
    });
  });

  it('takes the ids of its frames from its own, so that a copy under another id has other frames', () => {
    const { headers, body } = encodeMessage(
      ['100', '200'].map((name) => ({
        ...{ id: `gateway1-${name}`, saleId: `s${name}`, generation: 1, count: 1, lines: 'ann\n' },
      })),
      5,
    );
    const ids = parseMessage('again123-1', headers, body).map(({ id }) => id);
    expect(ids).toEqual(['again123-100', 'again123-200']);
  });

  it.each<[string, (text: string) => string, Record<string, unknown>?]>([
    ['a head that is none', (text) => text.replace('one\t1\t1\t100', 'one')],
    ['one field too many', (text) => text.replace('\t100', '\t100\t1')],
    ['no sale id', (text) => text.replace('one\t', 'One\t')],
    ['no generation', (text) => text.replace('one\t1', 'one\t0')],
    ['a frame without reservations', (text) => text.replace('one\t1\t1', 'one\t1\t0')],
    ['a frame with more reservations than lines', (text) => text.replace('two\t1\t1', 'two\t1\t9')],
    ['no frame id', (text) => text.replace('\t100', '\tA')],
    ['another count', (text) => text, { n: 3 }],
    ['a version that is not known', (text) => text, { v: 3 }],
    ['no end of its last line', (text) => text.slice(0, -1)],
    ['bytes of something else', (text) => text.replaceAll(/[^\n]/g, '\xff')],
  ])('with %s is no message', (_, change, headers) => {
    expect(parseChanged((text) => text)).toHaveLength(2);
    expect(() => parseChanged(change, headers)).toThrow(FrameError);
  });
});

it('finds the bucket and slot in a frame id', () => {
  expect(bucketOf(frameIdOf('gateway1', 36, 35))).toEqual({ bucket: 'gateway1-10', slot: '0z' });
  expect(['gateway1-1', 'gateway1-zz'].map(bucketOf)).toEqual([undefined, undefined]);
});

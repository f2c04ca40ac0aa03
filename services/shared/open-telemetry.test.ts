import { describe, expect, it } from 'vitest';
import { parseTraceparent } from './open-telemetry.ts';

const [TRACE, SPAN] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];

describe('the header traceparent', () => {
  it('names trace and parent, and says whether they are sampled', () => {
    const facts = { traceId: TRACE, spanId: SPAN, isRemote: true };
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ ...facts, traceFlags: 1 });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)).toEqual({ ...facts, traceFlags: 0 });
    // A later version may have more fields and flags.
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-03-more`)).toEqual({ ...facts, traceFlags: 1 });
  });

  it.each([
    ['', 'nothing'],
    [`00-${TRACE}-${SPAN}-01-more`, 'more fields than version 00 has'],
    [`ff-${TRACE}-${SPAN}-01`, 'the version that is none'],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, 'upper case'],
    [`00-${'0'.repeat(32)}-${SPAN}-01`, 'a trace of zeros'],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, 'a parent of zeros'],
    [`00-${TRACE}-${SPAN}`, 'no flags'],
    [`00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`, 'two of them'],
  ])('is none when it is %s: %s', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});

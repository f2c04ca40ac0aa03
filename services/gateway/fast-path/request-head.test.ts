import { describe, expect, it } from 'vitest';
import { HeadReader, mayBecomeReservation, parseReserveHead } from './request-head.ts';

const head = (...lines: readonly string[]): string =>
  ['POST /reserve HTTP/1.1', ...lines].map((line) => `${line}\r\n`).join('');
const PLAIN = ['host: h', 'content-type: application/json', 'content-length: 40'];

describe('the head of a reservation', () => {
  it('is read whatever the case, the order and the blanks around the values', () => {
    const plain = { bodyLength: 40, host: 'h', idempotencyKey: undefined };
    expect(parseReserveHead(head(...PLAIN))).toEqual(plain);
    expect(
      parseReserveHead(
        head(
          'Content-Length:40',
          'X-Other: a, "b" \t',
          'CONTENT-TYPE: Application/JSON; charset=UTF-8',
          'Host: \th ',
        ),
      ),
    ).toEqual(plain);
    expect(parseReserveHead(head(...PLAIN, 'Connection: Keep-Alive', 'Idempotency-Key: order-17'))).toEqual({
      bodyLength: 40,
      host: 'h',
      idempotencyKey: 'order-17',
    });
  });

  it('tells the trace that it belongs to, of which there can be one', () => {
    expect(parseReserveHead(head(...PLAIN, 'TraceParent: 00-a-b-01'))).toMatchObject({
      traceparent: '00-a-b-01',
    });
    expect(parseReserveHead(head(...PLAIN, 'traceparent: a', 'traceparent: a'))).toMatchObject({
      traceparent: '',
    });
  });

  it.each([
    ['another method', head(...PLAIN).replace('POST', 'PUT')],
    ['another path', head(...PLAIN).replace('/reserve', '/reserve?x=1')],
    ['the absolute form', head(...PLAIN).replace('/reserve', 'http://h/reserve')],
    ['HTTP/1.0', head(...PLAIN).replace('1.1', '1.0')],
    ['no host', head(PLAIN[1]!, PLAIN[2]!)],
    ['two hosts', head(...PLAIN, 'host: i')],
    ['no length', head(PLAIN[0]!, PLAIN[1]!)],
    ['two lengths', head(...PLAIN, 'content-length: 40')],
    ['a length with a sign', head(PLAIN[0]!, PLAIN[1]!, 'content-length: +40')],
    ['a length in hex', head(PLAIN[0]!, PLAIN[1]!, 'content-length: 0x28')],
    ['a length of nought', head(PLAIN[0]!, PLAIN[1]!, 'content-length: 0')],
    ['a list of lengths', head(PLAIN[0]!, PLAIN[1]!, 'content-length: 40, 40')],
    ['a body over the limit', head(PLAIN[0]!, PLAIN[1]!, 'content-length: 16385')],
    ['chunks', head(...PLAIN, 'transfer-encoding: chunked')],
    ['an expectation', head(...PLAIN, 'expect: 100-continue')],
    ['an upgrade', head(...PLAIN, 'upgrade: websocket')],
    ['a connection that is to be closed', head(...PLAIN, 'connection: close')],
    ['two keys', head(...PLAIN, 'idempotency-key: a', 'idempotency-key: b')],
    ['another content type', head(PLAIN[0]!, 'content-type: text/json', PLAIN[2]!)],
    ['a folded line', head(...PLAIN, 'x: a', ' b')],
    ['a blank before the colon', head(PLAIN[0]!, PLAIN[1]!, 'content-length : 40')],
    ['a line without a name', head(...PLAIN, ': a')],
    ['a line without a colon', head(...PLAIN, 'abc')],
    ['a bare LF', head(...PLAIN, 'x: a\nY: b')],
    ['a bare CR', head(...PLAIN, 'x: a\rb')],
    ['a NUL', head(...PLAIN, 'x: a\0b')],
    ['bytes beyond ASCII', head(...PLAIN, 'x: \u00e9')],
  ])('is left to the HTTP server with %s', (_what, text) => {
    expect(parseReserveHead(text)).toBeUndefined();
  });

  it('can be told from another by its first bytes', () => {
    const whole = head(...PLAIN);
    for (let length = 0; length <= whole.length; length++)
      expect(mayBecomeReservation(whole.slice(0, length))).toBe(true);
    expect(mayBecomeReservation('GET')).toBe(false);
    expect(mayBecomeReservation('POST /sales HTTP/1.1\r\n')).toBe(false);
  });

  it('is known again, and only the very same one is', () => {
    const reader = new HeadReader();
    const first = reader.read(head(...PLAIN));
    expect(reader.read(head(...PLAIN))).toBe(first);
    expect(reader.read(head(PLAIN[0]!, PLAIN[1]!, 'content-length: 41'))?.bodyLength).toBe(41);
    for (let index = 0; index < 2_000; index++) reader.read(head(...PLAIN, `x: ${index}`));
    expect(reader.read(head(...PLAIN))).toEqual(first);
  });
});

import { describe, expect, it } from 'vitest';
import { ReplyReader, readReservationId } from './reply.ts';

describe('the reservation id of a reply', () => {
  it.each([
    ['{"reservationId":"sale.g1-2.3","status":"queued"}', 'sale.g1-2.3'],
    ['{"status":"queued","reservationId":"sale.g1-2.3"}', 'sale.g1-2.3'],
    [' {\n"reservationId" : "sale.g1-2.3"}', 'sale.g1-2.3'],
    ['{"reservationId":"sale\\u002eg1-2.3"}', 'sale.g1-2.3'],
    ['{"reservationId":""}', undefined],
    ['{"reservationId":"two words"}', undefined],
    ['{"reservationId":"é"}', undefined],
    [`{"reservationId":"${'x'.repeat(201)}"}`, undefined],
    ['{"reservationId":7}', undefined],
    ['{"reservationId":"cut', undefined],
    ['', undefined],
  ])('of %j is %j', (body, expected) => {
    expect(readReservationId(body)).toBe(expected);
  });
});

describe('the quick reader', () => {
  const whole = 'HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello';

  it('takes a reply that came whole, again and again, and notices a new head', () => {
    const reader = new ReplyReader();
    const bodyAt = whole.indexOf('hello');
    expect(reader.read(whole)).toEqual({ status: 202, bodyAt });
    expect(reader.read(whole)).toEqual({ status: 202, bodyAt });
    expect(reader.read(whole.replace('202 Accepted', '409 Conflict'))).toEqual({ status: 409, bodyAt });
    expect(reader.read(whole)).toEqual({ status: 202, bodyAt });
  });

  it.each([
    ['half a head', whole.slice(0, 30)],
    ['half a body', whole.slice(0, -1)],
    ['more than one reply', whole + whole],
    ['a chunked one', 'HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['one without a length', 'HTTP/1.1 202 Accepted\r\n\r\nhello'],
    ['one that closes', whole.replace('keep-alive', 'Close')],
    ['an interim one', whole.replace('202', '103')],
    ['one of HTTP/1.0', whole.replace('1.1', '1.0')],
    ['one that may have no body', whole.replace('202', '304')],
    ['no HTTP', 'SSH-2.0\r\n\r\n'],
    ['nothing', ''],
  ])('leaves %s to the parser', (_, text) => {
    expect(new ReplyReader().read(text)).toBeUndefined();
    const used = new ReplyReader();
    used.read(whole);
    expect(used.read(text)).toBeUndefined();
  });
});

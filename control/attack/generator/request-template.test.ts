import { expect, it } from 'vitest';
import { userIdFor } from '../protocol/user-ids.ts';
import { RequestTemplate } from './request-template.ts';

const template = (buyers: number, hasKeys: boolean) =>
  new RequestTemplate('127.0.0.1:80', '/reserve', { saleId: 'sale', seed: 7, buyers, hasKeys });

function requestOf(one: RequestTemplate, index: number) {
  const bytes = one.copy();
  one.fill(bytes, index);
  const [head = '', body = ''] = bytes.toString('latin1').split('\r\n\r\n');
  const [line, ...headers] = head.split('\r\n');
  return { line, headers, body };
}

it('names the buyer of each request, and its length', () => {
  const body = `{"saleId":"sale","userId":"${userIdFor(7, 1)}"}`;
  expect(requestOf(template(3, false), 4)).toEqual({
    line: 'POST /reserve HTTP/1.1',
    headers: [
      'Host: 127.0.0.1:80',
      'Connection: keep-alive',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ],
    body,
  });
});

it('gives each request a key of its own, also those of one buyer', () => {
  const keyed = template(3, true);
  const keys = [2, 3].map((index) => requestOf(keyed, index).headers[2]);
  expect(keys).toEqual([`Idempotency-Key: ${userIdFor(7, 2)}`, `Idempotency-Key: ${userIdFor(7, 3)}`]);
  expect(requestOf(keyed, 2).body).toBe(requestOf(keyed, 3).body);
});

import { expect, it } from 'vitest';
import { Crowd, type CrowdSettings } from '../protocol/crowd.ts';
import { userIdFor } from '../protocol/user-ids.ts';
import { RequestTemplate } from './request-template.ts';

const crowd = (settings: Partial<CrowdSettings> = {}, requests = 6) =>
  new Crowd({ seed: 7, keys: 'none', requestsPerBuyer: 2, perBuyerLimit: 1, ...settings }, requests);
const template = (of: Crowd) => new RequestTemplate('127.0.0.1:80', '/reserve', 'sale', of);

function requestOf(one: RequestTemplate, index: number) {
  const bytes = one.fill(one.copy(), index);
  const [head = '', body = ''] = bytes.toString('latin1').split('\r\n\r\n');
  const [line, ...headers] = head.split('\r\n');
  return { line, headers, body };
}

it('names the buyer of each request, and its length', () => {
  const body = `{"saleId":"sale","userId":"${userIdFor(7, 1)}"}`;
  expect(requestOf(template(crowd()), 4)).toEqual({
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
  const keyed = template(crowd({ keys: 'own' }));
  const keys = [2, 3].map((index) => requestOf(keyed, index).headers[2]);
  expect(keys).toEqual([`Idempotency-Key: ${userIdFor(7, 2)}`, `Idempotency-Key: ${userIdFor(7, 3)}`]);
  expect(requestOf(keyed, 2).body).toBe(requestOf(keyed, 3).body);
});

it('has a form of its own for those who repeat with a key, and for those who ask for several', () => {
  const some = crowd({ requestsPerBuyer: 1, perBuyerLimit: 3, behaviours: 'retry:30% several:30%' }, 200);
  const mixed = template(some);
  const keys: string[] = [];
  for (let index = 0; index < 200; index++) {
    const { headers, body } = requestOf(mixed, index);
    const kind = some.behaviour(index)?.kind;
    const units = kind === 'several' ? ',"quantity":3' : '';
    expect(body).toBe(`{"saleId":"sale","userId":"${userIdFor(7, some.buyer(index))}"${units}}`);
    expect(headers.at(-1)).toBe(`Content-Length: ${body.length}`);
    const key = headers.find((header) => header.startsWith('Idempotency-Key'));
    if (kind !== 'retry') expect(key).toBeUndefined();
    else keys.push(key ?? '');
  }
  // Nearly all come twice; the last ones may be cut off.
  expect(keys.length).toBeGreaterThan(60);
  expect(new Set(keys).size).toBeLessThan(keys.length * 0.7);
});

it.each([{}, { behaviours: 'retry:30% several:30%', perBuyerLimit: 3 }])(
  'names the sale of each request, where there are several (%j)',
  (more) => {
    const of = crowd({ requestsPerBuyer: 1, sales: 120, ...more }, 500);
    const several = template(of);
    const buffer = several.copy();
    const seen = new Set<string>();
    for (let index = 0; index < 500; index++) {
      const [, body = ''] = several.fill(buffer, index).toString('latin1').split('\r\n\r\n');
      const { saleId, userId } = JSON.parse(body) as { saleId: string; userId: string };
      expect(saleId).toBe(`sale-${String(of.sale(index) + 1).padStart(3, '0')}`);
      expect(userId).toBe(userIdFor(7, of.buyer(index)));
      seen.add(saleId);
    }
    expect(seen.size).toBeGreaterThan(100);
  },
);

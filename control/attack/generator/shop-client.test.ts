import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { declaredTargetSchema, type Target } from '../../../contract/target.ts';
import { readNote } from '../protocol/shop-note.ts';
import { buyerOf, userIdFor } from '../protocol/user-ids.ts';
import { openShop } from './shop-client.ts';

const BASE = {
  name: 'shop',
  url: 'http://127.0.0.1:1',
  owners: { path: '/owners' },
  stock: 1,
};

function targetOf(parts: object): Target {
  const declared = declaredTargetSchema.parse({ ...BASE, ...parts });
  return { file: 'shop.json', name: 'shop', url: BASE.url, use: { declared } };
}

// Two buyers.
const BUYERS = { seed: 7, buyer: (index: number) => buyerOf(index, 2) };

describe('a request to a shop', () => {
  it('has the ids of buyer and request everywhere, the right length, and names the tool', async () => {
    const shop = await openShop(
      targetOf({
        headers: { Authorization: 'Bearer x' },
        buy: {
          path: '/buy/{buyer}',
          headers: { 'Idempotency-Key': '{request}' },
          body: { who: '{buyer}', note: 'für {buyer}' },
        },
        answers: { accepted: { status: 200 } },
      }),
    );
    const template = shop.template('127.0.0.1:1', BUYERS);
    // The third request is the second buyer's again, since every second turn goes backwards.
    const [buyer, request] = [userIdFor(7, 1), userIdFor(7, 2)];
    const [head = '', body = ''] = template.fill(template.copy(), 2).toString().split('\r\n\r\n');
    expect(head.split('\r\n')).toEqual([
      `POST /buy/${buyer} HTTP/1.1`,
      'Host: 127.0.0.1:1',
      'User-Agent: FlashGrid (load test)',
      'Connection: keep-alive',
      'content-type: application/json',
      'authorization: Bearer x',
      `idempotency-key: ${request}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]);
    expect(JSON.parse(body)).toEqual({ who: buyer, note: `für ${buyer}` });
    // The buffer is filled again and again.
    const buffer = template.copy();
    for (const index of [0, 1])
      expect(template.fill(buffer, index).toString()).toContain(`"who":"${userIdFor(7, index)}"`);
  });

  it('is what the function of a module gives', async () => {
    const shop = await openShop({
      file: 'm',
      name: 'm',
      url: BASE.url,
      use: { module: resolve('docs/examples/shop.mjs') },
    });
    const template = shop.template('127.0.0.1:1', BUYERS);
    const text = template.fill(template.copy(), 0).toString();
    expect(text).toMatch(/^POST \/buy HTTP\/1\.1\r\n/);
    expect(text).toContain('User-Agent: FlashGrid');
    expect(text).toContain(`{"buyer":"${userIdFor(7, 0)}"}`);
    expect(readNote(shop.read(201, '{"seat": 7}').note)).toEqual({ id: '', unit: '7' });
    expect(shop.read(409, '').cause).toBe('409 sold-out');
    expect(() => shop.read(201, 'no JSON')).toThrow(/The function classify of .*shop\.mjs failed/);
  });
});

describe('an answer of a shop', () => {
  it('means the first of error, sold out, refused and accepted that fits; else an error', async () => {
    const shop = await openShop(
      targetOf({
        buy: { path: '/{buyer}' },
        answers: {
          error: { field: 'fault' },
          soldOut: [{ status: 410 }, { field: 'state', is: ['GONE', 0] }],
          refused: { status: [403, 409] },
          accepted: { status: 200, field: 'order.ok', is: true },
          id: 'order.id',
          unit: 'order.seats.0',
        },
      }),
    );
    const told = (status: number, value: unknown) => {
      const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('latin1');
      const { cause, isUndecided } = shop.read(status, body);
      return isUndecided ? `unknown: ${cause ?? ''}` : (cause ?? 'accepted');
    };
    expect(told(200, { order: { ok: true } })).toBe('accepted');
    expect(told(200, { order: { ok: 'true' } })).toBe('unknown: 200 error');
    expect(told(200, { order: { ok: true }, fault: 'x' })).toBe('unknown: 200 error');
    expect(told(200, { state: 'GONE' })).toBe('200 sold-out');
    expect(told(200, { state: 0 })).toBe('200 sold-out');
    expect(told(410, 'not JSON')).toBe('410 sold-out');
    expect(told(409, '')).toBe('409 refused');
    expect(told(500, '')).toBe('unknown: 500 error');
    expect(told(200, '[')).toBe('unknown: 200 error');
    const { note } = shop.read(
      200,
      Buffer.from('{"order":{"ok":true,"id":41,"seats":["Rang 1 ü"]}}').toString('latin1'),
    );
    expect(readNote(note)).toEqual({ id: '41', unit: 'Rang%201%20%C3%BC' });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkReserveRequest, isIdempotencyKey, reserveRequestSchema } from './reserve-request.ts';

/** Mostly sound parts with a wrong one now and then: pure noise would never get past the first check. */
const anyId = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[a-z0-9-]{1,33}$/) },
  { weight: 2, arbitrary: fc.stringMatching(/^[A-Za-z0-9._:@+=~-]{1,65}$/) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.jsonValue() },
);
const anyQuantity = fc.oneof(fc.integer({ min: -1, max: 12 }), fc.double(), fc.jsonValue());
const anyBody = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ saleId: anyId, userId: anyId, quantity: anyQuantity }, { requiredKeys: [] }),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.record({ saleId: anyId, userId: anyId }), fc.string(), fc.jsonValue())
      .map(([body, key, value]) => ({ ...body, [key]: value })),
  },
  { weight: 1, arbitrary: fc.jsonValue() },
);

describe('the hand-written check of a reservation', () => {
  it('accepts and refuses exactly what the schema does', () => {
    fc.assert(
      fc.property(anyBody, (given) => {
        // Bodies come from JSON.parse and from nowhere else: no undefined, no -0, no prototype.
        const body: unknown = JSON.parse(JSON.stringify(given));
        const checked = checkReserveRequest(body);
        const parsed = reserveRequestSchema.safeParse(body);
        expect(Array.isArray(checked)).toBe(!parsed.success);
        if (parsed.success) expect(checked).toEqual({ ...parsed.data, quantity: parsed.data.quantity ?? 1 });
      }),
      { numRuns: 3_000 },
    );
  });

  it('names the same fields as the schema', () => {
    fc.assert(
      fc.property(anyBody, (given) => {
        const body: unknown = JSON.parse(JSON.stringify(given));
        const checked = checkReserveRequest(body);
        const parsed = reserveRequestSchema.safeParse(body);
        if (!Array.isArray(checked) || parsed.success) return;
        const named = parsed.error.issues.flatMap((issue) =>
          issue.code === 'unrecognized_keys'
            ? issue.keys.map((key) => key.slice(0, 64))
            : [issue.path.length === 0 ? 'body' : issue.path.join('.')],
        );
        expect(new Set(checked.map(({ field }) => field))).toEqual(new Set(named));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['a missing field', { saleId: 'demo' }, 'userId'],
    ['a wrong type', { saleId: 'demo', userId: 7 }, 'userId'],
    ['a quote', { saleId: "de'mo", userId: 'u' }, 'saleId'],
    ['a newline', { saleId: 'demo', userId: 'u\n' }, 'userId'],
    ['a tab', { saleId: 'demo', userId: 'u\t2' }, 'userId'],
    ['a NUL', { saleId: 'demo', userId: 'u\u0000' }, 'userId'],
    ['a lone surrogate', { saleId: 'demo', userId: '\ud800' }, 'userId'],
    ['ten kilobytes', { saleId: 'demo', userId: 'u'.repeat(10_240) }, 'userId'],
    ['half a unit', { saleId: 'demo', userId: 'u', quantity: 1.5 }, 'quantity'],
    ['a quantity as a text', { saleId: 'demo', userId: 'u', quantity: '1' }, 'quantity'],
    ['a misspelt quantity', { saleId: 'demo', userId: 'u', quantitiy: 2 }, 'quantitiy'],
    ['an own __proto__', JSON.parse('{"saleId":"demo","userId":"u","__proto__":{}}'), '__proto__'],
  ])('refuses %s and names its field', (_what, body, field) => {
    expect(checkReserveRequest(body)).toEqual([{ field, message: expect.any(String) }]);
  });

  it.each([[undefined], [null], ['text'], [3], [[]]])('refuses %j as a whole', (body) => {
    expect(checkReserveRequest(body)).toEqual([{ field: 'body', message: expect.any(String) }]);
  });
});

describe('an Idempotency-Key', () => {
  it('is 1..128 printable ASCII characters, sent once', () => {
    expect(isIdempotencyKey('a'.repeat(128))).toBe(true);
    for (const key of ['', 'a'.repeat(129), 'a b', 'ä', ['a', 'b'], undefined])
      expect(isIdempotencyKey(key)).toBe(false);
  });
});

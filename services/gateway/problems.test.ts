import { describe, expect, it } from 'vitest';
import { GatewayCounters, problemKinds } from './gateway-counters.ts';
import { PROBLEM_KINDS, PROBLEM_CONTENT_TYPE, invalid, rejection } from './problems.ts';

function headerOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.indexOf(name);
  return at < 0 ? undefined : headers[at + 1];
}

describe('a problem document', () => {
  it.each(problemKinds())('%s has a type, a title, its status and its detail', (kind) => {
    const given = rejection(kind, 'what to do');
    const { status, title } = PROBLEM_KINDS[kind];
    expect(given.status).toBe(status);
    expect(JSON.parse(given.payload)).toEqual({
      type: `urn:flashgrid:problem:${kind}`,
      title,
      status,
      detail: 'what to do',
    });
    expect(headerOf(given.headers, 'content-type')).toBe(PROBLEM_CONTENT_TYPE);
  });

  it('says its length in bytes', () => {
    const given = rejection('invalid', 'zu groß – 券');
    expect(headerOf(given.headers, 'content-length')).toBe(String(Buffer.byteLength(given.payload)));
  });

  it('names every wrong field', () => {
    const errors = [
      { field: 'saleId', message: 'is missing' },
      { field: 'quantity', message: 'must be a whole number' },
    ];
    const document: unknown = JSON.parse(invalid(errors).payload);
    expect(document).toMatchObject({
      status: 400,
      errors,
      detail: 'saleId: is missing; quantity: must be a whole number',
    });
  });

  it('says when to try again', () => {
    expect(headerOf(rejection('broker-away', '', { retryAfterSec: 3 }).headers, 'retry-after')).toBe('3');
    expect(headerOf(rejection('invalid', '').headers, 'retry-after')).toBeUndefined();
  });
});

describe('the counters of refusals', () => {
  it('put each kind into one class', () => {
    const counters = new GatewayCounters();
    for (const kind of problemKinds()) counters.rejected[kind] = 1;
    const { client4xx, soldOut409, unavailable503 } = counters.rejectedByClass();
    expect(soldOut409).toBe(1);
    expect(client4xx + soldOut409 + unavailable503).toBe(problemKinds().length);
    expect(unavailable503).toBe(problemKinds().filter((kind) => PROBLEM_KINDS[kind].status >= 500).length);
  });
});

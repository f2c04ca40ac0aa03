import { describe, expect, it } from 'vitest';
import { idempotencyDigest } from '../shared/idempotency.ts';
import type { SaleFacts } from '../shared/sales.ts';
import { FrameCollector } from './frame-collector.ts';
import type { OutgoingMessage } from './frame-collector.ts';
import { GatewayCounters } from './gateway-counters.ts';
import { ReserveAnswerer, ReserveHandler, brokerRejection, fixedRejections } from './reserve-handler.ts';
import type { KeyLookup } from './reserve-handler.ts';
import type { ReserveReply } from './reserve-reply.ts';

const OPEN: SaleFacts = {
  id: 'demo',
  title: 'demo',
  stock: 9,
  perBuyerLimit: 2,
  mode: 'shed',
  status: 'open',
  generation: 1,
  isSoldOut: false,
};
const AWAY: KeyLookup = {
  record: () => Promise.reject(new Error('Redis is away')),
  isGranted: () => Promise.reject(new Error('Postgres is away')),
};

/** Sends one reservation of two units; gives `queued`, `repeated` or the kind of its refusal. */
async function answerOf(
  facts: Partial<SaleFacts>,
  keys: KeyLookup,
  key: string | undefined,
): Promise<string> {
  const frames: OutgoingMessage[] = [];
  const counters = new GatewayCounters();
  const answerer = new ReserveAnswerer(
    counters,
    1,
    () => ({ state: 'ok', reason: 'ok', sinceMs: 0 }),
    () => undefined,
  );
  const collector = new FrameCollector<ReserveReply>({
    gatewayId: 'abcdefgh',
    maxFrame: 1,
    maxUnconfirmed: 9,
    maxFlights: 9,
    gapMs: 0,
    publisher: { isWritable: true, publish: (frame) => frames.push(frame) },
    rare: counters.rare,
    answerer,
  });
  const sale = { ...OPEN, ...facts };
  const handler = new ReserveHandler({
    sales: { get: () => sale, find: () => Promise.resolve(sale) },
    keys,
    collector,
    answerer,
    rare: counters.rare,
    rejections: fixedRejections(1),
    linkState: () => 'up',
    brokerHealth: () => ({ state: 'ok', reason: 'ok', sinceMs: 0 }),
    retryAfterSec: 1,
    onLookupError: () => undefined,
  });
  const answered = new Promise<string>((resolve) => {
    handler.handle({ saleId: 'demo', userId: 'ann', quantity: 2 }, key, {
      accept: (id) => resolve(counters.rare.keyReplayed === 1 ? `repeated ${id}` : `queued ${id}`),
      reject: ({ kind }) => resolve(kind),
    });
  });
  // The lookups are promises that are settled already; what is published by then is confirmed.
  await new Promise((resolve) => setImmediate(resolve));
  for (const frame of frames) frame.settle('confirmed');
  return answered;
}

const ID = `demo.k.${idempotencyDigest('order-17', 'ann', 2)}`;

describe('a reservation under a key', () => {
  it('is queued although Redis is away, since the worker looks again', async () => {
    expect(await answerOf({}, AWAY, 'order-17')).toBe(`queued ${ID}`);
  });

  it.each<[string, Partial<SaleFacts>, string]>([
    ['closed', { status: 'closed' }, 'sale-closed'],
    ['sold out and set to shed', { isSoldOut: true }, 'sold-out'],
    ['of a lower limit', { perBuyerLimit: 1 }, 'invalid'],
  ])('of a sale that is %s is only refused when no ticket can exist', async (_what, facts, kind) => {
    const none: KeyLookup = {
      record: () => Promise.resolve(undefined),
      isGranted: () => Promise.resolve(false),
    };
    expect(await answerOf(facts, none, 'order-17')).toBe(kind);
    expect(await answerOf(facts, { ...none, record: AWAY.record }, 'order-17')).toBe('store-away');
    expect(await answerOf(facts, { ...none, isGranted: AWAY.isGranted }, 'order-17')).toBe('store-away');
    const granted = { ...AWAY, isGranted: () => Promise.resolve(true) };
    expect(await answerOf(facts, granted, 'order-17')).toBe(`repeated ${ID}`);
    const decided = { ...AWAY, record: () => Promise.resolve('1|S|') };
    expect(await answerOf(facts, decided, 'order-17')).toBe(`repeated ${ID}`);
    const reused = { ...AWAY, record: () => Promise.resolve('0|K|') };
    expect(await answerOf(facts, reused, 'order-17')).toBe('idempotency-key-reused');
    // Without a key nobody is asked.
    expect(await answerOf(facts, AWAY, undefined)).toBe(kind);
  });
});

describe('the answer while the broker stores nothing', () => {
  it.each([
    ['blocked', 'broker-blocked'],
    ['refusing', 'broker-refused'],
    ['silent', 'broker-away'],
    ['away', 'broker-away'],
  ] as const)('when it is %s names the part, the reason and the moment', (state, kind) => {
    const given = brokerRejection({ state, reason: 'an alarm of RabbitMQ: low on disk', sinceMs: 0 }, 3);
    expect(given).toMatchObject({ kind, status: 503 });
    expect(given.headers).toContain('retry-after');
    expect(JSON.parse(given.payload)).toMatchObject({
      part: 'broker',
      reason: 'an alarm of RabbitMQ: low on disk',
      since: '1970-01-01T00:00:00.000Z',
      detail: expect.stringContaining('Nothing was queued; try again.'),
    });
  });
});

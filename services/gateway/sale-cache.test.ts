import { describe, expect, it } from 'vitest';
import type { SaleFacts } from '../shared/sales.ts';
import { SaleCache } from './sale-cache.ts';

function saleFacts(id: string, changes: Partial<SaleFacts> = {}): SaleFacts {
  return {
    id,
    title: id,
    stock: 1,
    perBuyerLimit: 1,
    mode: 'queue',
    status: 'open',
    generation: 1,
    isSoldOut: false,
    ...changes,
  };
}

function world(redis: Record<string, SaleFacts | Error>, postgres: Record<string, SaleFacts | Error> = {}) {
  const asked: string[] = [];
  const clock = { nowMs: 1_000 };
  const source = (name: string, sales: Record<string, SaleFacts | Error>) => (saleId: string) => {
    asked.push(`${name} ${saleId}`);
    const found = sales[saleId];
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  };
  const cache = new SaleCache({
    fromRedis: source('redis', redis),
    fromPostgres: source('postgres', postgres),
    now: () => clock.nowMs,
  });
  return { cache, asked, clock };
}

describe('the sale cache', () => {
  it('asks Redis once, however many ask at the same time', async () => {
    const { cache, asked } = world({ demo: saleFacts('demo') });
    const found = await Promise.all([cache.find('demo'), cache.find('demo')]);
    expect(found.map((facts) => facts?.id)).toEqual(['demo', 'demo']);
    await cache.find('demo');
    expect(cache.get('demo')?.id).toBe('demo');
    expect(asked).toEqual(['redis demo']);
  });

  it('asks Postgres for what Redis does not know', async () => {
    const { cache } = world({}, { demo: saleFacts('demo') });
    expect((await cache.find('demo'))?.id).toBe('demo');
  });

  it('remembers for a moment that nobody knows an id', async () => {
    const redis: Record<string, SaleFacts> = {};
    const { cache, asked, clock } = world(redis);
    expect(await cache.find('demo')).toBeUndefined();
    expect(await cache.find('demo')).toBeUndefined();
    expect(asked).toEqual(['redis demo', 'postgres demo']);
    redis['demo'] = saleFacts('demo');
    clock.nowMs += 2_001;
    expect((await cache.find('demo'))?.id).toBe('demo');
  });

  it('forgets that an id is unknown as soon as it hears of the sale', async () => {
    const { cache } = world({});
    await cache.find('demo');
    cache.put(saleFacts('demo'));
    expect((await cache.find('demo'))?.id).toBe('demo');
  });

  it('does not take an outage for an unknown sale', async () => {
    const redis: Record<string, SaleFacts | Error> = { demo: new Error('away') };
    const { cache } = world(redis);
    await expect(cache.find('demo')).rejects.toThrow('away');
    redis['demo'] = saleFacts('demo');
    expect((await cache.find('demo'))?.id).toBe('demo');
  });

  it('keeps the younger generation when messages come out of order', () => {
    const { cache } = world({});
    cache.put(saleFacts('demo', { generation: 2 }));
    cache.put(saleFacts('demo', { generation: 1, isSoldOut: true }));
    expect(cache.get('demo')).toMatchObject({ generation: 2, isSoldOut: false });
    cache.put(saleFacts('demo', { generation: 2, isSoldOut: true }));
    expect(cache.get('demo')?.isSoldOut).toBe(true);
  });

  it('does not let an answer that was on its way replace something younger', async () => {
    let answer: (facts: SaleFacts) => void = () => expect.unreachable();
    const cache = new SaleCache({
      fromRedis: () => new Promise((resolve) => (answer = resolve)),
      fromPostgres: () => Promise.resolve(undefined),
    });
    const found = cache.find('demo');
    cache.put(saleFacts('demo', { generation: 3 }));
    answer(saleFacts('demo', { generation: 2 }));
    expect((await found)?.generation).toBe(3);
  });

  it('knows which sales were asked for since it was asked last', async () => {
    const { cache } = world({ found: saleFacts('found') });
    for (const id of ['idle', 'used']) cache.put(saleFacts(id));
    cache.get('used');
    await cache.find('found');
    expect(cache.takeUsed()).toEqual(['used', 'found']);
    cache.put(saleFacts('used'));
    expect(cache.takeUsed()).toEqual([]);
    expect(cache.ids()).toEqual(['idle', 'used', 'found']);
  });

  it('bounds the look-ups that a flood of invented ids can start', async () => {
    const cache = new SaleCache({
      fromRedis: () => new Promise(() => undefined),
      fromPostgres: () => Promise.resolve(undefined),
    });
    const started = Array.from({ length: 64 }, (_, index) => cache.find(`sale-${index}`));
    expect(started).toHaveLength(64);
    await expect(cache.find('one-more')).rejects.toThrow(/looked up/);
  });
});

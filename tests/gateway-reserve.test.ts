/** `POST /reserve`, with and without an idempotency key, on the real backends. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningGateway } from '../services/gateway/gateway.ts';
import { decodeEntries } from '../services/shared/frame.ts';
import { quoteIdentifier } from '../services/shared/postgres.ts';
import { uniqueName } from './support/backends.ts';
import { expectTaken } from './support/expect-taken.ts';
import { createGatewayWorld, idOf, openSale, reserve, send, sendAsAdmin } from './support/gateway-world.ts';
import type { Answer, GatewayWorld } from './support/gateway-world.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';

let world: GatewayWorld;
let gateway: RunningGateway;

beforeAll(async () => {
  world = await createGatewayWorld();
  gateway = await world.gateway();
});
afterAll(() => world.release());

describe('POST /reserve', () => {
  it('answers 202 once the reservation lies in the queue, and its outcome when it is decided', async () => {
    const sale = await openSale(gateway, { stock: 1 });
    const first = await reserve(gateway, { saleId: sale, userId: 'ann@example.org' });
    expect(first).toMatchObject({ status: 202, body: { status: 'queued' } });
    const second = await reserve(gateway, { saleId: sale, userId: 'bob', quantity: 1 });
    const of = (answer: Answer) => send(gateway, 'GET', `/reservations/${idOf(answer)}`);
    expect((await of(first)).body).toEqual({ reservationId: idOf(first), status: 'queued' });
    await world.decideAll();
    expect((await of(first)).body).toEqual({
      reservationId: idOf(first),
      status: 'granted',
      units: [1],
      unitNo: 1,
    });
    expect((await of(second)).body).toMatchObject({ status: 'refused', reason: 'sold_out' });
  });

  it('gathers what comes at the same time into fewer frames, each reservation in its place', async () => {
    const sale = await openSale(gateway);
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => reserve(gateway, { saleId: sale, userId: `u-${index}` })),
    );
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    const frames = await world.takeFrames();
    expect(frames.length).toBeLessThan(300);
    const queued = new Map<string, string>();
    for (const frame of frames)
      for (const [index, { userId }] of decodeEntries(frame.body).entries())
        queued.set(`${frame.saleId}.${frame.id}.${index}`, userId);
    expect(queued.size).toBe(300);
    for (const [index, answer] of answers.entries()) expect(queued.get(idOf(answer))).toBe(`u-${index}`);
  });

  it.each<[string, number, string, unknown, Record<string, string>?]>([
    ['a missing field', 400, 'userId', { saleId: 'demo' }],
    ['a wrong type', 400, 'userId', { saleId: 'demo', userId: 1 }],
    ['a quantity of nought', 400, 'quantity', { saleId: 'demo', userId: 'u', quantity: 0 }],
    ['an unknown field', 400, 'price', { saleId: 'demo', userId: 'u', price: 0 }],
    ['quotes', 400, 'userId', { saleId: 'demo', userId: `'; DROP TABLE tickets; --"` }],
    ['a newline', 400, 'userId', { saleId: 'demo', userId: 'u\nv' }],
    ['a tab', 400, 'userId', { saleId: 'demo', userId: 'u\t9' }],
    ['ten kilobytes', 400, 'userId', { saleId: 'demo', userId: 'u'.repeat(10_240) }],
    ['a NUL', 400, 'userId', { saleId: 'demo', userId: 'u\u0000' }],
    ['a lone surrogate', 400, 'userId', '{"saleId":"demo","userId":"\\ud800"}'],
    ['a hostile sale', 400, 'saleId', { saleId: '}:x', userId: 'u' }],
    ['invalid JSON', 400, 'body', '{"saleId":'],
    ['an array', 400, 'body', []],
    ['an empty body', 400, 'body', ''],
    ['a hostile key', 400, 'Idempotency-Key', { saleId: 'demo', userId: 'u' }, { 'idempotency-key': 'a b' }],
  ])('refuses %s with %i and names the field', async (_what, status, field, body, headers = {}) => {
    const answer = await reserve(gateway, body, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ status, title: expect.any(String), errors: [{ field }] });
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|at /);
  });

  it('refuses a body without a length, and other content types', async () => {
    const form = await send(gateway, 'POST', '/reserve', 'saleId=demo', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(form.status).toBe(415);
    expect((await send(gateway, 'POST', '/reserve')).status).toBe(400);
  });

  it('refuses a body of ten megabytes, whole or in pieces, and lets the client hear it', async () => {
    const large = `{"saleId":"demo","userId":"${'u'.repeat(10 * 1024 * 1024)}"}`;
    expect((await reserve(gateway, large)).status).toBe(413);
    const inPieces = await new Promise<number>((resolve, reject) => {
      const outgoing = httpRequest(`${gateway.url}/reserve`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      });
      outgoing.on('response', (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode ?? 0);
      });
      outgoing.on('error', reject);
      outgoing.write(large.slice(0, 20_000));
    });
    expect(inPieces).toBe(413);
  });

  it('stores and queues nothing of what it refused, and goes on', async () => {
    expect(await world.takeFrames()).toEqual([]);
    const sale = await openSale(gateway);
    expect((await reserve(gateway, { saleId: sale, userId: 'u' })).status).toBe(202);
    expect(await world.takeFrames()).toHaveLength(1);
  });

  it('answers 404 for a sale that nobody knows', async () => {
    const answer = await reserve(gateway, { saleId: uniqueName('none'), userId: 'u' });
    expect(answer).toMatchObject({ status: 404, body: { type: 'urn:flashgrid:problem:unknown-sale' } });
  });

  it('takes reservations of a sale that only Postgres knows', async () => {
    const id = uniqueName('sale');
    await world.postgres.query(
      `INSERT INTO ${quoteIdentifier(world.schema)}.sales (id, title, stock) VALUES ($1, $1, 5)`,
      [id],
    );
    expect((await reserve(gateway, { saleId: id, userId: 'u' })).status).toBe(202);
    expect((await send(gateway, 'GET', `/sales/${id}`)).body).toMatchObject({
      id,
      counters: { remaining: 5 },
    });
    expectTaken(gateway.sample().rarePaths, 'saleFromPostgres');
    await world.takeFrames();
  });

  it('rejects a sale that nobody can look up, and takes a key that nobody can look up, while Redis and Postgres are away', async () => {
    const { FLASHGRID_REDIS_URL: redisUrl = '', FLASHGRID_POSTGRES_URL: postgresUrl = '' } =
      world.environment;
    const proxies = [await startTcpProxy(redisUrl), await startTcpProxy(postgresUrl)];
    const [redis, postgres] = proxies;
    const own = await world.gateway({
      FLASHGRID_REDIS_URL: redis?.url ?? '',
      FLASHGRID_POSTGRES_URL: postgres?.url ?? '',
    });
    const sale = await openSale(gateway);
    const body = { saleId: sale, userId: 'u' };
    expect((await reserve(own, body)).status).toBe(202);
    for (const proxy of proxies) proxy.cut();
    expect((await reserve(own, body, { 'idempotency-key': 'order-17' })).status).toBe(202);
    expect(await reserve(own, { ...body, saleId: uniqueName('none') })).toMatchObject({
      status: 503,
      body: { type: 'urn:flashgrid:problem:store-away' },
    });
    expectTaken(own.sample().rarePaths, 'keyNotLookedUp', 'saleNotFound');
    for (const proxy of proxies) proxy.mend();
    await own.stop();
    for (const proxy of proxies) await proxy.close();
    await world.takeFrames();
  });

  it('answers 400 for more units than the sale lets one buyer have', async () => {
    const sale = await openSale(gateway, { perBuyerLimit: 2 });
    const answer = await reserve(gateway, { saleId: sale, userId: 'u', quantity: 3 });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'quantity' }] } });
    expect((await reserve(gateway, { saleId: sale, userId: 'u', quantity: 2 })).status).toBe(202);
    await world.takeFrames();
  });

  it('answers 409 while the sale is closed, on every gateway', async () => {
    const sale = await openSale(gateway);
    const other = await world.gateway();
    expect((await reserve(other, { saleId: sale, userId: 'u' })).status).toBe(202);
    expect((await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { status: 'closed' })).status).toBe(200);
    expect((await reserve(gateway, { saleId: sale, userId: 'u' })).status).toBe(409);
    await vi.waitFor(async () => {
      const answer = await reserve(other, { saleId: sale, userId: 'u' });
      expect(answer).toMatchObject({ status: 409, body: { type: 'urn:flashgrid:problem:sale-closed' } });
    });
    await world.takeFrames();
  });

  it('refuses at the fast path what a sold-out sale would refuse, if it is set to shed, at every gateway', async () => {
    const other = await world.gateway();
    const sale = await openSale(gateway, { stock: 1, mode: 'shed' });
    await reserve(gateway, { saleId: sale, userId: 'u' });
    await world.decideAll();
    for (const each of [gateway, other])
      await vi.waitFor(async () => {
        const answer = await reserve(each, { saleId: sale, userId: 'v' });
        expect(answer).toMatchObject({ status: 409, body: { type: 'urn:flashgrid:problem:sold-out' } });
      });
    await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { mode: 'queue' });
    for (const each of [gateway, other])
      await vi.waitFor(async () =>
        expect((await reserve(each, { saleId: sale, userId: 'v' })).status).toBe(202),
      );
    await world.takeFrames();
  });
});

describe('POST /reserve with an Idempotency-Key', () => {
  const key = { 'idempotency-key': 'order-17' };
  const outcomeOf = async (answer: Answer, at = gateway) =>
    (await send(at, 'GET', `/reservations/${idOf(answer)}`)).body;
  const expireRecords = async (sale: string) => {
    const keys = await world.redis.keys(`${world.namespace}:{${sale}}:[fk]:*`);
    expect(keys.length).toBeGreaterThan(0);
    await world.redis.del(...keys);
  };

  it('gives a repeat the same reservation, whichever gateway is asked, before and after it is decided', async () => {
    const sale = await openSale(gateway);
    const other = await world.gateway();
    const body = { saleId: sale, userId: 'ann' };
    const answers = [await reserve(gateway, body, key), await reserve(other, body, key)];
    await world.decideAll();
    answers.push(await reserve(gateway, body, key));
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 202, body: { ...answers[0]?.body, status: 'queued' } });
    expect(await world.takeFrames()).toEqual([]);
    expect(await outcomeOf(answers[2]!, other)).toMatchObject({ status: 'granted', units: [1] });
    expect((await world.store.readSale(sale))?.counters.granted).toBe(1);
    expectTaken(gateway.sample().rarePaths, 'keyReplayed');
  });

  it('refuses the key with another buyer or quantity: at once when it is known, else by its own outcome', async () => {
    const sale = await openSale(gateway, { perBuyerLimit: 5 });
    const first = await reserve(gateway, { saleId: sale, userId: 'ann', quantity: 2 }, key);
    const others = [
      { saleId: sale, userId: 'ann', quantity: 3 },
      { saleId: sale, userId: 'bob', quantity: 2 },
    ];
    const inFlight = await Promise.all(others.map((body) => reserve(gateway, body, key)));
    expect(new Set([first, ...inFlight].map(idOf)).size).toBe(3);
    await world.decideAll();
    expect(await outcomeOf(first)).toMatchObject({ status: 'granted', units: [1, 2] });
    for (const answer of inFlight)
      expect(await outcomeOf(answer)).toMatchObject({ status: 'refused', reason: 'key_reused' });
    for (const isExpired of [false, true]) {
      if (isExpired) await expireRecords(sale);
      for (const body of others)
        expect(await reserve(gateway, body, key)).toMatchObject({
          status: 422,
          body: { type: 'urn:flashgrid:problem:idempotency-key-reused' },
        });
    }
    // The key is the sale's: in another it is free.
    const elsewhere = await reserve(gateway, { saleId: await openSale(gateway), userId: 'bob' }, key);
    expect(elsewhere.status).toBe(202);
    await world.decideAll();
    expect((await world.store.readSale(sale))?.counters).toMatchObject({
      decided: 3,
      granted: 1,
      refused: { key_reused: 2 },
    });
    expectTaken(gateway.sample().rarePaths, 'keyReused');
  });

  it.each(['queue', 'shed'])(
    'tells a winner of a %s sale the same again, sold out, closed, under a lower limit and after the retention',
    async (mode) => {
      const sale = await openSale(gateway, { stock: 2, perBuyerLimit: 2, mode });
      const body = { saleId: sale, userId: 'ann', quantity: 2 };
      const first = await reserve(gateway, body, key);
      await world.decideAll();
      await world.store.publishSale((await world.store.readSale(sale))!);
      const again = async () => {
        expect(await reserve(gateway, body, key)).toMatchObject({ status: 202, body: first.body });
        expect(await outcomeOf(first)).toMatchObject({ status: 'granted', units: [1, 2] });
      };
      if (mode === 'shed')
        await vi.waitFor(async () =>
          expect((await reserve(gateway, { saleId: sale, userId: 'bob' })).status).toBe(409),
        );
      await again();
      await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { perBuyerLimit: 1 });
      await again();
      await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { status: 'closed' });
      await again();
      await expireRecords(sale);
      await again();
      const stranger = await reserve(
        gateway,
        { ...body, userId: 'bob', quantity: 1 },
        { 'idempotency-key': 'b' },
      );
      expect(stranger).toMatchObject({ status: 409, body: { type: 'urn:flashgrid:problem:sale-closed' } });
    },
  );

  it('finds a ticket in Postgres while Redis has forgotten the closed sale', async () => {
    const sale = await openSale(gateway);
    const body = { saleId: sale, userId: 'ann' };
    const first = await reserve(gateway, body, key);
    await world.takeFrames();
    await world.postgres.query(
      `INSERT INTO ${quoteIdentifier(world.schema)}.tickets (sale_id, unit_no, generation, stock, reservation_id, user_id)
       VALUES ($1, 3, 1, 20, $2, 'ann')`,
      [sale, idOf(first)],
    );
    await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { status: 'closed' });
    await world.redis.del(...(await world.redis.keys(`${world.namespace}:{${sale}}:*`)));
    expect(await reserve(gateway, body, key)).toMatchObject({ status: 202, body: first.body });
    expect(await reserve(gateway, { ...body, userId: 'bob' }, { 'idempotency-key': 'b' })).toMatchObject({
      status: 409,
    });
    expectTaken(gateway.sample().rarePaths, 'keyFoundInPostgres');
  });

  it('decides a key anew after a reset', async () => {
    const sale = await openSale(gateway, { stock: 1 });
    await reserve(gateway, { saleId: sale, userId: 'bob' });
    const body = { saleId: sale, userId: 'ann' };
    const first = await reserve(gateway, body, key);
    await world.decideAll();
    expect(await outcomeOf(first)).toMatchObject({ status: 'refused', reason: 'sold_out' });
    await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { reset: {} });
    const again = await reserve(gateway, body, key);
    expect(await outcomeOf(again)).toMatchObject({ status: 'queued' });
    await world.decideAll();
    expect(await outcomeOf(again)).toMatchObject({ status: 'granted', units: [1] });
    expect((await world.store.readSale(sale))?.counters).toMatchObject({ decided: 1, granted: 1 });
    // What was accepted before a reset is refused by it, under a key as without.
    const late = await reserve(gateway, { saleId: sale, userId: 'late' }, { 'idempotency-key': 'late' });
    await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { reset: {} });
    await world.decideAll();
    expect(await outcomeOf(late)).toMatchObject({ status: 'refused', reason: 'sale_reset' });
  });
});

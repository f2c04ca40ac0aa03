/** What the gateway does when RabbitMQ goes away, falls silent, loses its queue or is too slow. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BrokerLink } from '../services/gateway/broker-link.ts';
import type { RunningGateway } from '../services/gateway/gateway.ts';
import type { FrameHeaders } from '../services/shared/frame.ts';
import { rareCounts } from '../services/shared/rare-paths.ts';
import { saleFactsSchema } from '../services/shared/sales.ts';
import { expectTaken } from './support/expect-taken.ts';
import { createGatewayWorld, reserve, send, sendAsAdmin } from './support/gateway-world.ts';
import type { GatewayWorld } from './support/gateway-world.ts';
import { startStallingProxy } from './support/stalling-proxy.ts';
import type { StallingProxy } from './support/stalling-proxy.ts';
import { testEndpoints, uniqueName } from './support/backends.ts';

const CONFIRM_TIMEOUT_MS = 400;

let world: GatewayWorld;
let proxy: StallingProxy;
let gateway: RunningGateway;
let sale: string;

beforeAll(async () => {
  world = await createGatewayWorld();
  proxy = await startStallingProxy(testEndpoints().amqpUrl);
});
afterAll(async () => {
  await world.release();
  await proxy.close();
});
beforeEach(async () => {
  gateway = await world.gateway({
    FLASHGRID_AMQP_URL: proxy.url,
    FLASHGRID_CONFIRM_TIMEOUT_MS: String(CONFIRM_TIMEOUT_MS),
    FLASHGRID_MAX_UNCONFIRMED: '8',
    FLASHGRID_RETRY_AFTER_SEC: '2',
  });
  sale = uniqueName('sale');
  await sendAsAdmin(gateway, 'POST', '/sales', { id: sale, stock: 20 });
});
afterEach(async () => {
  proxy.restore();
  await gateway.stop();
  await world.takeFrames();
});

function reserveOne(userId = 'u', headers: Readonly<Record<string, string>> = {}) {
  return reserve(gateway, { saleId: sale, userId }, headers);
}

async function waitUntilServing(): Promise<void> {
  await vi.waitFor(async () => expect((await reserveOne()).status).toBe(202), {
    timeout: 10_000,
    interval: 50,
  });
}

it('sends each message with its own headers, whatever the one before had', async () => {
  const link = new BrokerLink({
    url: testEndpoints().amqpUrl,
    namespace: world.namespace,
    name: 'test',
    confirmTimeoutMs: 5_000,
    rare: rareCounts('gateway'),
    log: { warn: () => undefined, info: () => undefined },
    onFlushDue: () => undefined,
  });
  link.start();
  expect(await link.whenUp(10_000)).toBe(true);
  const sent: FrameHeaders[] = [
    { v: 1, n: 1, sale: 'one', gen: 1, t: 1, traceparent: '00-a-b-01', traced: '0' },
    { v: 2, n: 3, t: 2 },
    { v: 1, n: 2, sale: 'two', gen: 4, t: 3 },
  ];
  const publish = (headers: FrameHeaders) =>
    new Promise<string>((settle) =>
      link.publish({ id: 'x', count: 1, body: Buffer.from('x'), headers, settle }),
    );
  expect(await Promise.all(sent.map(publish))).toEqual(['confirmed', 'confirmed', 'confirmed']);
  await link.close();
  const headers = async () => {
    const message = await world.channel.get(world.queue, { noAck: true });
    if (!message) return undefined;
    // RabbitMQ has some of its own.
    const all = Object.entries(message.properties.headers ?? {});
    return Object.fromEntries(all.filter(([name]) => !name.startsWith('x-')));
  };
  expect([await headers(), await headers(), await headers()]).toEqual(sent);
});

describe('while the broker is away', () => {
  it('refuses at once with 503 and Retry-After, and serves again by itself', async () => {
    expect((await reserveOne()).status).toBe(202);
    proxy.cut();
    await vi.waitFor(() => expect(gateway.sample().isBrokerUp).toBe(false));
    const beganAtMs = Date.now();
    const answer = await reserveOne();
    expect(Date.now() - beganAtMs).toBeLessThan(1_000);
    expect(answer).toMatchObject({ status: 503, body: { type: 'urn:flashgrid:problem:broker-away' } });
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await send(gateway, 'GET', '/readyz')).toMatchObject({
      status: 503,
      body: { isReady: false, parts: { broker: { isUp: false }, redis: { isUp: true } } },
    });
    expect((await send(gateway, 'GET', '/healthz')).status).toBe(200);
    // Nonsense is still told apart from an outage.
    expect((await reserve(gateway, { saleId: sale })).status).toBe(400);
    proxy.restore();
    await waitUntilServing();
    expect((await send(gateway, 'GET', '/readyz')).status).toBe(200);
  });

  it('answers what was under way as soon as the connection is lost, and says under which id it may exist', async () => {
    await gateway.stop();
    gateway = await world.gateway({ FLASHGRID_AMQP_URL: proxy.url, FLASHGRID_CONFIRM_TIMEOUT_MS: '30000' });
    proxy.stall();
    const waiting = [reserveOne('a'), reserveOne('b', { 'idempotency-key': 'b' })];
    await vi.waitFor(() => expect(gateway.sample().unconfirmedNow).toBe(2));
    // While frames wait for their confirm, these stay in an open one, which is not sent any more.
    const unsent = Array.from({ length: 3 }, (_, index) => reserveOne(`c-${index}`));
    await vi.waitFor(() => expect(gateway.sample().unconfirmedNow).toBe(5));
    const beganAtMs = Date.now();
    proxy.cut();
    const answers = await Promise.all(waiting);
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 503,
        body: { type: 'urn:flashgrid:problem:unconfirmed', reservationId: expect.stringContaining(sale) },
      });
    }
    // A repeat is only advised, to people and to programs, where it can't buy twice.
    expect(answers.map(({ headers }) => headers.has('retry-after'))).toEqual([false, true]);
    expect(answers[0]?.body['detail']).toContain('Do not send it again');
    expect(answers[1]?.body['detail']).toContain('Send it again with the same Idempotency-Key');
    expect(Date.now() - beganAtMs).toBeLessThan(1_000);
    expect(gateway.sample().unconfirmedNow).toBe(0);
    expect((await Promise.all(unsent)).map(({ body }) => body['type'])).toContain(
      'urn:flashgrid:problem:broker-away',
    );
    proxy.restore();
    await waitUntilServing();
    expectTaken(gateway.sample().rarePaths, 'confirmLost', 'frameNotSent', 'gatewayReconnected');
  });

  it('goes to another node of the cluster when its own is lost', async () => {
    await gateway.stop();
    const nodes = `${proxy.url},${testEndpoints().amqpUrl}`;
    gateway = await world.gateway({ FLASHGRID_AMQP_URL: nodes });
    expect((await reserveOne('before')).status).toBe(202);
    proxy.cut();
    await waitUntilServing();
    expect((await send(gateway, 'GET', '/readyz')).status).toBe(200);
  });

  it('can be stopped', async () => {
    proxy.cut();
    await vi.waitFor(() => expect(gateway.sample().isBrokerUp).toBe(false));
    await gateway.stop();
    await expect(reserveOne()).rejects.toThrow();
  });
});

describe('when the broker falls silent', () => {
  it('answers 503 after the confirm timeout, connects anew and serves again', async () => {
    proxy.stall();
    const beganAtMs = Date.now();
    const answer = await reserveOne();
    const tookMs = Date.now() - beganAtMs;
    expect(answer).toMatchObject({ status: 503, body: { type: 'urn:flashgrid:problem:unconfirmed' } });
    expect(tookMs).toBeGreaterThanOrEqual(CONFIRM_TIMEOUT_MS - 50);
    expect(tookMs).toBeLessThan(CONFIRM_TIMEOUT_MS + 1_000);
    const next = await reserveOne();
    expect(next).toMatchObject({ status: 503, body: { type: 'urn:flashgrid:problem:broker-away' } });
    proxy.restore();
    await waitUntilServing();
  });

  it('answers what is in flight as soon as it is found silent, not after the confirm timeout', async () => {
    await gateway.stop();
    gateway = await world.gateway({ FLASHGRID_AMQP_URL: proxy.url, FLASHGRID_CONFIRM_TIMEOUT_MS: '30000' });
    expect((await reserveOne('before')).status).toBe(202);
    proxy.stall();
    const beganAtMs = Date.now();
    const kinds = await Promise.all(
      ['a', 'b', 'c'].map(async (userId) =>
        String((await reserveOne(userId)).body['type'])
          .split(':')
          .at(-1),
      ),
    );
    expect(Date.now() - beganAtMs).toBeLessThan(3_000);
    expect(kinds[0]).toBe('unconfirmed');
    expect(gateway.sample().unconfirmedNow).toBe(0);
    expect(await reserveOne('d')).toMatchObject({
      status: 503,
      body: { part: 'broker', reason: 'no answer in time' },
    });
    // The same connection goes on, and a confirm that comes late does no harm.
    proxy.restore();
    await waitUntilServing();
    expect((await world.takeFrames()).some(({ body }) => body.toString('latin1').startsWith('a'))).toBe(true);
    expectTaken(gateway.sample().rarePaths, 'brokerSilent', 'confirmTimeout', 'confirmLate');
  });

  it('drops a connection that alone is silent, and serves on a new one', async () => {
    proxy.orphan();
    await vi.waitFor(
      () => expectTaken(gateway.sample().rarePaths, 'gatewayLinkDead', 'gatewayReconnected'),
      10_000,
    );
    await waitUntilServing();
  });

  it('holds a bounded number of reservations and refuses the rest at once', async () => {
    proxy.stall();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => reserveOne(`u-${index}`)));
    const kinds = answers.map(({ body }) => String(body['type']).split(':').at(-1));
    expect(kinds.filter((kind) => kind === 'overloaded')).toHaveLength(12);
    expect(kinds.filter((kind) => kind !== 'overloaded')).toHaveLength(8);
    expect(answers.every(({ status }) => status === 503)).toBe(true);
    expect(gateway.sample().rejected.unavailable503).toBe(20);
    expectTaken(gateway.sample().rarePaths, 'buffersFull');
  });
});

describe('when the sale is reset while a frame is open', () => {
  it('closes the frame, since a frame belongs to one generation', async () => {
    await gateway.stop();
    gateway = await world.gateway({ FLASHGRID_AMQP_URL: proxy.url, FLASHGRID_CONFIRM_TIMEOUT_MS: '30000' });
    expect((await reserveOne()).status).toBe(202);
    await world.takeFrames();
    const view = await world.store.readSale(sale);
    if (!view) throw new Error('the sale is gone');
    proxy.stall();
    // Two frames wait for their confirm, so that the third stays open.
    const answers = [1, 2, 3].map((index) => reserveOne(`before-${index}`));
    await vi.waitFor(() => expect(gateway.sample().unconfirmedNow).toBe(3));
    await world.store.publishSale({ ...saleFactsSchema.parse(view), generation: 2 });
    await vi.waitFor(() => {
      answers.push(reserveOne('after'));
      expectTaken(gateway.sample().rarePaths, 'frameCutShort');
    });
    proxy.restore();
    await Promise.all(answers);
    await waitUntilServing();
    const frames = await world.takeFrames();
    expect(frames.length).toBeGreaterThan(0);
    for (const { body, generation } of frames)
      if (body.toString('latin1').includes('before')) expect(generation).toBe(1);
  });
});

describe('when the queue is full', () => {
  it('answers 503 for what RabbitMQ refuses, and serves again once there is room', async () => {
    expect((await reserveOne()).status).toBe(202);
    await world.limitQueue(1);
    await vi.waitFor(
      async () =>
        expect(await reserveOne()).toMatchObject({
          status: 503,
          body: { type: 'urn:flashgrid:problem:broker-refused', detail: expect.stringContaining('full') },
        }),
      { timeout: 10_000, interval: 20 },
    );
    expectTaken(gateway.sample().rarePaths, 'frameNacked');
    await world.limitQueue(undefined);
    await waitUntilServing();
  });
});

describe('when the queue is gone', () => {
  it('answers 503 for what can not be routed, declares the queue again and serves', async () => {
    expect((await reserveOne()).status).toBe(202);
    await world.channel.deleteQueue(world.queue);
    const answer = await reserveOne();
    expect(answer).toMatchObject({ status: 503, body: { type: 'urn:flashgrid:problem:broker-refused' } });
    expectTaken(gateway.sample().rarePaths, 'frameReturned');
    await waitUntilServing();
    expect((await world.takeFrames()).length).toBeGreaterThan(0);
  });
});

describe('when the gateway is stopped', () => {
  it('finishes the frames in hand first', async () => {
    const answers = Array.from({ length: 8 }, (_, index) => reserveOne(`u-${index}`));
    await vi.waitFor(() => expect(gateway.sample().unconfirmedNow + gateway.sample().accepted).toBe(8));
    await gateway.stop();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual(Array.from({ length: 8 }, () => 202));
    const queued = (await world.takeFrames()).reduce((sum, { count }) => sum + count, 0);
    expect(queued).toBe(8);
  });
});

describe('a gateway that can not start', () => {
  it.each([
    ['RabbitMQ', { FLASHGRID_AMQP_URL: 'amqp://guest:guest@127.0.0.1:1' }, 'gateway.rabbitmqAway'],
    ['Redis', { FLASHGRID_REDIS_URL: 'redis://127.0.0.1:1' }, 'gateway.redisAway'],
    ['Postgres', { FLASHGRID_POSTGRES_URL: 'postgresql://x:secret@127.0.0.1:1/x' }, 'gateway.postgresAway'],
  ])('says that %s is away, and what to do', async (name, env, code) => {
    const failed = world.gateway(env, 1_000);
    await expect(failed).rejects.toMatchObject({ code, fix: expect.stringContaining(name) });
    await expect(failed).rejects.not.toThrow(/secret/);
  });
});

/** The gateway’s routes for lookups, sales and machines, on the real backends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningGateway } from '../services/gateway/gateway.ts';
import { quoteIdentifier } from '../services/shared/postgres.ts';
import { saleListSchema } from '../services/shared/sales.ts';
import { uniqueName } from './support/backends.ts';
import { expectTaken } from './support/expect-taken.ts';
import { createGatewayWorld, idOf, openSale, reserve, send, sendAsAdmin } from './support/gateway-world.ts';
import type { GatewayWorld } from './support/gateway-world.ts';

let world: GatewayWorld;
let gateway: RunningGateway;

beforeAll(async () => {
  world = await createGatewayWorld();
  gateway = await world.gateway();
});
afterAll(() => world.release());

describe('GET /reservations/:id', () => {
  it('answers 400 for what is not an id and 404 for what never was', async () => {
    const sale = await openSale(gateway);
    const get = (id: string) => send(gateway, 'GET', `/reservations/${encodeURIComponent(id)}`);
    for (const id of ['x', "a'b", 'a.b.c', 'a\u0000', 'x'.repeat(10_000)])
      expect((await get(id)).status).toBe(400);
    expect((await get(`${uniqueName('none')}.abcdefgh-1.0`)).body).toMatchObject({
      type: 'urn:flashgrid:problem:unknown-sale',
    });
    expect((await get(`${sale}.${gateway.gatewayId}-zzzz.0`)).body).toMatchObject({
      type: 'urn:flashgrid:problem:unknown-reservation',
    });
  });

  it('answers 404 for a place that a decided frame does not have', async () => {
    const sale = await openSale(gateway, { stock: 1 });
    const id = idOf(await reserve(gateway, { saleId: sale, userId: 'u' }));
    await world.decideAll();
    const answer = await send(gateway, 'GET', `/reservations/${id.replace(/\.0$/, '.9')}`);
    expect(answer).toMatchObject({
      status: 404,
      body: { type: 'urn:flashgrid:problem:unknown-reservation' },
    });
  });

  it('finds a grant whose record is gone from Redis', async () => {
    const sale = await openSale(gateway);
    const id = `${sale}.zzzzzzzz-1.0`;
    await world.postgres.query(
      `INSERT INTO ${quoteIdentifier(world.schema)}.tickets
         (sale_id, unit_no, generation, stock, reservation_id, item_no, user_id)
       VALUES ($1, 7, 1, 20, $2, 1, 'u'), ($1, 9, 1, 20, $2, 2, 'u')`,
      [sale, id],
    );
    expect((await send(gateway, 'GET', `/reservations/${id}`)).body).toEqual({
      reservationId: id,
      status: 'granted',
      units: [7, 9],
      unitNo: 7,
    });
    expectTaken(gateway.sample().rarePaths, 'lookupFromPostgres');
  });

  it('says `queued` of a grant as long as its tickets are not committed', async () => {
    const sale = await openSale(gateway);
    const id = idOf(await reserve(gateway, { saleId: sale, userId: 'u' }));
    const [frame] = await world.takeFrames();
    if (!frame) throw new Error('no frame');
    const body = frame.body.toString('latin1');
    await world.store.decideFrame({ ...frame, body, digests: [] });
    expect((await send(gateway, 'GET', `/reservations/${id}`)).body).toMatchObject({ status: 'queued' });
    expectTaken(gateway.sample().rarePaths, 'lookupBeforeCommit');
  });
});

describe('the sales routes', () => {
  it('need the admin token for changes, and none for reading', async () => {
    const sale = await openSale(gateway);
    const body = { stock: 1 };
    expect((await send(gateway, 'POST', '/sales', body)).status).toBe(401);
    const wrong = { authorization: 'Bearer test-admin-token-012345678' };
    expect((await send(gateway, 'POST', '/sales', body, wrong)).status).toBe(403);
    expect((await send(gateway, 'PATCH', `/sales/${sale}`, body, wrong)).status).toBe(403);
    expect((await send(gateway, 'GET', `/sales/${sale}`)).body).toMatchObject({ id: sale });
    const list = await send(gateway, 'GET', '/sales');
    expect(list.body['sales']).toEqual(expect.arrayContaining([expect.objectContaining({ id: sale })]));
  });

  it('refuse a second sale of the same id, and every unsound field by name', async () => {
    const sale = await openSale(gateway);
    expect((await sendAsAdmin(gateway, 'POST', '/sales', { id: sale, stock: 1 })).status).toBe(409);
    const unsound = { id: 'A B', title: 'a\u0000', stock: 0, perBuyerLimit: 11, mode: 'x', extra: 1 };
    const answer = await sendAsAdmin(gateway, 'POST', '/sales', unsound);
    expect(answer.status).toBe(400);
    const errors = answer.body['errors'];
    expect(errors).toEqual(
      expect.arrayContaining(Object.keys(unsound).map((field) => ({ field, message: expect.any(String) }))),
    );
    expect((await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, {})).status).toBe(400);
    expect((await sendAsAdmin(gateway, 'PATCH', '/sales/no-such', { mode: 'shed' })).status).toBe(404);
    expect((await sendAsAdmin(gateway, 'PATCH', '/sales/no-such', { reset: {} })).status).toBe(404);
  });

  it('list the sales a page at a time, newest first, and tell how many there are', async () => {
    const ids: string[] = [];
    for (let sale = 0; sale < 3; sale++) ids.unshift(await openSale(gateway));
    // Several sales of one moment, as an attack on many opens them.
    const same = ['a', 'b', 'c'].map((letter) => uniqueName(`same-${letter}`));
    await world.postgres.query(
      `INSERT INTO ${quoteIdentifier(world.schema)}.sales (id, title, stock) SELECT id, id, 5 FROM unnest($1::text[]) AS id`,
      [same],
    );
    const page = async (query: string) => {
      const { status, body } = await send(gateway, 'GET', `/sales?${query}`);
      expect(status, JSON.stringify(body)).toBe(200);
      const { sales, total } = saleListSchema.parse(body);
      return { ids: sales.map(({ id }) => id), total };
    };
    const first = await page('limit=2');
    expect(first.ids).toEqual(same.slice(0, 2));
    expect((await page(`limit=2&after=${same[1]}`)).ids).toEqual([same[2], ids[0]]);
    expect((await page(`limit=2&after=${ids[0]}`)).ids).toEqual(ids.slice(1));
    const all: string[] = [];
    for (let after = ''; ; after = `&after=${all.at(-1)}`) {
      const next = await page(`limit=4${after}`);
      all.push(...next.ids);
      if (next.ids.length === 0) break;
    }
    expect(new Set(all).size).toBe(first.total);
    expect(all).toHaveLength(first.total);
  });

  it.each([
    ['limit=0', 'limit', 'must be at least 1'],
    ['limit=1001', 'limit', 'must be at most 1000'],
    ['limit=x', 'limit', 'must be a number'],
    ['after=A%20B', 'after', 'is not a sale id'],
    ['after=no-such-sale', 'after', 'There is no sale no-such-sale.'],
    ['limt=5', 'limt', 'is not a field here'],
  ])('refuse the page %s, and name what is wrong', async (query, field, message) => {
    const { status, body } = await send(gateway, 'GET', `/sales?${query}`);
    expect({ status, errors: body['errors'] }).toEqual({ status: 400, errors: [{ field, message }] });
  });

  it('invent an id where none is given', async () => {
    const answer = await sendAsAdmin(gateway, 'POST', '/sales', { stock: 3 });
    expect(answer).toMatchObject({ status: 201, body: { id: expect.stringMatching(/^sale-[0-9a-f]{8}$/) } });
    expect(answer.headers.get('location')).toBe(`/sales/${String(answer.body['id'])}`);
  });

  it('reset a sale: tickets gone, stock full, generation raised', async () => {
    const sale = await openSale(gateway, { stock: 2 });
    const { body } = await reserve(gateway, { saleId: sale, userId: 'u' });
    const path = `/reservations/${String(body['reservationId'])}`;
    await world.decideAll();
    expect((await send(gateway, 'GET', path)).body).toMatchObject({ status: 'granted' });
    const answer = await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, {
      reset: { stock: 50 },
      title: 'Again',
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { stock: 50, title: 'Again', generation: 2, counters: { remaining: 50, decided: 0 } },
    });
    const { rows } = await world.postgres.query(
      `SELECT count(*)::int AS n FROM ${quoteIdentifier(world.schema)}.tickets WHERE sale_id = $1`,
      [sale],
    );
    expect(rows).toEqual([{ n: 0 }]);
    expect((await send(gateway, 'GET', path)).body).toMatchObject({ reason: 'sale_reset' });
    expectTaken(gateway.sample().rarePaths, 'lookupAfterReset');
    await reserve(gateway, { saleId: sale, userId: 'u' });
    expect((await world.takeFrames()).map(({ generation }) => generation)).toEqual([2]);
  });
});

describe('the routes for machines', () => {
  it('tell of health and readiness', async () => {
    expect((await send(gateway, 'GET', '/healthz')).status).toBe(200);
    const ready = await send(gateway, 'GET', '/readyz');
    expect(ready).toMatchObject({
      status: 200,
      body: {
        isReady: true,
        parts: { broker: { isUp: true }, redis: { isUp: true }, postgres: { isUp: true } },
      },
    });
  });

  it('count what was accepted and refused', async () => {
    const own = await world.gateway();
    const sale = await openSale(gateway);
    await reserve(own, { saleId: sale, userId: 'u' });
    await reserve(own, { saleId: sale });
    await reserve(own, '{');
    await send(own, 'POST', '/reserve', 'x', { 'content-type': 'text/plain' });
    const text = String((await send(own, 'GET', '/metrics')).body['text']);
    expect(text).toContain('flashgrid_gateway_accepted_total 1');
    expect(text).toContain('flashgrid_gateway_rejected_total{reason="invalid"} 2');
    expect(text).toContain('flashgrid_gateway_rejected_total{reason="unsupported-media-type"} 1');
    expect(text).toContain('flashgrid_gateway_frames_total{end="confirmed"} 1');
    expect(text).toContain('flashgrid_gateway_confirm_seconds_count 1');
    expect(text).toContain('flashgrid_gateway_unconfirmed 0');
    expect(text).toContain('flashgrid_gateway_rare_paths_total{path="frameNacked"} 0');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(own.sample()).toEqual({
      accepted: 1,
      frames: 1,
      rejected: { client4xx: 3, soldOut409: 0, unavailable503: 0 },
      unconfirmedNow: 0,
      isBrokerUp: true,
      rarePaths: {},
      health: {
        rabbitmq: expect.objectContaining({ state: 'ok' }),
        redis: expect.objectContaining({ state: 'ok' }),
        postgres: expect.objectContaining({ state: 'ok' }),
      },
    });
    await world.takeFrames();
  });

  it('are described, all of them and no others, by the OpenAPI document', async () => {
    const { body } = await send(gateway, 'GET', '/openapi.json');
    const paths = body['paths'];
    if (typeof paths !== 'object' || paths === null) throw new Error('no paths');
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual([...gateway.routes].sort());
  });

  it('answer 404 for an unknown route and 405 for a wrong method', async () => {
    expect((await send(gateway, 'GET', '/nothing')).body).toMatchObject({
      type: 'urn:flashgrid:problem:unknown-route',
    });
    const wrong = await send(gateway, 'DELETE', '/sales/demo');
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('GET, HEAD, PATCH');
    expect((await send(gateway, 'GET', '/sales/%zz')).status).toBe(400);
  });
});

describe('seen from outside', () => {
  /** A raw request on a connection of its own, answered to its end. */
  const raw = async (port: number, text: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.end(text);
    const chunks: Buffer[] = await socket.toArray();
    return Buffer.concat(chunks).toString('utf8');
  };

  it('it serves no host name that any page could let point here, on no path', async () => {
    const body = JSON.stringify({ saleId: 'demo', userId: 'u' });
    const requests = (host: string) => [
      `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      `GET /nowhere HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      `POST /reserve HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    ];
    for (const text of requests(`evil.example:${gateway.port}`)) {
      const answer = await raw(gateway.port, text);
      expect(answer).toMatch(/^HTTP\/1\.1 421 /);
      expect(answer).toContain('FLASHGRID_GATEWAY_HOSTS');
    }
    for (const text of requests(`localhost:${gateway.port}`))
      expect(await raw(gateway.port, text)).toMatch(/^HTTP\/1\.1 (200|404) /);
    const named = await world.gateway({ FLASHGRID_GATEWAY_HOSTS: 'shop.example,evil.example' });
    for (const text of requests('evil.example'))
      expect(await raw(named.port, text)).toMatch(/^HTTP\/1\.1 (200|404) /);
  });

  it('it goes on in HTTP/1.1 when a client would rather speak something else', async () => {
    const fields =
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n';
    expect(await raw(gateway.port, `GET /healthz HTTP/1.1\r\nHost: h\r\n${fields}\r\n`)).toMatch(
      /^HTTP\/1\.1 200 /,
    );
    const sale = await openSale(gateway);
    const body = JSON.stringify({ saleId: sale, userId: 'u' });
    const answer = await raw(
      gateway.port,
      `POST /reserve HTTP/1.1\r\nHost: h\r\n${fields}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 202 /);
    await world.takeFrames();
  });

  it('it keeps no descriptor of clients that asked for an upgrade and went', async () => {
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    const before = openFiles();
    for (let index = 0; index < 100; index++) {
      const socket = connect(gateway.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n');
      await once(socket, 'data');
      const path = index % 2 === 0 ? '/x' : '/socket.io/?EIO=4&transport=websocket&sid=none';
      socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
      socket.destroy();
    }
    await vi.waitFor(() => expect(openFiles()).toBeLessThan(before + 20), 10_000);
  });

  it('it stops without losing a request, on busy connections and on idle ones', async () => {
    const own = await world.gateway();
    const sale = await openSale(gateway);
    const body = JSON.stringify({ saleId: sale, userId: 'u' });
    const text = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const statuses = new Map<string, number>();
    let lost = 0;
    const lanes = Array.from({ length: 60 }, (_, lane) => {
      const socket = connect({ port: own.port, host: '127.0.0.1', noDelay: true });
      // Half of them are with Node's server; every third asks now and then.
      const ask = (): void => {
        isOwed = true;
        socket.write(text(lane % 2 === 0 ? '/reserve' : '/reserve?'));
      };
      let isOwed = false;
      socket.on('connect', ask);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        const answer = chunk.toString('latin1');
        const status = answer.slice(9, 12);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        isOwed = false;
        if (!/connection: close/i.test(answer)) setTimeout(ask, lane % 3 === 0 ? 150 : 1);
      });
      return new Promise<void>((resolve) =>
        socket.on('close', () => {
          if (isOwed) lost++;
          resolve();
        }),
      );
    });
    await vi.waitFor(() => expect(statuses.get('202')).toBeGreaterThan(500));
    const stopped = own.stop();
    await Promise.all(lanes);
    await stopped;
    expect(lost).toBe(0);
    expect([...statuses.keys()]).toEqual(['202']);
    await expect(fetch(`${own.url}/healthz`)).rejects.toThrow();
    await world.takeFrames();
  });

  it('it tells a load balancer first, and takes connections for as long as it is set to', async () => {
    const own = await world.gateway({ FLASHGRID_DRAIN_MS: '700' });
    const stopped = own.stop();
    const ready = await send(own, 'GET', '/readyz');
    expect(ready).toMatchObject({ status: 503, body: { isReady: false } });
    const sale = await openSale(gateway);
    const answer = await reserve(own, { saleId: sale, userId: 'u' });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('connection')).toBe('close');
    await stopped;
    await expect(fetch(`${own.url}/healthz`)).rejects.toThrow();
    await world.takeFrames();
  });

  it.runIf(process.platform === 'linux')('it outlives clients that use up its descriptors', async () => {
    const child = spawn(
      'sh',
      ['-c', `ulimit -n 145; exec "$0" --import tsx services/gateway/main.ts`, process.execPath],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: { ...process.env, ...world.environment, FLASHGRID_LOG_LEVEL: 'silent' },
      },
    );
    try {
      const port = await new Promise<number>((resolve, reject) => {
        child.on('exit', (code) => reject(new Error(`exit ${code}`)));
        child.on('message', (message: { type: string; port?: number }) => {
          if (message.type === 'ready') resolve(message.port ?? 0);
        });
      });
      // More than there is room for: the server's own limit leaves too few for everything else.
      const sockets = Array.from({ length: 400 }, () =>
        connect(port, '127.0.0.1').on('error', () => undefined),
      );
      await vi.waitFor(
        () => expect(readdirSync(`/proc/${child.pid}/fd`).length).toBeGreaterThanOrEqual(145),
        10_000,
      );
      // Longer than the interval of its samples, each of which reads a file.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(child.exitCode).toBeNull();
      for (const socket of sockets) socket.destroy();
      await vi.waitFor(
        async () => expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200),
        10_000,
      );
    } finally {
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    }
  });
});

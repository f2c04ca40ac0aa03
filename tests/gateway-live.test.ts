/** Socket.IO of the gateway: what dashboards and buyers hear. */
import { connect as netConnect, type Socket as NetSocket } from 'node:net';
import { connect } from 'socket.io-client';
import type { Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningGateway } from '../services/gateway/gateway.ts';
import { MAX_ROOMS_PER_SOCKET } from '../services/gateway/live-updates.ts';
import { createGatewayWorld, reserve, send, sendAsAdmin } from './support/gateway-world.ts';
import type { GatewayWorld } from './support/gateway-world.ts';
import { uniqueName } from './support/backends.ts';
import { startRoundRobin } from './support/round-robin.ts';

let world: GatewayWorld;
let gateway: RunningGateway;
let other: RunningGateway;
const sockets: Socket[] = [];

beforeAll(async () => {
  world = await createGatewayWorld();
  [gateway, other] = await Promise.all([world.gateway(), world.gateway()]);
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});
afterAll(() => world.release());

async function openSocket(
  to: Pick<RunningGateway, 'url'> = gateway,
  options: Record<string, unknown> = { transports: ['websocket'] },
): Promise<Socket> {
  const socket = connect(to.url, { reconnection: false, forceNew: true, ...options });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

function join(socket: Socket, room: unknown): Promise<unknown> {
  return socket.timeout(5_000).emitWithAck('join', room);
}

/** Everything that a socket hears under a name. */
function heard(socket: Socket, event: string): Record<string, unknown>[] {
  const events: Record<string, unknown>[] = [];
  socket.on(event, (payload: Record<string, unknown>) => events.push(payload));
  return events;
}

async function openSale(stock = 2): Promise<string> {
  const id = uniqueName('sale');
  await sendAsAdmin(gateway, 'POST', '/sales', { id, stock });
  return id;
}

async function reserveId(
  sale: string,
  userId: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const { body, status } = await reserve(gateway, { saleId: sale, userId }, headers);
  expect(status).toBe(202);
  return String(body['reservationId']);
}

describe('the room of a sale', () => {
  it('hears of the figures as they change, and nothing while they do not', async () => {
    const sale = await openSale();
    const socket = await openSocket();
    const events = heard(socket, 'sale');
    expect(await join(socket, `sale:${sale}`)).toEqual({ ok: true });
    await vi.waitFor(() =>
      expect(events.at(-1)).toMatchObject({ saleId: sale, stock: 2, remaining: 2, decided: 0 }),
    );
    for (const user of ['a', 'b', 'c']) await reserveId(sale, user);
    await vi.waitFor(() =>
      expect(Math.max(...events.map((event) => Number(event['acceptedPerSec'])))).toBeGreaterThan(0),
    );
    await world.decideAll();
    await vi.waitFor(() =>
      expect(events.at(-1)).toMatchObject({
        remaining: 0,
        decided: 3,
        granted: 2,
        grantedUnits: 2,
        refused: { sold_out: 1 },
        isSoldOut: true,
      }),
    );
    // The rates fall to nought, and then there is nothing more to tell.
    await vi.waitFor(
      () => expect(events.at(-1)).toMatchObject({ acceptedPerSec: 0, decidedPerSec: 0 }),
      5_000,
    );
    const told = events.length;
    await world.store.publishOutcome(`${uniqueName('sale')} zzzzzzzz-1 1 0 0 1|S|`);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(events).toHaveLength(told);
  });

  it('hears of changes to the sale made through another gateway', async () => {
    const sale = await openSale();
    const socket = await openSocket(other);
    const events = heard(socket, 'sale');
    await join(socket, `sale:${sale}`);
    await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { reset: { stock: 9 } });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ generation: 2, stock: 9, remaining: 9 }));
  });

  it('is left again', async () => {
    const sale = await openSale();
    const socket = await openSocket();
    const events = heard(socket, 'sale');
    await join(socket, `sale:${sale}`);
    await vi.waitFor(() => expect(events.length).toBeGreaterThan(0));
    expect(await socket.timeout(5_000).emitWithAck('leave', `sale:${sale}`)).toEqual({ ok: true });
    const told = events.length;
    await sendAsAdmin(gateway, 'PATCH', `/sales/${sale}`, { title: 'New' });
    // Another socket's event shows that the tick has passed.
    const witness = await openSocket();
    const seen = heard(witness, 'sale');
    await join(witness, `sale:${sale}`);
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0));
    expect(events).toHaveLength(told);
  });
});

describe('the room of a reservation', () => {
  it('hears its own outcome, once, whichever gateway took it', async () => {
    const sale = await openSale(1);
    const ids = [await reserveId(sale, 'a'), await reserveId(sale, 'b')];
    const socket = await openSocket(other);
    const outcomes = heard(socket, 'outcome');
    for (const id of ids) expect(await join(socket, `reservation:${id}`)).toEqual({ ok: true });
    expect(outcomes).toEqual([]);
    await world.decideAll();
    await vi.waitFor(() => expect(outcomes).toHaveLength(2));
    expect(outcomes).toEqual(
      expect.arrayContaining([
        { reservationId: ids[0], status: 'granted', units: [1], unitNo: 1 },
        { reservationId: ids[1], status: 'refused', reason: 'sold_out' },
      ]),
    );
  });

  it('hears at once what was decided before', async () => {
    const sale = await openSale();
    const id = await reserveId(sale, 'a');
    await world.decideAll();
    const socket = await openSocket();
    const outcomes = heard(socket, 'outcome');
    await join(socket, `reservation:${id}`);
    await vi.waitFor(() => expect(outcomes).toEqual([expect.objectContaining({ status: 'granted' })]));
  });

  it('hears the outcome of a keyed reservation', async () => {
    const sale = await openSale();
    const id = await reserveId(sale, 'a', { 'idempotency-key': 'one' });
    const socket = await openSocket(other);
    const outcomes = heard(socket, 'outcome');
    await join(socket, `reservation:${id}`);
    await world.decideAll();
    await vi.waitFor(() =>
      expect(outcomes).toEqual([{ reservationId: id, status: 'granted', units: [1], unitNo: 1 }]),
    );
  });

  it('does not hear of others', async () => {
    const sale = await openSale();
    const mine = await reserveId(sale, 'a');
    await world.decideAll();
    await reserveId(sale, 'b');
    const socket = await openSocket();
    const outcomes = heard(socket, 'outcome');
    await join(socket, `reservation:${mine}`);
    await vi.waitFor(() => expect(outcomes).toHaveLength(1));
    await world.decideAll();
    const figures = heard(socket, 'sale');
    await join(socket, `sale:${sale}`);
    await vi.waitFor(() => expect(figures.at(-1)).toMatchObject({ decided: 2 }));
    expect(outcomes).toHaveLength(1);
  });
});

describe('several gateways behind a load balancer that knows no sessions', () => {
  it.each([[undefined], [['polling']], [['websocket']]])(
    'serve a client with the transports %j, through whichever its requests come',
    async (transports) => {
      const balancer = await startRoundRobin([gateway.port, other.port]);
      try {
        const socket = await openSocket(balancer, transports === undefined ? {} : { transports });
        const outcomes = heard(socket, 'outcome');
        const sale = await openSale(10);
        const ids = await Promise.all(Array.from({ length: 10 }, (_, at) => reserveId(sale, `u-${at}`)));
        for (const id of ids) expect(await join(socket, `reservation:${id}`)).toEqual({ ok: true });
        await world.decideAll();
        await vi.waitFor(() => expect(outcomes).toHaveLength(10));
        expect(outcomes.map(({ reservationId }) => reservationId).sort()).toEqual([...ids].sort());
        if (transports === undefined)
          await vi.waitFor(() => expect(socket.io.engine.transport.name).toBe('websocket'));
      } finally {
        for (const socket of sockets.splice(0)) socket.disconnect();
        await balancer.close();
      }
    },
  );

  it.each([['polling'], ['websocket']])(
    'take over a client whose gateway stops, over %s',
    async (transport) => {
      const leaving = await world.gateway();
      const balancer = await startRoundRobin([leaving.port]);
      try {
        const socket = await openSocket(balancer, { transports: [transport], reconnection: true });
        const outcomes = heard(socket, 'outcome');
        const id = await reserveId(await openSale(), 'a');
        expect(await join(socket, `reservation:${id}`)).toEqual({ ok: true });
        const again = new Promise((resolve) => socket.once('connect', () => resolve(undefined)));
        balancer.ports.splice(0, 1, other.port);
        await leaving.stop();
        await again;
        expect(await join(socket, `reservation:${id}`)).toEqual({ ok: true });
        await world.decideAll();
        await vi.waitFor(() => expect(outcomes).toEqual([expect.objectContaining({ reservationId: id })]));
      } finally {
        for (const socket of sockets.splice(0)) socket.disconnect();
        await balancer.close();
      }
    },
  );

  it('tell a client whose gateway is gone to begin anew', async () => {
    const gone = await world.gateway();
    const open = await (await fetch(`${gone.url}/socket.io/?EIO=4&transport=polling`)).text();
    const { sid } = JSON.parse(open.slice(1)) as { sid: string };
    await gone.stop();
    const answer = await fetch(`${gateway.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ code: 1, message: 'Session ID unknown' });
  });
});

describe('what a client may not do', () => {
  it.each([['demo'], ['sale:'], ['sale:A'], ['reservation:x'], [''], [7], [null], [{}]])(
    'join %j',
    async (room) => {
      const socket = await openSocket();
      expect(await join(socket, room)).toEqual({ ok: false, detail: expect.any(String) });
    },
  );

  it('join without end', async () => {
    const sale = await openSale();
    const socket = await openSocket();
    const answers = await Promise.all(
      Array.from({ length: MAX_ROOMS_PER_SOCKET + 5 }, (_, index) =>
        join(socket, `reservation:${sale}.aaaaaaaa-1.${index}`),
      ),
    );
    expect(answers.filter((answer) => JSON.stringify(answer) === '{"ok":true}')).toHaveLength(
      MAX_ROOMS_PER_SOCKET,
    );
  });

  it('join rooms of sales that do not exist, or more of them than it could ever need', async () => {
    const socket = await openSocket();
    const none = uniqueName('none');
    for (const room of [
      `sale:${none}`,
      `reservation:${none}.aaaaaaaa-1.0`,
      `reservation:${none}.k.${'A'.repeat(22)}`,
    ])
      expect(await join(socket, room)).toEqual({ ok: false, detail: `There is no sale ${none}.` });
    const sale = await openSale();
    const answers = await Promise.all(
      Array.from({ length: 2_000 }, async () => {
        const answer = await join(socket, `sale:${sale}`);
        socket.emit('leave', `sale:${sale}`);
        return JSON.stringify(answer);
      }),
    );
    expect(answers[0]).toBe('{"ok":true}');
    expect(answers.at(-1)).toContain('Too many joins');
    // A second later it may again.
    await vi.waitFor(async () => expect(await join(socket, `sale:${sale}`)).toEqual({ ok: true }), 10_000);
  });

  it('keep what it does not read in the memory of the gateway', async () => {
    const socket = await openSocket();
    const gone = new Promise((resolve) => socket.once('disconnect', resolve));
    // As a client that reads nothing: its socket takes no more, and it still sends.
    const raw = (socket.io.engine.transport as unknown as { ws: { _socket: NetSocket } }).ws._socket;
    raw.pause();
    for (let round = 0; round < 40; round++) {
      for (let index = 0; index < 5_000; index++)
        socket.emit('join', `${round}${'x'.repeat(100)}`, () => undefined);
      await new Promise((resolve) => setTimeout(resolve, 25));
      if (raw.destroyed) break;
    }
    raw.resume();
    await gone;
  });

  it('be one more than the gateway is set to serve', async () => {
    const small = await world.gateway({ FLASHGRID_MAX_LIVE_CLIENTS: '2' });
    await openSocket(small);
    const second = await openSocket(small);
    for (const transports of [['websocket'], ['polling']])
      await expect(openSocket(small, { transports })).rejects.toThrow();
    second.disconnect();
    await vi.waitFor(() => openSocket(small));
  });

  it('come by a host name that any page could make its own', async () => {
    for (const transports of [['websocket'], ['polling']])
      await expect(
        openSocket(gateway, {
          transports,
          extraHeaders: { host: 'evil.example', origin: 'http://evil.example' },
        }),
      ).rejects.toThrow();
  });

  it('come from a page of another origin', async () => {
    const extraHeaders = { origin: 'https://evil.example' };
    await expect(openSocket(gateway, { transports: ['websocket'], extraHeaders })).rejects.toThrow();
    await expect(openSocket(gateway, { transports: ['polling'], extraHeaders })).rejects.toThrow();
    await openSocket(gateway, {
      transports: ['websocket'],
      extraHeaders: { origin: 'http://localhost:5173' },
    });
  });

  it('end the gateway with nonsense', async () => {
    const socket = await openSocket();
    socket.emit('join');
    socket.emit('join', 'sale:x', 'no function');
    socket.emit('leave', { a: 1 });
    socket.emit('nothing', 'at all');
    await world.redis.publish(`${world.namespace}:outcomes`, 'nonsense');
    await world.redis.publish(`${world.namespace}:outcomes`, '');
    await world.redis.publish(`${world.namespace}:sales`, '{');
    await world.redis.publish(`${world.namespace}:sales`, '{"type":"sale.changed","sale":{}}');
    const sale = await openSale();
    expect(await join(socket, `sale:${sale}`)).toEqual({ ok: true });
    // An upgrade whose client resets the connection before it is judged.
    for (let index = 0; index < 50; index++) {
      const raw = netConnect(gateway.port, '127.0.0.1');
      raw.on('error', () => undefined);
      raw.write(
        'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
        () => raw.resetAndDestroy(),
      );
    }
    expect((await send(gateway, 'GET', '/healthz')).status).toBe(200);
  });
});

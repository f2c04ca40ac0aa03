import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { HELD_LIMIT_BYTES } from './flow.ts';
import { LinkProxy } from './link-proxy.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
const proxies: LinkProxy[] = [];

afterEach(() => {
  for (const proxy of proxies.splice(0)) proxy.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** What one end of a connection has seen. */
interface End {
  readonly socket: Socket;
  text: string;
  bytes: number;
  /** `end` by FIN, `ECONNRESET` by RST; `undefined` while it is open. */
  over: string | undefined;
}

function endOf(socket: Socket): End {
  const end: End = { socket, text: '', bytes: 0, over: undefined };
  sockets.push(socket);
  socket.on('data', (data) => {
    end.bytes += data.length;
    if (end.text.length < 1_000) end.text += data.toString('latin1');
  });
  socket.on('end', () => (end.over ??= 'end'));
  socket.on('error', (error: NodeJS.ErrnoException) => (end.over ??= error.code ?? error.message));
  return end;
}

/** A backend, its proxy, and what makes connections through it. */
async function world() {
  const accepted: End[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(endOf(socket)));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const proxy = new LinkProxy();
  proxies.push(proxy);
  const port = await proxy.open({ host: '127.0.0.1', port: address.port });
  const dial = () => endOf(connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }));
  const pair = async () => {
    const before = accepted.length;
    const client = dial();
    await expect.poll(() => accepted.length).toBe(before + 1);
    const backend = accepted[before];
    if (!backend) throw new Error('nothing was accepted');
    return { client, backend };
  };
  return { proxy, server, dial, pair, accepted };
}

it('passes bytes on both ways, and counts them', async () => {
  const { proxy, pair } = await world();
  const { client, backend } = await pair();
  client.socket.write('question');
  await expect.poll(() => backend.text).toBe('question');
  backend.socket.write('answer');
  await expect.poll(() => client.text).toBe('answer');
  expect(proxy.effect).toMatchObject({ connections: 1, forwardedBytes: 14, heldBytes: 0, droppedBytes: 0 });
});

it('hands on a half-close, and what the other side says after it', async () => {
  const { pair } = await world();
  const { client, backend } = await pair();
  client.socket.end('last words');
  await expect.poll(() => backend.over).toBe('end');
  expect(backend.text).toBe('last words');
  backend.socket.end('a late answer');
  await expect.poll(() => client.over).toBe('end');
  expect(client.text).toBe('a late answer');
});

it('hands on a reset, and the refusal of a backend that is away', async () => {
  const { pair, server, dial } = await world();
  const { client, backend } = await pair();
  backend.socket.resetAndDestroy();
  await expect.poll(() => client.over).toBe('ECONNRESET');
  server.close();
  await expect.poll(() => server.listening).toBe(false);
  const late = dial();
  await expect.poll(() => late.over).toBe('ECONNRESET');
});

it('delivers late and in order under a delay with jitter, both ways', async () => {
  const { proxy, pair } = await world();
  const { client, backend } = await pair();
  proxy.apply({ kind: 'delay', ms: 80, jitterMs: 40 });
  const startMs = performance.now();
  for (const letter of 'abcdefgh') {
    client.socket.write(letter);
    backend.socket.write(letter.toUpperCase());
    await sleep(2);
  }
  await expect.poll(() => `${backend.text} ${client.text}`, { interval: 5 }).toBe('abcdefgh ABCDEFGH');
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(79);
  const { heldBytes, longestHoldMs, forwardedBytes } = proxy.effect;
  expect({ heldBytes, forwardedBytes }).toEqual({ heldBytes: 16, forwardedBytes: 16 });
  expect(longestHoldMs).toBeGreaterThanOrEqual(79);
});

it('delivers at once what it held when it is healed, and a half-close only after it', async () => {
  const { proxy, pair } = await world();
  const { client, backend } = await pair();
  proxy.apply({ kind: 'delay', ms: 60_000, jitterMs: 0 });
  client.socket.end('held');
  await expect.poll(() => proxy.effect.heldBytes).toBe(4);
  await sleep(30);
  expect(backend).toMatchObject({ text: '', over: undefined });
  proxy.heal();
  await expect.poll(() => backend).toMatchObject({ text: 'held', over: 'end' });
});

it('shares its rate among all connections of a throttled link', async () => {
  const { proxy, pair } = await world();
  const pairs = [await pair(), await pair()];
  proxy.apply({ kind: 'throttle', bytesPerSec: 100_000 });
  const startMs = performance.now();
  for (const { client } of pairs) client.socket.write(Buffer.alloc(20_000));
  await expect
    .poll(() => pairs.map(({ backend }) => backend.bytes), { interval: 5, timeout: 5_000 })
    .toEqual([20_000, 20_000]);
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(395);
});

it('holds little, however fast a writer is: it stops to read', async () => {
  const { proxy, pair } = await world();
  const pairs = [await pair(), await pair()];
  const sizeBytes = 40 * 1024 * 1024;
  for (const fault of [
    { kind: 'delay', ms: 60_000, jitterMs: 0 },
    { kind: 'throttle', bytesPerSec: 1_000 },
  ] as const) {
    proxy.apply(fault);
    const { client, backend } = pairs.pop() ?? (await pair());
    client.socket.write(Buffer.alloc(sizeBytes));
    let last = -1;
    // Until nothing more comes in.
    await expect
      .poll(() => last === (last = proxy.effect.heldBytes) && last > 0, { interval: 100, timeout: 5_000 })
      .toBe(true);
    expect(last).toBeLessThanOrEqual(HELD_LIMIT_BYTES + 64 * 1024);
    proxy.heal();
    await expect.poll(() => backend.bytes, { timeout: 10_000 }).toBe(sizeBytes);
  }
});

it('stops to read while the reader does not, without a fault too', async () => {
  const { proxy, pair } = await world();
  const { client, backend } = await pair();
  backend.socket.pause();
  const sizeBytes = 60 * 1024 * 1024;
  client.socket.write(Buffer.alloc(sizeBytes));
  let last = -1;
  await expect
    .poll(() => last === (last = proxy.effect.forwardedBytes) && last > 0, { interval: 100, timeout: 5_000 })
    .toBe(true);
  // The rest waits with the writer; the sockets' own buffers take some.
  expect(last).toBeLessThan(sizeBytes / 2);
  backend.socket.resume();
  await expect.poll(() => backend.bytes, { timeout: 10_000 }).toBe(sizeBytes);
});

it('ends what is open when it is cut, turns new connections away, and serves again when it is healed', async () => {
  const { proxy, pair, dial, accepted } = await world();
  const { client, backend } = await pair();
  proxy.apply({ kind: 'cut' });
  await expect.poll(() => [client.over, backend.over]).toEqual(['end', 'end']);
  const late = dial();
  await expect.poll(() => late.over).toBe('ECONNRESET');
  expect(accepted).toHaveLength(1);
  expect(proxy.effect).toMatchObject({ cut: 1, refused: 1, connections: 0 });
  proxy.heal();
  const again = await pair();
  again.client.socket.write('hello');
  await expect.poll(() => again.backend.text).toBe('hello');
});

it('resets what is open, and each new connection once its request has arrived', async () => {
  const { proxy, pair } = await world();
  const { client, backend } = await pair();
  proxy.apply({ kind: 'reset' });
  await expect.poll(() => [client.over, backend.over]).toEqual(['ECONNRESET', 'ECONNRESET']);
  const next = await pair();
  next.client.socket.write('question');
  await expect.poll(() => next.backend.text).toBe('question');
  next.backend.socket.write('answer');
  await expect.poll(() => next.client.over).toBe('ECONNRESET');
  expect(next.client.text).toBe('');
  expect(proxy.effect).toMatchObject({ reset: 2, droppedBytes: 6, forwardedBytes: 8 });
});

it.each([
  ['requests', '', 'answer'],
  ['answers', 'question', ''],
  ['both', '', ''],
] as const)(
  'swallows %s of a half-open link and keeps both sockets open',
  async (direction, asked, answered) => {
    const { proxy, pair } = await world();
    const { client, backend } = await pair();
    const idle = await pair();
    proxy.apply({ kind: 'halfOpen', direction });
    client.socket.write('question');
    backend.socket.write('answer');
    await expect.poll(() => proxy.effect.droppedBytes + proxy.effect.forwardedBytes).toBe(14);
    await expect.poll(() => [backend.text, client.text]).toEqual([asked, answered]);
    proxy.heal();
    // One with a hole stays silent where bytes are missing; the others and new ones serve.
    client.socket.write('!');
    backend.socket.write('!');
    idle.client.socket.write('hello');
    await expect.poll(() => idle.backend.text).toBe('hello');
    const fresh = await pair();
    fresh.client.socket.write('hello');
    await expect.poll(() => fresh.backend.text).toBe('hello');
    expect([backend.text, client.text]).toEqual([asked && `${asked}!`, answered && `${answered}!`]);
    expect([client.over, backend.over]).toEqual([undefined, undefined]);
    // The end of either side reaches the other.
    client.socket.destroy();
    await expect.poll(() => backend.over).toBeDefined();
  },
);

it('hides the end of a side behind a half-open link, and tells it when the link is healed', async () => {
  const { proxy, pair } = await world();
  const { client, backend } = await pair();
  proxy.apply({ kind: 'halfOpen', direction: 'requests' });
  client.socket.destroy();
  await sleep(50);
  expect(backend.over).toBeUndefined();
  proxy.heal();
  await expect.poll(() => backend.over).toBe('ECONNRESET');
});

/** The fast path on real sockets, and against the very server that it stands before. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHttpApp } from '../http-app.ts';
import { rejection } from '../problems.ts';
import { HttpReply, type ReserveReply } from '../reserve-reply.ts';
import { FastPath } from './fast-path.ts';

type Take = (body: unknown, key: string | string[] | undefined, reply: ReserveReply) => void;

const undos: (() => unknown)[] = [];
afterEach(async () => {
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) await undo();
});

/** Answers with what was asked, so that a test sees what arrived; `userId` tells how: later, or with a refusal. */
const echo: Take = (body, key, reply) => {
  const { userId = '' } = (body ?? {}) as { userId?: string };
  const answer = (): void => {
    if (String(userId).startsWith('no'))
      reply.reject(rejection('sold-out', `None for ${userId}.`, { retryAfterSec: 1 }));
    else reply.accept(Buffer.from(JSON.stringify([body, key ?? null])).toString('base64url'));
  };
  if (String(userId).endsWith('later')) setImmediate(answer);
  else answer();
};

/** ms after which an exchange counts as left hanging. */
const HANG_LIMIT_MS = 4_000;

interface World {
  readonly port: number;
  readonly fastPath: FastPath | undefined;
  readonly server: Server;
  close(): Promise<void>;
}

/** The gateway's HTTP app with one route, with the fast path before it or without. */
async function serve(
  take: Take,
  { hasFastPath = true, requestLimitSec = 20, keepAliveSec = 72 } = {},
): Promise<World> {
  const app = createHttpApp({ onUnexpected: () => undefined, onRejected: () => undefined });
  app.post('/reserve', { bodyLimit: 16 * 1024 }, (request, reply) => {
    reply.hijack();
    const key = request.headers['idempotency-key'];
    take(request.body, key === undefined ? undefined : String(key), new HttpReply(reply.raw));
  });
  app.get('/end', () => ({ status: 'end' }));
  const fastPath = hasFastPath
    ? new FastPath({ server: app.server, requestLimitSec, keepAliveSec, handleReserve: take })
    : undefined;
  await app.listen({ host: '127.0.0.1', port: 0 });
  const close = async (): Promise<void> => {
    fastPath?.close();
    await app.close();
  };
  undos.push(() => {
    fastPath?.destroy();
    return app.close();
  });
  return { port: (app.server.address() as AddressInfo).port, fastPath, server: app.server, close };
}

/** A connection that keeps what it hears. */
class Client {
  readonly socket: Socket;
  heard = '';
  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk: Buffer) => (this.heard += chunk.toString('latin1')));
    this.socket.on('error', () => undefined);
    undos.push(() => this.socket.destroy());
  }
  get answers(): Reply[] {
    return readReplies(this.heard);
  }
  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }
}

interface Reply {
  readonly status: number;
  readonly fields: Record<string, string>;
  readonly body: string;
}

function readReplies(text: string): Reply[] {
  const replies: Reply[] = [];
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end === -1) break;
    const [line = '', ...rest] = text.slice(at, end).split('\r\n');
    const fields = Object.fromEntries(
      rest.map((field) => [
        field.slice(0, field.indexOf(':')).toLowerCase(),
        field.slice(field.indexOf(':') + 1).trim(),
      ]),
    );
    const length = Number(fields['content-length'] ?? 0);
    replies.push({ status: Number(line.split(' ')[1]), fields, body: text.slice(end + 4, end + 4 + length) });
    at = end + 4 + length;
  }
  return replies;
}

const request = (userId: string, ...fields: readonly string[]): string => {
  const body = JSON.stringify({ saleId: 'demo', userId });
  return [
    'POST /reserve HTTP/1.1',
    'Host: h',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...fields,
    '',
    body,
  ].join('\r\n');
};
const LAST = 'GET /end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';

/** Sends pieces, each in a packet of its own, and hears all until the server closes. */
async function exchange(port: number, pieces: readonly Buffer[], isHalfClosed = false): Promise<Reply[]> {
  const client = new Client(port);
  await once(client.socket, 'connect');
  for (const piece of pieces) {
    client.socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (isHalfClosed) client.socket.end();
  // Longer than either side waits for anything here.
  await Promise.race([client.closed(), setTimeout(HANG_LIMIT_MS)]);
  if (!client.socket.closed) throw new Error(`left open after ${JSON.stringify(client.heard)}`);
  return client.answers;
}

/** What a client can tell apart, without the time. What follows a 413 depends on how much of the refused body had come by then. */
const visible = (replies: readonly Reply[]) =>
  replies
    .slice(0, replies.findIndex(({ status }) => status === 413) + 1 || undefined)
    .map(({ status, body, fields: { date, connection = '', ...fields } }) => ({
      status,
      body,
      fields,
      hasDate: date !== undefined,
      connection: connection.toLowerCase(),
    }));

describe('the fast path', () => {
  it('answers like the server behind it, whatever is asked and however it is cut', async () => {
    const [withFastPath, without] = [await serve(echo), await serve(echo, { hasFastPath: false })];
    const field = fc.constantFrom(
      'Connection: keep-alive',
      'Connection: close',
      'Idempotency-Key: order-17',
      'Idempotency-Key: a, b',
      'Accept: */*',
      'X-Odd:',
      'X-Long: ' + 'x'.repeat(9_000),
      'Expect: 200-ok',
      'Expect: 100-continue',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
      'Connection: upgrade\r\nUpgrade: websocket',
      'Upgrade: x',
      Array(300)
        .fill(`X-Flood: ${'x'.repeat(60)}`)
        .join('\r\n'),
      'Cookie: a=b; c="d"',
      'Content-Encoding: gzip',
      'x : y',
      'Content-Length: 7',
    );
    const userId = fc.constantFrom(
      'ann',
      'no-bob',
      'cid-later',
      'no-dan-later',
      'é-later',
      'no-čĊčĊHTTP/1.1 200 OKčĊ中é',
      'no-ł-later',
      'x'.repeat(17_000),
    );
    const plain = fc
      .tuple(userId, fc.array(field, { maxLength: 2 }))
      .map(([user, fields]) => request(user, ...fields));
    const odd = fc.constantFrom(
      LAST.replace('Connection: close', 'X: y'),
      request('eve').replace('/reserve', '/reserve?a=b'),
      request('eve').replace('/reserve', '/nowhere'),
      request('eve').replace('{"', '{_'),
      request('eve').replace('application/json', 'text/plain'),
      request('eve').replace('POST', 'PUT'),
      request('eve').replace('HTTP/1.1', 'HTTP/1.0'),
      request('eve').replace('Host: h\r\n', ''),
      'POST /reserve HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 3, arbitrary: plain }, odd), { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 4 }),
        // The client ends its side, at the end or before it.
        fc.option(fc.oneof(fc.constant(0), fc.nat({ max: 400 })), { freq: 2 }),
        async (requests, cuts, missing) => {
          // One request at a time: with several, Node's server drops the first when the second is bad.
          for (const text of requests) {
            // Behind a request that is to be the last, Node's server answers or not as the bytes happen to come.
            // Behind a request for an upgrade, Node's parser drops what comes in the same packet, and does not see the client's end in it.
            const isUpgrade = text.includes('Upgrade:');
            const endsItsSide = missing !== null || isUpgrade;
            const all = Buffer.from(endsItsSide || text.includes('Connection: close') ? text : text + LAST);
            const bytes = all.subarray(0, Math.max(1, all.length - (isUpgrade ? 0 : (missing ?? 0))));
            const at = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
            const pieces = at
              .slice(1)
              .map((end, index) => bytes.subarray(at[index], end))
              .filter((piece) => piece.length > 0);
            const [given, wanted] = [
              await exchange(withFastPath.port, pieces, endsItsSide),
              await exchange(without.port, pieces, endsItsSide),
            ];
            expect(given.length).toBeGreaterThan(0);
            expect(visible(given)).toEqual(visible(wanted));
          }
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);

  it.each([false, true])(
    'answers all that is sent ahead, far beyond its buffers; the client has ended its side: %s',
    async (isHalfClosed) => {
      for (const hasFastPath of [true, false]) {
        // As with the broker's confirm, each answer comes a moment later.
        const { port } = await serve((_body, _key, reply) => setImmediate(() => reply.accept('r')), {
          hasFastPath,
        });
        const client = new Client(port);
        client.socket.write(request('ann'));
        await vi.waitFor(() => expect(client.answers).toHaveLength(1));
        client.socket.write(request('ann'));
        client.socket.write(request('ann').repeat(2_000));
        client.socket.write('GET /end HTTP/1.1\r\nHost: h\r\n\r\n');
        if (isHalfClosed) client.socket.end();
        await vi.waitFor(() => expect(client.answers.length).toBe(2_003), { timeout: 15_000 });
        expect(client.answers.slice(0, -1).every(({ status }) => status === 202)).toBe(true);
        expect(client.answers.at(-1)?.body).toBe('{"status":"end"}');
        if (isHalfClosed) await client.closed();
        else {
          client.socket.write(request('ann'));
          await vi.waitFor(() => expect(client.answers).toHaveLength(2_004));
        }
      }
    },
    40_000,
  );

  it('reads on after all that was sent ahead is answered', async () => {
    const owed: ReserveReply[] = [];
    const { port } = await serve((_body, _key, reply) => void owed.push(reply));
    const client = new Client(port);
    client.socket.write(request('a'));
    await vi.waitFor(() => expect(owed).toHaveLength(1));
    const ahead = 300;
    client.socket.write(request('a').repeat(ahead));
    for (let answered = 0; answered <= ahead; answered++) {
      await vi.waitFor(() => expect(owed).toHaveLength(1), { interval: 1 });
      owed.pop()?.accept('r');
    }
    client.socket.write(request('a'));
    await vi.waitFor(() => expect(owed).toHaveLength(1));
  });

  it('ends a client that never reads, whatever it is owed', async () => {
    const { port, fastPath } = await serve((_body, _key, reply) => reply.accept('r'.repeat(2_000)), {
      requestLimitSec: 1,
    });
    const client = new Client(port);
    await once(client.socket, 'connect');
    client.socket.pause();
    client.socket.write(request('ann').repeat(20_000));
    await vi.waitFor(() => expect(fastPath?.size).toBe(1));
    await vi.waitFor(() => expect(fastPath?.size).toBe(0), { timeout: 10_000 });
  }, 20_000);

  it('gives up a head or a body that trickles, before and behind it', async () => {
    const { port, server } = await serve(echo, { requestLimitSec: 1 });
    server.headersTimeout = server.requestTimeout = 500;
    const whole = request('ann');
    const slow = [whole, whole.replace('/reserve', '/reserve?')].flatMap((text) =>
      [40, text.length - 1].map((length) => [text.slice(0, length), new Client(port)] as const),
    );
    for (const [text, client] of slow) client.socket.write(text);
    await Promise.all(slow.map(([, client]) => client.closed()));
    for (const [, client] of slow)
      expect(client.answers).toMatchObject([{ status: 408, fields: { connection: 'close' } }]);
  }, 20_000);

  it('answers what is owed before it tells of a broken request behind it', async () => {
    for (const path of ['/reserve', '/reserve?']) {
      const owed: ReserveReply[] = [];
      const { port } = await serve((_body, _key, reply) => void owed.push(reply));
      const client = new Client(port);
      client.socket.write(request('a').replace('/reserve', path) + 'nonsense\r\n\r\n');
      await vi.waitFor(() => expect(owed).toHaveLength(1));
      owed.pop()?.accept('r');
      await client.closed();
      expect(client.answers[0]).toMatchObject({ status: 202 });
    }
  });

  it('ends each connection with its next answer while it drains, and leaves the idle ones open', async () => {
    const { port, fastPath } = await serve(echo);
    const [onFastPath, behind, idle] = [new Client(port), new Client(port), new Client(port)];
    for (const { socket } of [onFastPath, idle]) socket.write(request('a'));
    behind.socket.write('GET /end HTTP/1.1\r\nHost: h\r\n\r\n');
    await vi.waitFor(() => {
      for (const { answers } of [onFastPath, behind, idle]) expect(answers).toHaveLength(1);
    });
    const drained = fastPath?.drain(300, 5_000);
    onFastPath.socket.write(request('b-later'));
    behind.socket.write('GET /end HTTP/1.1\r\nHost: h\r\n\r\n');
    await Promise.all([onFastPath.closed(), behind.closed()]);
    expect(idle.socket.readyState).toBe('open');
    for (const { answers } of [onFastPath, behind])
      expect(answers.at(-1)).toMatchObject({
        status: expect.toSatisfy((status) => status === 202 || status === 200),
        fields: { connection: 'close' },
      });
    await drained;
    expect(fastPath?.size).toBe(1);
  });

  it('answers what is sent ahead in the order in which it came, and hands the connection on at the first other request', async () => {
    const { port, fastPath } = await serve(echo);
    const replies = await exchange(port, [
      Buffer.from(request('a-later') + request('b') + request('no-c') + request('d-later') + LAST),
    ]);
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 409, 202, 200]);
    expect(replies.slice(0, 4).map(({ fields }) => fields['connection'])).toEqual(
      Array(4).fill('keep-alive'),
    );
    expect(replies[2]?.fields['retry-after']).toBe('1');
    expect(replies[4]?.body).toBe('{"status":"end"}');
    expect(fastPath?.size).toBe(0);
  });

  it('answers a client that ends its side at once', async () => {
    const { port } = await serve(echo);
    const client = new Client(port);
    client.socket.end(request('a-later') + request('b-later'));
    await client.closed();
    expect(client.answers.map(({ status, fields }) => [status, fields['connection']])).toEqual([
      [202, 'keep-alive'],
      [202, 'close'],
    ]);
  });

  it('gives up a request that never comes whole, and a connection that never asks', async () => {
    const { port } = await serve(echo, { requestLimitSec: 1 });
    const [part, silent] = [new Client(port), new Client(port)];
    part.socket.write(request('ann').slice(0, -5));
    await Promise.all([part.closed(), silent.closed()]);
    expect([part, silent].map(({ answers }) => answers[0]?.status)).toEqual([408, 408]);
  });

  it('closes a connection that is idle for too long without a word', async () => {
    const { port, fastPath } = await serve(echo, { keepAliveSec: 1 });
    const client = new Client(port);
    client.socket.write(request('ann'));
    await client.closed();
    expect(client.answers.map(({ status, fields }) => [status, fields['keep-alive']])).toEqual([
      [202, 'timeout=1'],
    ]);
    await vi.waitFor(() => expect(fastPath?.size).toBe(0));
  });

  it('lets what is owed be answered before it closes', async () => {
    const owed: ReserveReply[] = [];
    const { port, close } = await serve((_body, _key, reply) => void owed.push(reply));
    const [waiting, idle] = [new Client(port), new Client(port)];
    waiting.socket.write(request('ann'));
    idle.socket.write(request('bob'));
    await vi.waitFor(() => expect(owed).toHaveLength(2));
    owed.pop()?.accept('r-2');
    await vi.waitFor(() => expect(idle.answers).toHaveLength(1));
    const closed = close();
    await idle.closed();
    owed.pop()?.accept('r-1');
    await waiting.closed();
    await closed;
    expect(waiting.answers.map(({ status, fields }) => [status, fields['connection']])).toEqual([
      [202, 'close'],
    ]);
  });

  it('takes no more from a client that does not read its answers', async () => {
    let taken = 0;
    const { port } = await serve((_body, _key, reply) => {
      taken++;
      reply.accept('r'.repeat(2_000));
    });
    const client = new Client(port);
    client.socket.pause();
    const total = 20_000;
    client.socket.write(request('ann').repeat(total));
    let before = -1;
    await vi.waitFor(
      () => {
        const isStill = taken === before && taken > 0;
        before = taken;
        expect(isStill).toBe(true);
      },
      { interval: 300, timeout: 10_000 },
    );
    expect(taken).toBeLessThan(total);
    client.socket.resume();
    await vi.waitFor(() => expect(taken).toBe(total), { timeout: 20_000 });
  }, 40_000);

  it('forgets a client that goes while its answer is owed', async () => {
    const owed: ReserveReply[] = [];
    const { port, fastPath } = await serve((_body, _key, reply) => void owed.push(reply));
    const client = new Client(port);
    client.socket.write(request('ann'));
    await vi.waitFor(() => expect(owed).toHaveLength(1));
    client.socket.resetAndDestroy();
    await vi.waitFor(() => expect(fastPath?.size).toBe(0));
    expect(() => owed[0]?.accept('r-1')).not.toThrow();
  });
});

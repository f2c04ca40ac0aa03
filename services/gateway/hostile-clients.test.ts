/** Clients that mean harm: each is ended within its limit, holds bounded memory, and keeps nobody else waiting. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ReleaseStack } from '../shared/release-stack.ts';
import { openFileLimit } from '../shared/open-files.ts';
import { FastPath } from './fast-path/fast-path.ts';
import { LISTEN_BACKLOG, RESERVE_BODY_LIMIT_BYTES, createHttpApp } from './http-app.ts';

const IDLE_CLIENTS = 10_000;
/** Descriptors that the test process needs besides. */
const SPARE_FILES = 500;
const fileLimit = (await openFileLimit()) ?? Infinity;

let release = new ReleaseStack();
afterEach(async () => {
  await release.release();
  release = new ReleaseStack();
});

/** The fast path before the gateway's HTTP app, with limits of a few seconds. */
async function serve(limitSec = 2) {
  const app = createHttpApp({ onUnexpected: () => undefined, onRejected: () => undefined });
  const bodies: unknown[] = [];
  app.post('/reserve', { bodyLimit: RESERVE_BODY_LIMIT_BYTES }, ({ body }) => void bodies.push(body));
  // As large as the gateway's largest answer.
  app.get('/large', () => 'x'.repeat(50_000));
  app.server.headersTimeout = app.server.requestTimeout = limitSec * 1_000;
  app.server.timeout = limitSec * 1_000;
  const fastPath = new FastPath({
    server: app.server,
    requestLimitSec: limitSec,
    keepAliveSec: 60,
    handleReserve: (body, _key, reply) => {
      bodies.push(body);
      reply.accept('r');
    },
  });
  await app.listen({ host: '127.0.0.1', port: 0, backlog: LISTEN_BACKLOG });
  release.add('server', () => {
    fastPath.destroy();
    return app.close();
  });
  const { port } = app.server.address() as AddressInfo;
  const connections = () =>
    new Promise<number>((resolve, reject) =>
      app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  return { port, fastPath, bodies, connections };
}

class Client {
  readonly socket: Socket;
  heard = '';
  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.on('data', (chunk: Buffer) => (this.heard += chunk.toString('latin1')));
    this.socket.on('error', () => undefined);
    release.add('client', () => this.socket.destroy());
  }
  /** Waits until the server has ended the connection. */
  async ended(): Promise<string> {
    if (!this.socket.closed) await once(this.socket, 'close');
    return this.heard;
  }
}

const BODY = '{"saleId":"demo","userId":"u"}';
const post = (path: string, body: string | Buffer, ...fields: string[]): Buffer =>
  Buffer.concat([
    Buffer.from(
      [
        `POST ${path} HTTP/1.1`,
        'Host: h',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        ...fields,
        '\r\n',
      ].join('\r\n'),
    ),
    Buffer.from(body),
  ]);

/** That an honest buyer is served while all this goes on. */
async function expectService(port: number): Promise<void> {
  const buyer = new Client(port);
  buyer.socket.write(post('/reserve', BODY));
  await vi.waitFor(() => expect(buyer.heard).toMatch(/^HTTP\/1\.1 202 /));
  buyer.socket.destroy();
}

describe('a client that drips', () => {
  it.each(['/reserve', '/reserve?behind'])(
    'a byte now and then is ended in time, on %s, and in the body too',
    async (path) => {
      const { port, connections } = await serve();
      const whole = post(path, BODY);
      const slow = [40, whole.length - 20].map((length) => {
        const client = new Client(port);
        client.socket.write(whole.subarray(0, length));
        let at = length;
        const drip = setInterval(() => client.socket.write(whole.subarray(at, ++at)), 200);
        client.socket.once('close', () => clearInterval(drip));
        release.add('drip', () => clearInterval(drip));
        return client;
      });
      await expectService(port);
      for (const client of slow) expect(await client.ended()).toMatch(/^HTTP\/1\.1 408 /);
      await vi.waitFor(async () => expect(await connections()).toBe(0));
    },
  );
});

describe('a flood of headers', () => {
  it.each([
    ['one that never ends', 'X-Long: ' + 'a'.repeat(200_000)],
    ['thousands of them', Array.from({ length: 20_000 }, (_, at) => `X-${at}: a`).join('\r\n')],
  ])('is refused with 431 and the connection closed: %s', async (_, fields) => {
    const { port, connections } = await serve();
    for (const start of ['POST /reserve', 'GET /large']) {
      const client = new Client(port);
      client.socket.write(`${start} HTTP/1.1\r\nHost: h\r\n${fields}`);
      expect(await client.ended()).toMatch(/^HTTP\/1\.1 431 [^]*connection: close/i);
    }
    await expectService(port);
    await vi.waitFor(async () => expect(await connections()).toBe(0));
  });
});

describe('a compressed body', () => {
  it.each(['gzip', 'deflate', 'br'])('is never unpacked, whatever it says: %s', async (encoding) => {
    const { port, bodies } = await serve();
    // 50 MB that come as 50 kB: more than a reservation may have. The small one is sound JSON, were it unpacked.
    for (const [body, status] of [
      [gzipSync(BODY), 400],
      [gzipSync(Buffer.alloc(50 * 1024 * 1024)), 413],
    ] as const) {
      const client = new Client(port);
      client.socket.write(post('/reserve', body, `Content-Encoding: ${encoding}`));
      await vi.waitFor(() => expect(client.heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `)));
    }
    expect(bodies).toEqual([]);
  });
});

describe('a client that never reads', () => {
  it('is ended behind the fast path too', async () => {
    const { port, connections } = await serve();
    const client = new Client(port);
    await once(client.socket, 'connect');
    client.socket.pause();
    client.socket.write('GET /large HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(2_000));
    await vi.waitFor(async () => expect(await connections()).toBe(1));
    await expectService(port);
    await vi.waitFor(async () => expect(await connections()).toBe(0));
  });
});

describe(`${IDLE_CLIENTS.toLocaleString('en')} connections that never ask`, () => {
  it.skipIf(fileLimit < IDLE_CLIENTS + SPARE_FILES)(
    'keep no buyer waiting, cost little, and are closed in time',
    async () => {
      const { port, fastPath, connections } = await serve(5);
      const before = process.memoryUsage().rss;
      // In a process of their own, which has descriptors of its own.
      const crowd = spawn(process.execPath, [
        '-e',
        `const { connect } = require('node:net');
         let open = 0, gone = 0;
         for (let at = 0; at < ${IDLE_CLIENTS}; at++) {
           const socket = connect(${port}, '127.0.0.1', () => ++open === ${IDLE_CLIENTS} && console.log('open'));
           socket.on('error', () => undefined).resume();
           socket.on('close', () => ++gone === ${IDLE_CLIENTS} && console.log('gone'));
         }`,
      ]);
      release.add('crowd', () => crowd.kill('SIGKILL'));
      const lines = createInterface({ input: crowd.stdout })[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe('open');
      await vi.waitFor(() => expect(fastPath.size).toBe(IDLE_CLIENTS));
      await expectService(port);
      // 10 kB each, and what the process itself may grow meanwhile.
      expect(process.memoryUsage().rss - before).toBeLessThan(IDLE_CLIENTS * 10 * 1024 + 50 * 1024 * 1024);
      expect((await lines.next()).value).toBe('gone');
      await vi.waitFor(async () => expect(await connections()).toBe(0));
    },
    60_000,
  );
});

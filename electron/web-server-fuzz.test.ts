/**
 * Nothing that comes from a socket may end a process: request lines, headers, upgrades, WebSocket frames and messages of every shape, against the
 * browser frontend and against the desktop's own loopback server, which is the same server opened in another way.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { commands, isCommandName } from '../contract/contract.ts';
import { EventHub } from '../control/lib/event-hub.ts';
import { startAnnouncedServer } from '../web/announced-server.ts';
import { readInstance } from '../control/instance-file.ts';
import { startWebServer, type FrontendTarget } from '../web/server.ts';

const RUNS = 150;
let dir = '';
const surprises: unknown[] = [];
const uncaught: unknown[] = [];
const note = (error: unknown) => uncaught.push(error);
const ends: (() => Promise<void>)[] = [];
const frontends: { name: string; port: number; token: string; hub: EventHub }[] = [];

/** Reads names and inputs as the control centre does. */
function target(hub: EventHub): FrontendTarget {
  return {
    hub,
    noteSurprise: (error) => surprises.push(error),
    dispatch: (name, input) => {
      const isKnown = isCommandName(name) && commands[name].input.safeParse(input).success;
      const failure = { code: 'app.quitting', message: 'no', fix: 'yes' } as const;
      return Promise.resolve(isKnown ? { ok: true, value: {} } : { ok: false, error: failure });
    },
  };
}

beforeAll(async () => {
  // vitest listens too: what is noted here would have ended a process without a last resort.
  process.on('uncaughtExceptionMonitor', note);
  process.on('unhandledRejection', note);
  dir = await mkdtemp(join(tmpdir(), 'fg-fuzz-'));
  await mkdir(join(dir, 'data'));
  await writeFile(join(dir, 'index.html'), '<!doctype html>');
  const hub = new EventHub();
  const frontend = await startWebServer({
    centre: target(hub),
    rendererDir: dir,
    host: '127.0.0.1',
    port: 0,
  });
  frontends.push({ name: 'the browser frontend', port: frontend.port, token: frontend.token, hub });
  ends.push(() => frontend.close());
  const accessHub = new EventHub();
  const announced = await startAnnouncedServer({
    centre: { ...target(accessHub), announceAccess: () => undefined },
    dataDir: join(dir, 'data'),
    rendererDir: dir,
    version: '0',
    host: '127.0.0.1',
    port: 0,
  });
  ends.push(() => announced.close());
  const instance = await readInstance(join(dir, 'data'));
  if (!instance) throw new Error('the desktop wrote no instance file');
  frontends.push({
    name: "the desktop's server",
    port: instance.port,
    token: instance.token,
    hub: accessHub,
  });
});

afterAll(async () => {
  for (const end of ends) await end();
  process.off('uncaughtExceptionMonitor', note);
  process.off('unhandledRejection', note);
  await rm(dir, { recursive: true });
});

afterEach(() => {
  expect(uncaught).toEqual([]);
  expect(surprises).toEqual([]);
});

/** Writes bytes, ends or breaks off, and resolves with what came back once the other side has let go. */
function send(port: number, bytes: Buffer, breakOff: boolean): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      heard += data.toString('latin1');
      if (breakOff) socket.resetAndDestroy();
    });
    socket.on('close', () => resolve(heard));
    socket.setTimeout(300, () => socket.destroy());
    socket.write(bytes, () => {
      if (breakOff && bytes.length % 2 === 0) socket.resetAndDestroy();
      else if (!breakOff) socket.end();
    });
  });
}

async function serves(port: number): Promise<void> {
  const answer = await send(
    port,
    Buffer.from(`GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`),
    false,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 401/);
}

const mostly = <Value>(usual: Value, ...others: Value[]) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
const path = fc.oneof(
  fc.constantFrom('//', '///', '*', 'http://[', 'http://', '/ws', '/ws?', '/%', '/%00', '/?token', '?', '\\'),
  fc.string({ unit: 'binary-ascii' }).map((text) => `/${text}`),
  fc.webUrl(),
  fc.stringMatching(/^[!-~]{1,40}$/),
);
const header = fc.oneof(
  fc.constantFrom(
    'Upgrade: websocket\r\nConnection: Upgrade',
    'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: x',
    'Sec-WebSocket-Version: 99',
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99',
    'Origin: null',
    'Cookie: ;;=;flashgrid_session',
    'Expect: 100-continue',
    'Expect: something',
    'Transfer-Encoding: chunked',
    'Content-Length: -1',
    'Authorization: Bearer',
  ),
  fc
    .tuple(fc.stringMatching(/^[A-Za-z-]{1,12}$/), fc.string({ unit: 'binary' }))
    .map(([a, b]) => `${a}: ${b}`),
);
const request = fc
  .record({
    // Most of it must get past Node's own parser.
    method: mostly('GET', 'HEAD', 'POST', 'OPTIONS', 'CONNECT', 'TRACE', 'PRI', 'get', ''),
    path,
    version: mostly('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
    isOurs: mostly(true, false),
    headers: fc.array(header, { maxLength: 3 }),
    tail: fc.string({ unit: 'binary', maxLength: 200 }),
  })
  .map(
    ({ method, path, version, isOurs, headers, tail }) =>
      (port: number) =>
        `${method} ${path} ${version}\r\nHost: ${isOurs ? `127.0.0.1:${port}` : 'evil.example'}\r\n${headers.join('\r\n')}\r\n\r\n${tail}`,
  );

describe.each([0, 1])('frontend %i', (at) => {
  it('outlives requests and upgrades of every shape, broken off or not', async () => {
    const { port } = frontends[at] ?? expect.fail();
    await fc.assert(
      fc.asyncProperty(request, fc.boolean(), async (make, breakOff) => {
        await send(port, Buffer.from(make(port), 'latin1'), breakOff);
      }),
      {
        numRuns: RUNS,
        examples: [
          [() => 'GET // HTTP/1.1\r\nHost: evil.example\r\n\r\n', false],
          [(at: number) => `GET // HTTP/1.1\r\nHost: 127.0.0.1:${at}\r\n\r\n`, false],
        ],
      },
    );
    await serves(port);
  }, 60_000);

  it('outlives bytes that are no WebSocket frames, and messages that are no requests', async () => {
    const { port, token } = frontends[at] ?? expect.fail();
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13';
    const opening = `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const frames = fc.uint8Array({ minLength: 1, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(frames, fc.boolean(), async (bytes, breakOff) => {
        const answer = await send(port, Buffer.concat([Buffer.from(opening), bytes]), breakOff);
        if (!breakOff) expect(answer).toMatch(/^HTTP\/1\.1 101/);
      }),
      { numRuns: RUNS / 3 },
    );
    const message = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.uint8Array(),
      fc
        .record({
          id: fc.oneof(fc.nat(), fc.jsonValue()),
          command: fc.oneof(
            fc.constantFrom(...Object.keys(commands), '__proto__', 'toString', 'constructor'),
            fc.string(),
          ),
          input: fc.jsonValue(),
        })
        .map((value) => JSON.stringify(value)),
    );
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
      headers: { authorization: `Bearer ${token}` },
    });
    let answers = 0;
    socket.on('message', () => answers++);
    await new Promise((resolve) => socket.once('open', resolve));
    const messages = fc.sample(message, 300);
    for (const text of messages) socket.send(text);
    await expect.poll(() => answers).toBe(messages.length);
    socket.close();
    await serves(port);
  }, 60_000);

  it('cuts off a frontend that never reads, and one that sends a giant; others stay', async () => {
    const { port, token, hub } = frontends[at] ?? expect.fail();
    const headers = { authorization: `Bearer ${token}` };
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers });
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('open', resolve));
      return socket;
    };
    const [deaf, giant, good] = [await open(), await open(), await open()];
    const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.once('close', resolve));
    giant.send('x'.repeat(300_000));
    expect(await closed(giant)).toBe(1009);
    deaf.pause();
    let heard = 0;
    good.on('message', () => heard++);
    const text = 'x'.repeat(100_000);
    const line = { seq: 1, atMs: 0, part: 'control', level: 'info' as const, text };
    const before = process.memoryUsage().external;
    for (let sent = 1; sent <= 1_000; sent++) {
      hub.emit('logs.linesAdded', { lines: [line] });
      if (sent % 50 === 0) await expect.poll(() => heard).toBe(sent);
    }
    // 100 MB were told: what a frontend that reads nothing was not given back is bounded.
    expect(process.memoryUsage().external - before).toBeLessThan(64 * 1024 * 1024);
    deaf.resume();
    expect(await closed(deaf)).toBe(1006);
    good.close();
  }, 60_000);
});

/** The client as the page has it (no network), and as the terminal has it (on a real socket). */
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { connectRemote } from '../cli/remote-client.ts';
import { testSnapshot } from '../renderer/store/test-data.ts';
import { connectSocket, type ClientSocket, type ConnectionStatus } from './client.ts';
import { commands, timeoutMsOf, type CommandName } from './contract.ts';

/** A WebSocket without a network. */
class FakeSocket implements ClientSocket {
  readonly sent: unknown[] = [];
  readonly #listeners = new Map<string, (event: { data: unknown }) => void>();
  addEventListener(type: string, listener: (event: { data: unknown }) => void): void {
    this.#listeners.set(type, listener);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.#emit('close');
  }
  open(): void {
    this.#emit('open');
  }
  receive(message: unknown): void {
    this.receiveText(JSON.stringify(message));
  }
  receiveText(data: string): void {
    this.#emit('message', data);
  }
  #emit(type: string, data?: string): void {
    this.#listeners.get(type)?.({ data });
  }
}

function setUp() {
  const sockets: FakeSocket[] = [];
  const problems: string[] = [];
  const statuses: ConnectionStatus['state'][] = [];
  const client = connectSocket({
    createSocket: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    reconnect: { firstMs: 300, maxMs: 8_000 },
    lostFix: 'Wait.',
    otherVersionFix: 'Reload.',
    onProblem: (problem) => problems.push(problem),
  });
  client.onStatus(({ state }) => statuses.push(state));
  const socket = (): FakeSocket => {
    const last = sockets.at(-1);
    if (!last) throw new Error('no socket was opened');
    return last;
  };
  return { client, sockets, socket, problems, statuses };
}

describe('the client of a page', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('sends a command with an id and parses the answer to that id', async () => {
    const { client, socket } = setUp();
    socket().open();
    const first = client.call('app.getSnapshot', {});
    const second = client.call('runs.listRuns', { search: 'x' });
    expect(socket().sent).toEqual([
      { id: 1, command: 'app.getSnapshot', input: {} },
      { id: 2, command: 'runs.listRuns', input: { search: 'x' } },
    ]);
    socket().receive({ id: 2, result: { ok: true, value: [] } });
    socket().receive({ id: 1, result: { ok: true, value: testSnapshot() } });
    expect(await first).toMatchObject({ ok: true, value: { seq: 10 } });
    expect(await second).toEqual({ ok: true, value: [] });
  });

  it('hands on an expected failure as it is', async () => {
    const { client, socket } = setUp();
    socket().open();
    const call = client.call('cluster.start', {});
    const error = { code: 'native.backendMissing', message: 'No RabbitMQ.', fix: 'Install it.' };
    socket().receive({ id: 1, result: { ok: false, error } });
    expect(await call).toEqual({ ok: false, error });
  });

  it('refuses an answer that the contract does not know', async () => {
    const { client, socket } = setUp();
    socket().open();
    const call = client.call('runs.listRuns', {});
    socket().receive({ id: 1, result: { ok: true, value: [{ id: 1 }] } });
    expect(await call).toMatchObject({ ok: false, error: { code: 'client.unknownAnswer' } });
  });

  it('parses events, and reports one that it does not know', () => {
    const { client, socket, problems } = setUp();
    const heard: number[] = [];
    client.on('app.quitting', ({ seq }) => heard.push(seq));
    socket().open();
    socket().receive({ event: 'app.quitting', payload: { seq: 4 } });
    socket().receive({ event: 'app.quitting', payload: { seq: 'x' } });
    socket().receiveText('{');
    expect(heard).toEqual([4]);
    expect(problems).toHaveLength(2);
  });

  it('fails at once while there is no connection, and fails what was under way when it is lost', async () => {
    const { client, socket } = setUp();
    expect(await client.call('doctor.runChecks', {})).toMatchObject({
      ok: false,
      error: { code: 'client.offline' },
    });
    socket().open();
    const call = client.call('doctor.runChecks', {});
    socket().close();
    expect(await call).toMatchObject({ ok: false, error: { code: 'client.lost' } });
  });

  it('gives up on an answer that does not come', async () => {
    const { client, socket } = setUp();
    socket().open();
    const call = client.call('runs.listRuns', {});
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await call).toMatchObject({ ok: false, error: { code: 'client.timeout' } });
  });

  it('connects again by itself, and hears events on the new socket', async () => {
    const { client, sockets, socket, statuses } = setUp();
    const heard: number[] = [];
    client.on('app.quitting', ({ seq }) => heard.push(seq));
    socket().open();
    socket().close();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sockets).toHaveLength(2);
    socket().open();
    socket().receive({ event: 'app.quitting', payload: { seq: 1 } });
    expect(heard).toEqual([1]);
    expect(statuses).toEqual(['connecting', 'online', 'offline', 'connecting', 'online']);
  });

  it('connects at once when it is told to', () => {
    const { client, sockets, socket } = setUp();
    socket().close();
    client.retryNow();
    expect(sockets).toHaveLength(2);
  });

  it('stays closed once it is closed', async () => {
    const { client, sockets, socket } = setUp();
    socket().open();
    client.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(1);
  });
});

/** What listens where a control centre is expected, and answers as the test says. */
async function stranger(answer: (socket: WebSocket, text: string) => void): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => socket.on('message', (data) => answer(socket, String(data))));
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('the client of the terminal', () => {
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['no JSON', '{nonsense'],
    ['JSON of another kind', '[1, 2]'],
    ['a deep garbage', `${'['.repeat(5_000)}`],
  ])('hears that the connection is lost when %s comes', async (_what, text) => {
    const port = await stranger((socket) => socket.send(text));
    const client = await connectRemote({ host: '127.0.0.1', port, token: 'x' });
    expect(await client.call('runs.listRuns', {})).toMatchObject({
      ok: false,
      error: { code: 'client.lost' },
    });
    await expect(client.lost).rejects.toThrow('lost');
  });

  it('hears that it is of another version when the answer has another form', async () => {
    const port = await stranger((socket, text) => {
      const { id } = JSON.parse(text) as { id: number };
      socket.send(JSON.stringify({ event: 'future.thingHappened', payload: 7 }));
      socket.send(JSON.stringify({ id, result: { ok: true, value: 'tomorrow' } }));
    });
    const client = await connectRemote({ host: '127.0.0.1', port, token: 'x' });
    expect(await client.call('runs.listRuns', {})).toMatchObject({
      ok: false,
      error: { code: 'client.unknownAnswer' },
    });
    client.close();
  });

  it('is given up after three looks without a sign of life, and not while it answers pings', async () => {
    const sockets: WebSocket[] = [];
    const port = await stranger((socket) => sockets.push(socket));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const client = await connectRemote({ host: '127.0.0.1', port, token: 'x' });
    const pending = client.call('runs.listRuns', {});
    await vi.waitFor(() => expect(sockets).toHaveLength(1));
    const pongs = () => new Promise((resolve) => setTimeout(resolve, 50));
    for (let looks = 0; looks < 8; looks++) {
      vi.advanceTimersByTime(10_000);
      await pongs();
    }
    // Its process stands still: it reads nothing, and so answers no ping.
    sockets[0]?.pause();
    await pongs();
    vi.advanceTimersByTime(40_000);
    expect(await pending).toMatchObject({ ok: false, error: { code: 'client.lost' } });
  });

  it('gives up on an answer that does not come, and stays connected', async () => {
    let isHeld = true;
    const port = await stranger((socket, text) => {
      const { id } = JSON.parse(text) as { id: number };
      if (!isHeld) socket.send(JSON.stringify({ id, result: { ok: true, value: [] } }));
    });
    const client = await connectRemote({ host: '127.0.0.1', port, token: 'x' });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const call = client.call('runs.listRuns', {});
    vi.advanceTimersByTime(timeoutMsOf('runs.listRuns'));
    expect(await call).toMatchObject({ ok: false, error: { code: 'client.timeout' } });
    vi.useRealTimers();
    isHeld = false;
    expect(await client.call('runs.listRuns', {})).toEqual({ ok: true, value: [] });
    client.close();
  });
});

it('gives every command a time limit, and a start the time to pull images', () => {
  for (const name of Object.keys(commands) as CommandName[])
    expect(timeoutMsOf(name), name).toBeGreaterThanOrEqual(30_000);
  expect(timeoutMsOf('cluster.start')).toBe(60 * 60_000);
});

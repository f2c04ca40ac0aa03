import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testSnapshot } from '../store/test-data.ts';
import type { CarrierStatus } from './transport.ts';
import { createWebSocketCarrier } from './web-socket-transport.ts';

/** A WebSocket without a network. */
class FakeSocket extends EventTarget {
  readonly sent: unknown[] = [];
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.dispatchEvent(new Event('close'));
  }
  open(): void {
    this.dispatchEvent(new Event('open'));
  }
  receive(message: unknown): void {
    this.receiveText(JSON.stringify(message));
  }
  receiveText(data: string): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
}

function setUp() {
  const sockets: FakeSocket[] = [];
  const problems: string[] = [];
  const statuses: CarrierStatus['state'][] = [];
  const carrier = createWebSocketCarrier(
    'ws://test/ws',
    (problem) => problems.push(problem),
    () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
  );
  carrier.onStatus(({ state }) => statuses.push(state));
  const socket = (): FakeSocket => {
    const last = sockets.at(-1);
    if (!last) throw new Error('no socket was opened');
    return last;
  };
  return { carrier, sockets, socket, problems, statuses };
}

describe('the contract over a WebSocket', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('sends a command with an id and parses the answer to that id', async () => {
    const { carrier, socket } = setUp();
    socket().open();
    const first = carrier.call('app.getSnapshot', {});
    const second = carrier.call('runs.listRuns', { search: 'x' });
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
    const { carrier, socket } = setUp();
    socket().open();
    const call = carrier.call('cluster.start', {});
    const error = { code: 'native.engineMissing', message: 'No RabbitMQ.', fix: 'Install it.' };
    socket().receive({ id: 1, result: { ok: false, error } });
    expect(await call).toEqual({ ok: false, error });
  });

  it('refuses an answer that the contract does not know', async () => {
    const { carrier, socket } = setUp();
    socket().open();
    const call = carrier.call('runs.listRuns', {});
    socket().receive({ id: 1, result: { ok: true, value: [{ id: 1 }] } });
    expect(await call).toMatchObject({ ok: false, error: { code: 'face.unknownAnswer' } });
  });

  it('parses events, and reports one that it does not know', () => {
    const { carrier, socket, problems } = setUp();
    const heard: number[] = [];
    carrier.on('app.quitting', ({ seq }) => heard.push(seq));
    socket().open();
    socket().receive({ event: 'app.quitting', payload: { seq: 4 } });
    socket().receive({ event: 'app.quitting', payload: { seq: 'x' } });
    socket().receiveText('{');
    expect(heard).toEqual([4]);
    expect(problems).toHaveLength(2);
  });

  it('fails at once while there is no connection, and fails what was under way when it is lost', async () => {
    const { carrier, socket } = setUp();
    expect(await carrier.call('doctor.runChecks', {})).toMatchObject({
      ok: false,
      error: { code: 'face.offline' },
    });
    socket().open();
    const call = carrier.call('doctor.runChecks', {});
    socket().close();
    expect(await call).toMatchObject({ ok: false, error: { code: 'face.connectionLost' } });
  });

  it('gives up on an answer that does not come', async () => {
    const { carrier, socket } = setUp();
    socket().open();
    const call = carrier.call('runs.listRuns', {});
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await call).toMatchObject({ ok: false, error: { code: 'face.timeout' } });
  });

  it('connects again by itself, and hears events on the new socket', async () => {
    const { carrier, sockets, socket, statuses } = setUp();
    const heard: number[] = [];
    carrier.on('app.quitting', ({ seq }) => heard.push(seq));
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
    const { carrier, sockets, socket } = setUp();
    socket().close();
    carrier.retryNow();
    expect(sockets).toHaveLength(2);
  });

  it('stays closed once it is closed', async () => {
    const { carrier, sockets, socket } = setUp();
    socket().open();
    carrier.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(1);
  });
});

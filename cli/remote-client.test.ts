import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { RemoteClient } from './remote-client.ts';

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

afterEach(() => {
  vi.useRealTimers();
});

describe('a command whose control centre is not what it should be', () => {
  it.each([
    ['no JSON', '{nonsense'],
    ['JSON of another kind', '[1, 2]'],
    ['a deep garbage', `${'['.repeat(5_000)}`],
  ])('hears that the connection is lost when %s comes', async (_what, text) => {
    const port = await stranger((socket) => socket.send(text));
    const client = await RemoteClient.connect({ host: '127.0.0.1', port, token: 'x' });
    expect(await client.call('runs.listRuns', {})).toMatchObject({
      ok: false,
      error: { code: 'remote.lost' },
    });
    await client.closed();
  });

  it('hears that it is of another version when the answer has another form', async () => {
    const port = await stranger((socket, text) => {
      const { id } = JSON.parse(text) as { id: number };
      socket.send(JSON.stringify({ event: 'future.thingHappened', payload: 7 }));
      socket.send(JSON.stringify({ id, result: { ok: true, value: 'tomorrow' } }));
    });
    const client = await RemoteClient.connect({ host: '127.0.0.1', port, token: 'x' });
    expect(await client.call('runs.listRuns', {})).toMatchObject({
      ok: false,
      error: { code: 'remote.otherVersion' },
    });
    client.close();
  });

  it('is given up after three looks without a sign of life, and not while it answers pings', async () => {
    const sockets: WebSocket[] = [];
    const port = await stranger((socket) => sockets.push(socket));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const client = await RemoteClient.connect({ host: '127.0.0.1', port, token: 'x' });
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
    expect(await pending).toMatchObject({ ok: false, error: { code: 'remote.lost' } });
  });
});

/** What any program of this machine can do to a loopback port. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { EventHub } from '../control/lib/event-hub.ts';
import { startWebServer } from './server.ts';

it('takes a bounded number of connections, and serves again when they go', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fg-web-'));
  await writeFile(join(dir, 'index.html'), '<!doctype html><title>FlashGrid</title>');
  const surprises: unknown[] = [];
  const frontend = await startWebServer({
    centre: {
      hub: new EventHub(),
      noteSurprise: (error) => surprises.push(error),
      dispatch: () => Promise.resolve({ ok: true, value: [] }),
    },
    rendererDir: dir,
    host: '127.0.0.1',
    port: 0,
  });
  const sockets: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await frontend.close();
    await rm(dir, { recursive: true });
  });
  for (let at = 0; at < 1_000; at++)
    sockets.push(connect(frontend.port, '127.0.0.1').on('error', () => undefined));
  // What is beyond the bound is closed by the server.
  await vi.waitFor(() => expect(sockets.filter(({ closed }) => closed).length).toBe(1_000 - 512), 10_000);
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(async () => {
    const socket = connect(frontend.port, '127.0.0.1');
    sockets.push(socket.on('error', () => undefined));
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${frontend.port}\r\n\r\n`);
    const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(500) })) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
  }, 10_000);
  expect(surprises).toEqual([]);
});

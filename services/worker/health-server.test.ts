import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, expect, it, vi } from 'vitest';
import { startHealthServer, type HealthServer } from './health-server.ts';

let server: HealthServer;
afterEach(() => server.close());

async function ask(port: number, host: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  return Buffer.concat(await socket.toArray()).toString();
}

it('serves no rebound host name, and after a flood of connections as before', async () => {
  server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    registry: new Registry(),
    whyNotReady: () => [],
    onError: () => undefined,
  });
  const { port } = server;
  expect(await ask(port, 'localhost')).toMatch(/^HTTP\/1\.1 200 /);
  expect(await ask(port, 'evil.example')).toMatch(/^HTTP\/1\.1 421 /);
  const flood = Array.from({ length: 100 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  // Those beyond the limit are closed at once.
  await vi.waitFor(() => expect(flood.filter(({ closed }) => closed).length).toBe(36));
  for (const socket of flood) socket.destroy();
  await vi.waitFor(async () => expect(await ask(port, 'localhost')).toMatch(/^HTTP\/1\.1 200 /));
});

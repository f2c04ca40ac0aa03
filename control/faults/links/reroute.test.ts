import { once } from 'node:events';
import { connect, createServer, Socket, type Server } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { reroute } from './reroute.ts';

let server: Server;
let undo: () => void;

beforeAll(async () => {
  server = createServer((socket) => socket.on('error', () => undefined).end('proxy'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  undo = reroute({ 'backend.invalid:5432': port, '::1:7': port, 'localhost:8': port });
});
afterAll(() => {
  undo();
  server.close();
});

it.each<[string, () => Socket]>([
  ['net.connect with options', () => connect({ host: 'backend.invalid', port: 5432 })],
  ['net.connect with a host in capitals', () => connect({ host: 'Backend.INVALID', port: 5432 })],
  ['net.connect with port and host', () => connect(5432, 'backend.invalid')],
  ['a socket that connects with port and host', () => new Socket().connect(5432, 'backend.invalid')],
  ['a socket with options', () => new Socket().connect({ port: 5432, host: 'backend.invalid' })],
  ['an address of IPv6', () => connect({ host: '::1', port: 7 })],
  ['an address of IPv6 in brackets', () => connect({ host: '[::1]', port: 7 })],
  ['a port alone, which means localhost', () => connect(8)],
])('leads a connection by %s to the proxy', async (_name, dial) => {
  const [text] = (await once(dial(), 'data')) as [Buffer];
  expect(text.toString()).toBe('proxy');
});

it('keeps the name that TLS asks for and checks', async () => {
  const hello = new Promise<string>((resolve) => {
    server.once('connection', (socket) => socket.once('data', (bytes) => resolve(bytes.toString('latin1'))));
  });
  const socket = connectTls({ host: 'backend.invalid', port: 5432, servername: 'backend.invalid' });
  socket.on('error', () => undefined);
  expect(await hello).toContain('backend.invalid');
});

it('leaves every other address alone', async () => {
  await expect(once(connect({ host: '127.0.0.1', port: 1 }), 'connect')).rejects.toThrow(
    'connect ECONNREFUSED 127.0.0.1:1',
  );
});

/**
 * What Node's sockets allow at that moment: it answers each piece of what it reads with the same 202, without parsing.
 * It fits clients that send one request, wait for its answer and send the next.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { BACKLOG, reportReady } from './baseline-process.ts';

const PAYLOAD = '{"reservationId":"bench.raw00000-1.1","status":"queued"}';
const REPLY = Buffer.from(
  `HTTP/1.1 202 Accepted\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${PAYLOAD.length}\r\n\r\n${PAYLOAD}`,
);

const server = createServer((socket) => {
  socket.on('data', () => socket.write(REPLY));
  socket.on('error', () => undefined);
});
server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG });
await once(server, 'listening');
const address = server.address();
reportReady(typeof address === 'object' && address ? address.port : 0, async () => {
  server.close();
});

/**
 * Node compiles a function once it has run often. Under a rate the generator's compiling would count as the system's latency: it stood
 * still for up to 60 ms at a time in the first 300 ms of an attack. So it practises before.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { GeneratorJob } from '../protocol/generator-messages.ts';
import { LoadGenerator } from './load-generator.ts';

const CONNECTIONS = 50;
const RATE_PER_SEC = 10_000;
const LENGTH_MS = 300;
const LIMIT_MS = 600;
const BODY = '{"reservationId":"practice.0-1.1","status":"queued"}';
const REPLY = Buffer.from(
  `HTTP/1.1 202 Accepted\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
);

/**
 * Sends a part of an attack to a server of this process, which answers anything with the same 202. It takes LIMIT_MS at most.
 * @throws FailureError what an attack would meet, too, or that the limit came first
 */
export async function warmUp({ target: _, ...job }: GeneratorJob): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).on('data', () => socket.write(REPLY));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const practice = new LoadGenerator({
    job: {
      ...job,
      targets: [`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`],
      behaviours: undefined,
      pace: [{ fromPerSec: RATE_PER_SEC, toPerSec: RATE_PER_SEC, lengthMs: LENGTH_MS }],
      totalRequests: (RATE_PER_SEC * LENGTH_MS) / 1_000,
      processIndex: 0,
      processes: 1,
      connections: CONNECTIONS,
    },
    startMs: performance.now(),
    onInterval: () => undefined,
  });
  const limit = setTimeout(() => practice.cancel(), LIMIT_MS);
  try {
    await practice.run();
  } finally {
    clearTimeout(limit);
    server.close();
  }
}

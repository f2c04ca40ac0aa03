/** What the baselines share: the route's schema, and the handshake with the process that forked them. */
import type { FastifyInstance } from 'fastify';
import process from 'node:process';

export interface ReserveBody {
  readonly saleId: string;
  readonly userId: string;
}

/** Fastify compiles validation and serialisation from it: the fast way, as its documentation advises. */
export const reserveSchema = {
  body: {
    type: 'object',
    required: ['saleId', 'userId'],
    properties: { saleId: { type: 'string', maxLength: 32 }, userId: { type: 'string', maxLength: 64 } },
  },
  response: {
    202: { type: 'object', properties: { reservationId: { type: 'string' }, status: { type: 'string' } } },
  },
} as const;

/** Connections that may wait in the kernel to be accepted: ten thousand buyers come at once. */
export const BACKLOG = 16_384;

/** Listens on a free port, reports it, and ends with the parent. */
export async function listen(
  server: FastifyInstance,
  close: () => Promise<unknown> = () => server.close(),
): Promise<void> {
  await server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG });
  const address = server.server.address();
  reportReady(typeof address === 'object' && address ? address.port : 0, close);
}

/** Reports ready. Ends on a message or SIGTERM, or when the parent is gone. */
export function reportReady(port: number, close: () => Promise<unknown>): void {
  const end = () => {
    setTimeout(() => process.exit(1), 5_000).unref();
    void close().finally(() => process.exit(0));
  };
  process.on('message', end);
  process.on('disconnect', end);
  process.on('SIGTERM', end);
  process.send?.({ type: 'ready', pid: process.pid, port });
}

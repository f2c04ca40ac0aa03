/**
 * The ceiling: the same route, schema and reply as the gateway's, with nothing behind it. It shows what the
 * machine, Node and Fastify allow at that moment, and the engine is compared with it.
 */
import { fastify } from 'fastify';
import { listen, reserveSchema, type ReserveBody } from './baseline-process.ts';

const server = fastify({ logger: false });
let count = 0;
server.post<{ Body: ReserveBody }>('/reserve', { schema: reserveSchema }, (request, reply) => {
  void reply
    .code(202)
    .send({ reservationId: `${request.body.saleId}.bare0000-1.${count++}`, status: 'queued' });
});
await listen(server);

/**
 * The design that the bench compares frames with: one AMQP message a request, and an answer that does not
 * wait for the broker's confirm. So a reservation that it has accepted can be lost.
 */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { fastify } from 'fastify';
import { z } from 'zod';
import { connectBroker } from '../shared/amqp/broker-nodes.ts';
import { listen, reserveSchema, type ReserveBody } from './baseline-process.ts';

const config = z
  .object({ FLASHGRID_AMQP_URL: z.string(), FLASHGRID_NAMESPACE: z.string() })
  .parse(process.env);
const queue = `${config.FLASHGRID_NAMESPACE}.one-each`;
const connection = await connectBroker(config.FLASHGRID_AMQP_URL, { timeout: 5_000 });
const channel = await connection.createChannel();
await channel.assertQueue(queue, { durable: true });

const server = fastify({ logger: false });
server.post<{ Body: ReserveBody }>('/reserve', { schema: reserveSchema }, (request, reply) => {
  const reservationId = randomUUID();
  const { saleId, userId } = request.body;
  channel.sendToQueue(queue, Buffer.from(JSON.stringify({ reservationId, saleId, userId })), {
    persistent: true,
  });
  void reply.code(202).send({ reservationId, status: 'queued' });
});
await listen(server, async () => {
  await server.close();
  await connection.close();
});

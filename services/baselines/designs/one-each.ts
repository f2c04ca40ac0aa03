/**
 * One message a request through RabbitMQ, as the first version of FlashGrid did it; the answer says *queued* as soon as the
 * message is written to the socket, and a worker decides by Lua, writes the order and acks. Never oversells. Gives up what
 * was answered: without waiting for RabbitMQ's confirm, an accepted request can be lost with the broker. And each request
 * pays for a message, an ack and a call of Redis of its own.
 */
import { connectBroker } from '../../shared/amqp/broker-nodes.ts';
import type { MakeDesign } from './design.ts';
import { redisLua } from './redis-lua.ts';

const PREFETCH = 250;
const CONNECT_LIMIT_MS = 5_000;

export const oneEach: MakeDesign = async (parts) => {
  const queue = `${parts.namespace}.lab`;
  /** Outcomes that a second instance decided, for the one that opened the sale: that one is asked. */
  const toFirst = `${queue}.outcomes`;
  let isFirst = false;
  const outcomes = new Map<string, 'granted' | 'soldOut'>();
  const note = (buyer: string, outcome: string) =>
    outcomes.set(buyer, outcome === 'granted' ? outcome : 'soldOut');
  const decider = await redisLua(parts);
  const connection = await connectBroker(parts.amqpUrl, { timeout: CONNECT_LIMIT_MS });
  connection.on('error', () => undefined);
  const sending = await connection.createChannel();
  const taking = await connection.createChannel();
  await sending.assertQueue(queue, { durable: true });
  await sending.assertQueue(toFirst, { durable: true });
  await taking.prefetch(PREFETCH);
  await taking.consume(queue, (message) => {
    if (!message) return;
    const buyer = message.content.toString();
    void decider.reserve(buyer).then(
      ({ is }) => {
        if (is === 'granted') parts.notes.sold++;
        parts.notes.between(buyer);
        if (isFirst) note(buyer, is);
        else taking.sendToQueue(toFirst, Buffer.from(is), { correlationId: buyer });
        taking.ack(message);
      },
      () => taking.nack(message),
    );
  });
  return {
    async open(stock) {
      await sending.purgeQueue(queue);
      await sending.purgeQueue(toFirst);
      if (!isFirst)
        await sending.consume(
          toFirst,
          (reply) => reply && note(String(reply.properties.correlationId), reply.content.toString()),
          { noAck: true },
        );
      isFirst = true;
      outcomes.clear();
      await decider.open(stock);
    },
    join: (stock) => decider.join(stock),
    reserve(buyer) {
      sending.sendToQueue(queue, Buffer.from(buyer), { persistent: true });
      parts.notes.did(buyer, 'basic.publish');
      return Promise.resolve({ is: 'queued' });
    },
    tickets: () => decider.tickets(),
    outcome: (buyer) => outcomes.get(buyer),
    async close() {
      await sending.deleteQueue(queue);
      await sending.deleteQueue(toFirst);
      await connection.close();
      await decider.close();
    },
  };
};

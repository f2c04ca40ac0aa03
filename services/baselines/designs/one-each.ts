/**
 * One message a request through RabbitMQ, as the first version of FlashGrid did it; the answer says *queued* as soon as the
 * message is written to the socket, and a worker decides by Lua, writes the order and acks. Never oversells. Gives up what
 * was answered: without waiting for RabbitMQ's confirm, an accepted request can be lost with the broker. And each request
 * pays for a message, an ack and a call of Redis of its own.
 */
import { connect } from 'amqplib';
import type { MakeDesign } from './design.ts';
import { redisLua } from './redis-lua.ts';

const PREFETCH = 250;

export const oneEach: MakeDesign = async (parts) => {
  const queue = `${parts.namespace}.lab`;
  const outcomes = new Map<string, 'granted' | 'soldOut'>();
  const decider = await redisLua(parts);
  const connection = await connect(parts.amqpUrl, { noDelay: true });
  connection.on('error', () => undefined);
  const sending = await connection.createChannel();
  const taking = await connection.createChannel();
  await sending.assertQueue(queue, { durable: true });
  await taking.prefetch(PREFETCH);
  await taking.consume(queue, (message) => {
    if (!message) return;
    const buyer = message.content.toString();
    void decider.reserve(buyer).then(
      ({ is }) => {
        outcomes.set(buyer, is === 'granted' ? 'granted' : 'soldOut');
        taking.ack(message);
      },
      () => taking.nack(message),
    );
  });
  return {
    async open(stock) {
      await sending.purgeQueue(queue);
      outcomes.clear();
      await decider.open(stock);
    },
    reserve(buyer) {
      sending.sendToQueue(queue, Buffer.from(buyer), { persistent: true });
      parts.notes.did(buyer, 'basic.publish');
      return Promise.resolve({ is: 'queued' });
    },
    tickets: () => decider.tickets(),
    outcome: (buyer) => outcomes.get(buyer),
    async close() {
      await sending.deleteQueue(queue);
      await connection.close();
      await decider.close();
    },
  };
};

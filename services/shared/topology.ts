/** The queues, and how they are declared. Gateway, worker and auditor declare them alike; RabbitMQ refuses a difference. */

/** Times that RabbitMQ hands a frame out before it gives up on it and dead-letters it. */
export const DELIVERY_LIMIT = 5;
/** Bytes that the queue holds at the most; past it RabbitMQ refuses to confirm, and the gateway answers 503. */
export const QUEUE_MAX_BYTES = 1024 * 1024 * 1024;

export interface Topology {
  readonly queue: string;
  readonly deadExchange: string;
  readonly deadQueue: string;
}

/** Names of one namespace's queues. */
export function topology(namespace: string): Topology {
  return {
    queue: `${namespace}.reservations`,
    deadExchange: `${namespace}.dead`,
    deadQueue: `${namespace}.reservations.dead`,
  };
}

/** The part of an amqplib channel that declaring needs. */
interface DeclaringChannel {
  assertExchange(name: string, type: string, options: { durable: boolean }): Promise<unknown>;
  assertQueue(
    name: string,
    options: { durable: boolean; arguments: Record<string, unknown> },
  ): Promise<unknown>;
  bindQueue(queue: string, exchange: string, pattern: string): Promise<unknown>;
}

/**
 * Declares queue, dead-letter exchange and dead-letter queue; harmless when they are there.
 * Both queues are quorum queues: they survive the loss of a node, count deliveries, and dead-letter at least once.
 */
export async function declareTopology(channel: DeclaringChannel, namespace: string): Promise<Topology> {
  const names = topology(namespace);
  await channel.assertExchange(names.deadExchange, 'fanout', { durable: true });
  await channel.assertQueue(names.deadQueue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(names.deadQueue, names.deadExchange, '');
  await channel.assertQueue(names.queue, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-dead-letter-exchange': names.deadExchange,
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
      'x-max-length-bytes': QUEUE_MAX_BYTES,
    },
  });
  return names;
}

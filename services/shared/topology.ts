/** The queues, and how they are declared. Gateway, worker and auditor declare them alike; RabbitMQ refuses a difference. */
import type { Channel, ChannelModel } from 'amqplib';

/**
 * Times that RabbitMQ hands a frame out before it dead-letters it by itself: never, in effect. A delivery is counted whenever a
 * channel closes or a worker gives a frame back, which an outage does to sound frames; the worker rejects the unsound ones
 * itself. A number and no -1, which RabbitMQ 3 refuses; without one, RabbitMQ 4 counts to 20.
 */
const DELIVERY_LIMIT = 1_000_000_000;
/** Bytes that the queue holds at the most; past it RabbitMQ refuses to confirm, and the gateway answers 503. */
export const QUEUE_MAX_BYTES = 1024 * 1024 * 1024;

export interface Topology {
  readonly queue: string;
  readonly deadExchange: string;
  readonly deadQueue: string;
  /** Where the services find out whether the broker stores messages (broker-canary.ts). */
  readonly healthQueue: string;
}

/** Names of one namespace's queues. */
export function topology(namespace: string): Topology {
  return {
    queue: `${namespace}.frames`,
    deadExchange: `${namespace}.dead`,
    deadQueue: `${namespace}.reservations.dead`,
    healthQueue: `${namespace}.health`,
  };
}

/** What declaring needs. */
type DeclaringConnection = Pick<ChannelModel, 'createChannel'>;

/**
 * Declares queue, dead-letter exchange and dead-letter queue; harmless when they are there.
 * Both queues are quorum queues: they survive the loss of a node, and dead-letter at least once.
 */
export async function declareTopology(connection: DeclaringConnection, namespace: string): Promise<Topology> {
  const names = topology(namespace);
  await onChannel(connection, (channel) =>
    channel.assertExchange(names.deadExchange, 'fanout', { durable: true }),
  );
  const declareDead = () => onChannel(connection, (channel) => assertDeadQueue(channel, names));
  await declareDead().catch(async (error: unknown) => {
    if (replyCodeOf(error) !== PRECONDITION_FAILED) throw error;
    await replaceDeadQueue(connection, namespace);
  });
  await onChannel(connection, (channel) =>
    channel.assertQueue(names.queue, {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-delivery-limit': DELIVERY_LIMIT,
        'x-dead-letter-exchange': names.deadExchange,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
        'x-max-length-bytes': QUEUE_MAX_BYTES,
      },
    }),
  );
  return names;
}

/**
 * The queue of earlier versions, with a delivery limit that can’t be changed; workers take what is left in it.
 * @returns its name, if it is there
 */
export async function findLegacyQueue(
  connection: DeclaringConnection,
  namespace: string,
): Promise<string | undefined> {
  const queue = `${namespace}.reservations`;
  try {
    await onChannel(connection, (channel) => channel.checkQueue(queue));
    return queue;
  } catch (error) {
    if (replyCodeOf(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

const NOT_FOUND = 404;
const RESOURCE_LOCKED = 405;
const PRECONDITION_FAILED = 406;

async function assertDeadQueue(channel: Channel, { deadQueue, deadExchange }: Topology): Promise<void> {
  await channel.assertQueue(deadQueue, {
    durable: true,
    // Looking at a dead frame counts as a delivery, too.
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT },
  });
  await channel.bindQueue(deadQueue, deadExchange, '');
}

/**
 * Puts a dead-letter queue with a delivery limit in place of one that an earlier version declared without, if it is empty. One that
 * holds frames is used as it is. An exclusive queue is the lock; whoever comes second leaves the work to the first.
 */
async function replaceDeadQueue(connection: DeclaringConnection, namespace: string): Promise<void> {
  const names = topology(namespace);
  const lock = `${namespace}.declaring`;
  try {
    await onChannel(connection, async (channel) => {
      await channel.assertQueue(lock, { exclusive: true, durable: false });
      // Unbound, nothing can come between the look and the removal: RabbitMQ keeps what is dead-lettered meanwhile.
      await channel.unbindQueue(names.deadQueue, names.deadExchange, '');
      const { messageCount } = await channel.checkQueue(names.deadQueue);
      if (messageCount === 0) {
        await channel.deleteQueue(names.deadQueue);
        await assertDeadQueue(channel, names);
      } else await channel.bindQueue(names.deadQueue, names.deadExchange, '');
      await channel.deleteQueue(lock);
    });
  } catch (error) {
    if (replyCodeOf(error) !== RESOURCE_LOCKED) throw error;
  }
}

/** On a channel of its own, since RabbitMQ closes the one on which it refuses something. */
async function onChannel<Value>(
  connection: DeclaringConnection,
  action: (channel: Channel) => Promise<Value>,
): Promise<Value> {
  const channel = await connection.createChannel();
  // The call in hand fails with the same error.
  channel.on('error', () => undefined);
  const value = await action(channel);
  await channel.close();
  return value;
}

function replyCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/**
 * The queues and their arguments. Gateway, worker and audit declare the same: RabbitMQ refuses a difference.
 */
import type { Channel, ChannelModel } from 'amqplib';
import { groupSize } from './broker-nodes.ts';

/**
 * Deliveries after which RabbitMQ dead-letters a frame by itself: in effect never. An outage closes channels
 * and gives frames back, and each time counts as a delivery, so a limit would dead-letter valid frames. The
 * worker itself rejects those that can't be decided. RabbitMQ 3 refuses -1, and RabbitMQ 4 takes 20 if no
 * limit is given.
 */
const DELIVERY_LIMIT = 1_000_000_000;
/** Bytes that the queue holds at most. Past it RabbitMQ nacks, and the gateway answers 503. */
export const QUEUE_MAX_BYTES = 1024 * 1024 * 1024;

/**
 * ms between the end of a queue and its next declaration. On RabbitMQ 3.10 a quorum queue that is declared again at once
 * takes messages, confirms them, and hands none out (25 of 25 times; after 50 ms, none of 12).
 */
export const REDECLARE_WAIT_MS = 250;

export interface Topology {
  readonly queue: string;
  readonly deadExchange: string;
  readonly deadQueue: string;
  /** Queue of the canary (broker-canary.ts). */
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

type DeclaringConnection = Pick<ChannelModel, 'createChannel'>;

/**
 * Declares the queue, the dead-letter exchange and the dead-letter queue. Safe to repeat.
 * Both queues are quorum queues: they survive the loss of a node, and no dead letter is lost.
 * @param urls the nodes of the cluster, as FLASHGRID_AMQP_URL lists them
 */
export async function declareTopology(
  connection: DeclaringConnection,
  namespace: string,
  urls: string,
): Promise<Topology> {
  const names = topology(namespace);
  const size = groupSize(urls);
  await onChannel(connection, (channel) =>
    channel.assertExchange(names.deadExchange, 'fanout', { durable: true }),
  );
  try {
    await declareQueue(connection, names.deadQueue, DEAD_QUEUE, size);
    await onChannel(connection, (channel) => channel.bindQueue(names.deadQueue, names.deadExchange, ''));
  } catch (error) {
    if (replyCodeOf(error) !== PRECONDITION_FAILED) throw error;
    await replaceDeadQueue(connection, namespace, size);
  }
  const queueArguments = {
    'x-delivery-limit': DELIVERY_LIMIT,
    'x-dead-letter-exchange': names.deadExchange,
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
    'x-max-length-bytes': QUEUE_MAX_BYTES,
  };
  await declareQueue(connection, names.queue, queueArguments, size);
  return names;
}

/**
 * Declares a quorum queue with `size` members. RabbitMQ compares that number with the one that an existing queue was born
 * with, and refuses another: a queue of an earlier version, or of a shorter list of nodes, is then declared as it is.
 * @returns the size that the queue was declared with
 */
export async function declareQueue(
  connection: DeclaringConnection,
  queue: string,
  queueArguments: Readonly<Record<string, unknown>>,
  size: number | undefined,
): Promise<number | undefined> {
  const declare = (members: number | undefined) =>
    onChannel(connection, (channel) =>
      channel.assertQueue(queue, { durable: true, arguments: quorum(queueArguments, members) }),
    );
  try {
    await declare(size);
    return size;
  } catch (error) {
    const born = replyCodeOf(error) === PRECONDITION_FAILED ? BORN_WITH.exec(String(error)) : null;
    if (!born) throw error;
    const members = born[1] === undefined ? undefined : Number(born[1]);
    await declare(members);
    return members;
  }
}

const GROUP_SIZE = 'x-quorum-initial-group-size';
/** `received '3' but current is '1'`, `… but current is the value '1' of type 'byte'`, `… but current is none`. */
const BORN_WITH = new RegExp(`inequivalent arg '${GROUP_SIZE}' .* but current is (?:none|[^']*'(\\d+)')`);

function quorum(queueArguments: Readonly<Record<string, unknown>>, size: number | undefined): object {
  const members = size === undefined ? {} : { [GROUP_SIZE]: size };
  return { 'x-queue-type': 'quorum', ...members, ...queueArguments };
}

/**
 * Finds the queue of earlier versions, whose delivery limit can't be changed. Workers empty it.
 * @returns its name, if it exists
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

/** Listing dead letters counts as a delivery, too. */
const DEAD_QUEUE = { 'x-delivery-limit': DELIVERY_LIMIT };

/**
 * Replaces a dead-letter queue that an earlier version declared without a delivery limit, if it is empty. One
 * that holds frames stays as it is. An exclusive queue is the lock: a second caller leaves the work to the
 * first.
 */
async function replaceDeadQueue(
  connection: DeclaringConnection,
  namespace: string,
  size: number | undefined,
): Promise<void> {
  const names = topology(namespace);
  const lock = `${namespace}.declaring`;
  try {
    await onChannel(connection, async (channel) => {
      await channel.assertQueue(lock, { exclusive: true, durable: false });
      // Unbound, so that no frame arrives between check and removal. RabbitMQ keeps new dead letters
      // meanwhile.
      await channel.unbindQueue(names.deadQueue, names.deadExchange, '');
      const { messageCount } = await channel.checkQueue(names.deadQueue);
      if (messageCount === 0) {
        await channel.deleteQueue(names.deadQueue);
        await channel.assertQueue(names.deadQueue, { durable: true, arguments: quorum(DEAD_QUEUE, size) });
      }
      await channel.bindQueue(names.deadQueue, names.deadExchange, '');
      await channel.deleteQueue(lock);
    });
  } catch (error) {
    if (replyCodeOf(error) !== RESOURCE_LOCKED) throw error;
  }
}

/** Uses a channel of its own: RabbitMQ closes a channel on which it refuses something. */
async function onChannel<Value>(
  connection: DeclaringConnection,
  action: (channel: Channel) => Promise<Value>,
): Promise<Value> {
  const channel = await connection.createChannel();
  // The pending call fails with the same error.
  channel.on('error', () => undefined);
  const value = await action(channel);
  await channel.close();
  return value;
}

function replyCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

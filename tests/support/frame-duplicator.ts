/**
 * A consumer that delivers frames twice: of every frame that it is handed it publishes a copy under the same message id and gives the
 * frame itself back, so that the workers meet it as a redelivery and as a new message.
 */
import { connect } from 'amqplib';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import { z } from 'zod';

/** What the gateway put on a frame, without what the broker has added to it since. */
const sentSchema = z.object({
  messageId: z.string(),
  contentType: z.string(),
  headers: z.object({ v: z.number(), n: z.number(), sale: z.string(), gen: z.number(), t: z.number() }),
});
/** Times that one frame is given back; the queue dead-letters what is handed out more than five times. */
const MAX_RETURNS = 2;
const PREFETCH = 8;

export interface FrameDuplicator {
  /** Copies published. */
  readonly copies: () => number;
  /** Stops taking frames; what it holds goes back. */
  stop(): Promise<void>;
}

/** Starts to take frames from `queue`, side by side with the workers. */
export async function startFrameDuplicator(amqpUrl: string, queue: string): Promise<FrameDuplicator> {
  const model = await connect(amqpUrl, { noDelay: true });
  model.on('error', () => undefined);
  const channel = await model.createConfirmChannel();
  channel.on('error', () => undefined);
  await channel.prefetch(PREFETCH);
  const returns = new Map<unknown, number>();
  const inHand = new Set<Promise<void>>();
  let copies = 0;

  const take = async (message: ConsumeMessage): Promise<void> => {
    const { messageId } = message.properties;
    const times = returns.get(messageId) ?? 0;
    returns.set(messageId, times + 1);
    // The copy is safe before the frame is let go: a test of lost frames must not lose any itself.
    if (times === 0 || times >= MAX_RETURNS) await publish(channel, queue, message);
    if (times === 0) copies++;
    if (times < MAX_RETURNS) channel.nack(message, false, true);
    else channel.ack(message);
  };
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (!message) return;
    const taken = take(message).finally(() => inHand.delete(taken));
    inHand.add(taken);
  });
  let stopped: Promise<void> | undefined;
  return {
    copies: () => copies,
    stop: () =>
      (stopped ??= (async () => {
        await channel.cancel(consumerTag);
        await Promise.all(inHand);
        await channel.close();
        await model.close();
      })()),
  };
}

function publish(
  channel: ConfirmChannel,
  queue: string,
  { content, properties }: ConsumeMessage,
): Promise<void> {
  const { messageId, contentType, headers } = sentSchema.parse(properties);
  return new Promise((resolve, reject) => {
    channel.sendToQueue(
      queue,
      content,
      { persistent: true, messageId, contentType, headers },
      (error: unknown) => {
        if (error) reject(error instanceof Error ? error : new Error(JSON.stringify(error)));
        else resolve();
      },
    );
  });
}

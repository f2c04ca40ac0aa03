/**
 * Faults of messages: a consumer side by side with the workers takes frames and gives them back twice, in
 * another order, late, or with a spoiled copy. A frame is let go only when RabbitMQ has confirmed what takes
 * its place, so the fault itself loses none.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel, ConsumeMessage, GetMessage } from 'amqplib';
import { plural } from '../../contract/format.ts';
import type { RarePath } from '../../services/shared/rare-paths.ts';
import { connectBroker } from '../../services/shared/amqp/broker-nodes.ts';
import { topology } from '../../services/shared/amqp/topology.ts';
import { FrameError, decodeEntries, parseMessage } from '../../services/shared/frame.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import type { Fault, FaultTools } from './fault.ts';
import { watchPaths } from './taken-paths.ts';

const CONNECT_LIMIT_MS = 5_000;
const SETTLE_LIMIT_MS = 20_000;
/** ms until the workers have come to the last copy: they may have a long queue before it. */
const FINISH_LIMIT_MS = 60_000;
const FINISH_PAUSE_MS = 200;
const LOOK_MS = 50;
/** Marks the copies that are spoiled, so that they are found among the dead letters. */
const SPOILED = 'spoiled-';
/** Marks the frames that buyers seem to have sent again, as the gateway's id would. */
const AGAIN = 'again';
/** Frames that are taken at once. */
const PREFETCH = 8;

export interface Taker {
  readonly channel: ConfirmChannel;
  readonly queue: string;
  readonly deadQueue: string;
}

interface FrameFault {
  /** What was done to each frame: `were held back`. */
  readonly says: string;
  readonly paths: readonly RarePath[];
  /** Frames that are in hand at once; PREFETCH by default. */
  readonly prefetch?: number;
  /** Handles frames that were not met before; each must be acked or given back. */
  begin(
    taker: Taker,
    tools: FaultTools,
  ): {
    handle(frames: readonly ConsumeMessage[]): Promise<void>;
    /** Comes after the last frame, while those that were neither acked nor given back are still in hand. */
    beforeRelease?(): Promise<void>;
    /**
     * What is left to do after that; called again, with a new connection, when it fails.
     * @returns whether all is done
     */
    finish?(taker: Taker): Promise<boolean>;
    /** To how many frames it was done, and what else there is to tell; to all that were met by default. */
    tell?(): { readonly frames: number; readonly more: string };
  };
}

export function frameFault({ says, paths, prefetch = PREFETCH, begin }: FrameFault): Fault {
  return {
    check: () => undefined,
    async inject(target, tools) {
      const seen = watchPaths(tools, paths);
      const { close, taker } = await openTaker(tools);
      const { channel, queue } = taker;
      const { handle, beforeRelease, finish, tell } = begin(taker, tools);
      const met = new Set<unknown>();
      let work = Promise.resolve();
      let waiting: ConsumeMessage[] = [];
      let timer: NodeJS.Timeout | undefined;
      const flush = () => {
        const batch = waiting;
        waiting = [];
        clearTimeout(timer);
        if (batch.length > 0) work = work.then(() => handle(batch)).catch(() => undefined);
      };
      await channel.prefetch(prefetch);
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (!message) return;
        const { messageId } = message.properties as { messageId: unknown };
        if (met.has(messageId) || String(messageId).startsWith(SPOILED)) {
          // Not at once: it would come back at once, too.
          setTimeout(() => giveBack(taker, message), LOOK_MS);
          return;
        }
        met.add(messageId);
        waiting.push(message);
        clearTimeout(timer);
        if (waiting.length >= PREFETCH) flush();
        else timer = setTimeout(flush, LOOK_MS);
      });
      return {
        targets: [target],
        async heal() {
          try {
            await withLimit(channel.cancel(consumerTag), SETTLE_LIMIT_MS, 'RabbitMQ did not answer');
            flush();
            await withLimit(work, SETTLE_LIMIT_MS, 'frames are still in hand');
            await beforeRelease?.();
          } catch {
            // A broker that went away has taken back what was in hand.
          } finally {
            await close();
          }
          if (finish) await untilDone(tools, finish);
        },
        effect() {
          const { frames, more } = tell?.() ?? { frames: met.size, more: '' };
          return Promise.resolve({
            hadEffect: frames > 0,
            text: `${plural(frames, 'frame')} ${says}.${more}${seen()}`,
          });
        },
      };
    },
  };
}

function giveBack({ channel }: Taker, message: ConsumeMessage): void {
  try {
    channel.nack(message, false, true);
  } catch {
    // The channel is closed: RabbitMQ has taken the message back already.
  }
}

async function openTaker({ deployment }: FaultTools): Promise<{ taker: Taker; close: () => Promise<void> }> {
  const model = await connectBroker(deployment.amqpUrl, { timeout: CONNECT_LIMIT_MS });
  model.on('error', () => undefined);
  const channel = await model.createConfirmChannel();
  // A broker that goes away takes the fault with it: what was in hand is handed out again.
  channel.on('error', () => undefined);
  const { queue, deadQueue } = topology(deployment.namespace);
  const close = async () => {
    // The channel first: an ack that is under way when its connection ends may be lost.
    await withLimit(channel.close(), CONNECT_LIMIT_MS, 'no answer').catch(() => undefined);
    await model.close().catch(() => undefined);
  };
  return { taker: { channel, queue, deadQueue }, close };
}

/** @throws Error when something is still left at the end of its time */
async function untilDone(tools: FaultTools, finish: (taker: Taker) => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + FINISH_LIMIT_MS;
  while (performance.now() < endMs) {
    try {
      const { taker, close } = await openTaker(tools);
      try {
        if (await withLimit(finish(taker), SETTLE_LIMIT_MS, 'no answer')) return;
      } finally {
        await close();
      }
    } catch {
      // RabbitMQ is away for now.
    }
    await sleep(FINISH_PAUSE_MS);
  }
  throw new Error('the workers have not come to the end of what it sent');
}

/** Publishes a copy as the gateway would, and waits for its confirm. */
export function publish(
  { channel, queue }: Taker,
  message: ConsumeMessage,
  changed: { content?: Buffer; messageId?: string } = {},
): Promise<void> {
  const { messageId, contentType, headers } = message.properties;
  // RabbitMQ's own headers say how often this message was handed out: a new message has none.
  const own = Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !name.startsWith('x-')));
  const options = {
    persistent: true,
    messageId: changed.messageId ?? String(messageId),
    contentType: String(contentType),
    headers: own,
  };
  return new Promise((resolve, reject) =>
    channel.sendToQueue(queue, changed.content ?? message.content, options, (error: unknown) =>
      error ? reject(new Error('RabbitMQ did not take a copy', { cause: error })) : resolve(),
    ),
  );
}

export const duplicate = frameFault({
  says: 'came twice: once more as a new message, and as a redelivery',
  paths: ['frameRepeated', 'frameRedelivered', 'ticketsPresent', 'keyKnownToWorker'],
  begin: (taker) => ({
    async handle(frames) {
      for (const frame of frames) {
        await publish(taker, frame);
        giveBack(taker, frame);
      }
    },
  }),
});

export const resend = frameFault({
  says: 'were sent once more under another id',
  paths: ['keyKnownToWorker', 'keyReplayed'],
  begin(taker) {
    let made = 0;
    return {
      async handle(frames) {
        for (const frame of frames) {
          const isCopy = String(frame.properties.messageId).startsWith(AGAIN);
          // Without its key, a reservation that comes again is another one.
          if (!isCopy && hasOnlyKeys(frame)) {
            await publish(taker, frame, { messageId: `${AGAIN}${randomBytes(4).toString('hex')}-1` });
            made++;
          }
          giveBack(taker, frame);
        }
      },
      tell: () => ({ frames: made, more: '' }),
    };
  },
});

/** Whether each reservation of a message has a key. */
function hasOnlyKeys({ properties, content }: ConsumeMessage): boolean {
  const { messageId, headers } = properties as { messageId: unknown; headers?: object };
  try {
    return parseMessage(messageId, { ...headers }, content).every(({ body }) =>
      decodeEntries(body).every(({ digest }) => digest !== undefined),
    );
  } catch (error) {
    if (error instanceof FrameError) return false;
    throw error;
  }
}

export const reorder = frameFault({
  says: 'were put behind all others, the last first',
  paths: ['frameRedelivered'],
  begin: (taker) => ({
    async handle(frames) {
      for (const frame of frames.toReversed()) {
        await publish(taker, frame);
        taker.channel.ack(frame);
      }
    },
  }),
});

export const hold = frameFault({
  says: 'were held back',
  paths: ['frameRedelivered', 'oldFrameRecalled'],
  prefetch: 64,
  // They stay in hand until the channel closes.
  begin: () => ({ handle: () => Promise.resolve() }),
});

export const corrupt = frameFault({
  says: 'had a spoiled copy sent after them',
  paths: ['frameDeadLettered', 'frameRedelivered'],
  begin(taker) {
    const spoiled = new Set<string>();
    return {
      async handle(frames) {
        for (const frame of frames) {
          const content = Buffer.from(frame.content).fill(0xff);
          const messageId = `${SPOILED}${randomBytes(8).toString('hex')}`;
          await publish(taker, frame, { content, messageId });
          spoiled.add(messageId);
          giveBack(taker, frame);
        }
      },
      // The engine has set them aside, as it should, and the audit expects no dead letter.
      async finish({ channel, deadQueue }) {
        const others: GetMessage[] = [];
        let found = 0;
        for (;;) {
          const letter = await channel.get(deadQueue, { noAck: false });
          if (!letter) break;
          const id = String(letter.properties.messageId);
          if (id.startsWith(SPOILED)) {
            channel.ack(letter);
            found++;
          } else others.push(letter);
          spoiled.delete(id);
        }
        for (const letter of others) channel.nack(letter, false, true);
        // An ack may be lost with its connection: only a look that finds none is the last.
        return spoiled.size === 0 && found === 0;
      },
    };
  },
});

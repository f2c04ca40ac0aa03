/**
 * Takes messages of one or several frames from RabbitMQ and gives each its end: acked, dead-lettered or
 * handed out again. Of several frames, one that can never be decided gets a message of its own, which is
 * then dead-lettered: so the others are acked.
 *
 * A frame whose channel was lost is finished all the same. RabbitMQ hands it out again, and then it is a
 * repeat.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import { BrokerConnection, DeadConnectionError } from '../shared/amqp/broker-connection.ts';
import type { BrokerSession } from '../shared/amqp/broker-connection.ts';
import { findLegacyQueue, REDECLARE_WAIT_MS } from '../shared/amqp/topology.ts';
import type { BackendHealth } from '../shared/backend-trouble.ts';
import { FRAME_CONTENT_TYPE, encodeMessage, parseMessage } from '../shared/frame.ts';
import type { Frame } from '../shared/frame.ts';
import { step } from '../shared/stop-points.ts';
import { withLimit } from '../shared/time-limit.ts';
import { AckWindow } from './ack-window.ts';
import type { WorkerCounters } from './counters.ts';
import { isFinal } from './retry.ts';

const BACKOFF = { firstMs: 50, maxMs: 1_000 };
/** ms that a frame is held before it is given back: RabbitMQ hands it out again at once. */
const REQUEUE_PAUSE_MS = 500;
/**
 * Frames of messages with several that are worked on at once: more would keep the event loop busy for longer than the
 * clients of Redis and RabbitMQ wait for an answer.
 */
const MAX_TOGETHER = 512;
/** ms in which RabbitMQ confirms what a worker publishes itself. */
const CONFIRM_LIMIT_MS = 5_000;
/** ms that cancelling the consumers may take. */
const CANCEL_LIMIT_MS = 1_000;

export interface ConsumerOptions {
  readonly url: string;
  readonly namespace: string;
  /** Shows in RabbitMQ's list of connections. */
  readonly name: string;
  readonly prefetch: number;
  readonly counters: WorkerCounters;
  /**
   * Resolves when the frame may be acked. A final error (retry.ts) dead-letters it; any other gives it back.
   */
  readonly process: (frame: Frame, isRedelivered: boolean) => Promise<void>;
  /** The same for the frames of one message; never rejects. */
  readonly processSeveral: (
    frames: readonly Frame[],
    isRedelivered: boolean,
  ) => Promise<readonly PromiseSettledResult<void>[]>;
  readonly onEvent: (event: ConsumerEvent) => void;
}

export type ConsumerEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'lost'; readonly error: unknown; readonly node: string }
  | { readonly type: 'deadLettered' | 'requeued'; readonly frameId: unknown; readonly error: unknown };

/** One channel and what is open on it. */
interface Consuming {
  readonly session: BrokerSession<Channel>;
  readonly window: AckWindow;
  readonly consumerTags: string[];
}

export class FrameConsumer {
  readonly #options: ConsumerOptions;
  readonly #stopping = new AbortController();
  readonly #connection: BrokerConnection<Channel>;
  #current: Consuming | undefined;
  #inHand = 0;
  /** Frames that came with others and are worked on. */
  #together = 0;
  #whenRoom: (() => void)[] = [];
  #whenIdle: (() => void)[] = [];

  constructor(options: ConsumerOptions) {
    const { url, namespace, name, onEvent } = options;
    this.#options = options;
    this.#connection = new BrokerConnection<Channel>({
      url,
      namespace,
      name,
      backoff: BACKOFF,
      createChannel: (connection) => connection.createChannel(),
      onOpen: (session) => this.#consume(session),
      onLost: (error, _session, node) => {
        if (error instanceof DeadConnectionError) options.counters.rare.workerLinkDead++;
        onEvent({ type: 'lost', error, node });
      },
    });
  }

  /** Whether the broker hands out frames and stores acks, why not, and since when. */
  get health(): BackendHealth {
    return this.#connection.health;
  }

  /** Messages handed out and not settled. */
  get framesInHand(): number {
    return this.#inHand;
  }

  /**
   * Connects and begins to consume.
   * @throws when the broker can't be reached at the first try; later losses are waited out
   */
  start(): Promise<void> {
    return this.#connection.open();
  }

  /** Takes no more frames. Those in hand go on. */
  async pause(): Promise<void> {
    this.#stopping.abort();
    await this.#connection.endRetries();
    const current = this.#current;
    if (!current || current.session.isOver) return;
    // A broker that is away hands out nothing either.
    await Promise.race([
      Promise.all(current.consumerTags.map((tag) => current.session.channel.cancel(tag))).catch(
        () => undefined,
      ),
      sleep(CANCEL_LIMIT_MS, undefined, { ref: false }),
    ]);
  }

  /** Resolves when no frame is in hand. */
  idle(): Promise<void> {
    return this.#inHand === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#whenIdle.push(resolve);
        });
  }

  /**
   * Sends the acks that are due and closes the connection; RabbitMQ hands out again what is still in hand.
   */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.#current?.window.flush();
    await this.#connection.close();
  }

  async #consume(session: BrokerSession<Channel>): Promise<void> {
    const { namespace, prefetch } = this.#options;
    const { connection, channel, names } = session;
    const legacyQueue = await findLegacyQueue(connection, namespace);
    await channel.prefetch(prefetch);
    const window = new AckWindow(
      {
        ack: (tag, isUpTo) => {
          step('worker.before-ack');
          if (!isUpTo) this.#options.counters.rare.ackedOutOfOrder++;
          this.#settle(session, () => channel.ack(messageOf(tag), isUpTo));
        },
      },
      Math.ceil(prefetch / 2),
    );
    const current: Consuming = { session, window, consumerTags: [] };
    if (this.#current) this.#options.counters.rare.workerReconnected++;
    this.#current = current;
    for (const queue of legacyQueue === undefined ? [names.queue] : [names.queue, legacyQueue]) {
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message) void this.#handle(current, message);
        else void this.#loseQueue(session, queue);
      });
      current.consumerTags.push(consumerTag);
    }
    this.#options.onEvent({ type: 'connected' });
  }

  /** A queue was deleted: begins again, which declares it again. */
  async #loseQueue(session: BrokerSession<Channel>, queue: string): Promise<void> {
    await sleep(REDECLARE_WAIT_MS, undefined, { ref: false });
    this.#connection.lose(session, new Error(`queue ${queue} was deleted`));
  }

  /**
   * Sends an ack or a nack. On a lost channel there is nothing to settle: RabbitMQ hands the frame out again.
   */
  #settle(session: BrokerSession<Channel>, action: () => void): void {
    if (session.isOver) {
      this.#options.counters.rare.ackLost++;
      return;
    }
    try {
      action();
    } catch (error) {
      // amqplib throws on a channel that has begun to close, before it emits `close`.
      this.#connection.lose(session, error);
    }
  }

  /**
   * Processes the frames of one message together.
   * @throws an error that may pass, or that of a frame alone: then the whole message is given back, and what is
   * done is a repeat, or it is dead-lettered
   */
  async #process(
    session: BrokerSession<Channel>,
    frames: readonly Frame[],
    isRedelivered: boolean,
  ): Promise<void> {
    const [frame] = frames;
    if (frame && frames.length === 1) return await this.#options.process(frame, isRedelivered);
    while (this.#together > 0 && this.#together + frames.length > MAX_TOGETHER)
      await new Promise<void>((resolve) => this.#whenRoom.push(resolve));
    this.#together += frames.length;
    const ends = await this.#options.processSeveral(frames, isRedelivered);
    this.#together -= frames.length;
    for (const wake of this.#whenRoom.splice(0)) wake();
    const poison: Frame[] = [];
    for (const [at, end] of ends.entries()) {
      const one = frames[at];
      if (end.status === 'fulfilled' || one === undefined) continue;
      if (!isFinal(end.reason)) throw end.reason as unknown;
      poison.push(one);
    }
    if (poison.length > 0) await this.#publishAlone(session, poison);
  }

  /** Puts frames back into the queue, each in a message of its own. Confirmed before their message is acked. */
  async #publishAlone(session: BrokerSession<Channel>, frames: readonly Frame[]): Promise<void> {
    const channel = await session.connection.createConfirmChannel();
    // Who waits for a confirm gets the same error.
    channel.on('error', () => undefined);
    let isReturned = false;
    channel.on('return', () => (isReturned = true));
    try {
      for (const frame of frames) {
        this.#options.counters.rare.frameParted++;
        const { body, headers } = encodeMessage(
          [{ ...frame, lines: frame.body.toString('latin1') }],
          frame.closedAtMs,
        );
        channel.publish('', session.names.queue, body, {
          messageId: frame.id,
          contentType: FRAME_CONTENT_TYPE,
          persistent: true,
          mandatory: true,
          headers: frame.isReplayed ? { ...headers, replayed: true } : headers,
        });
      }
      await withLimit(channel.waitForConfirms(), CONFIRM_LIMIT_MS, 'RabbitMQ did not confirm a frame');
      // It comes before the confirm.
      if (isReturned) throw new Error(`queue ${session.names.queue} is missing`);
    } finally {
      await channel.close().catch(() => undefined);
    }
  }

  /** Handles one delivery to its end. Never rejects. */
  async #handle({ session, window }: Consuming, message: ConsumeMessage): Promise<void> {
    const { deliveryTag, redelivered } = message.fields;
    const { messageId, headers } = message.properties;
    const { rare } = this.#options.counters;
    if (redelivered) rare.frameRedelivered++;
    window.open(deliveryTag);
    this.#inHand++;
    try {
      const frames = parseMessage(messageId, headers, message.content);
      step('worker.after-consume');
      await this.#process(session, frames, redelivered);
      window.finish(deliveryTag);
    } catch (error) {
      const isPoison = isFinal(error);
      if (isPoison) rare.frameDeadLettered++;
      else rare.frameRequeued++;
      this.#options.onEvent({ type: isPoison ? 'deadLettered' : 'requeued', frameId: messageId, error });
      if (!isPoison && !this.#stopping.signal.aborted)
        await sleep(REQUEUE_PAUSE_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      this.#settle(session, () =>
        // RabbitMQ 4.3 counts a reject as a failed delivery and a nack as none.
        isPoison
          ? session.channel.reject(messageOf(deliveryTag), false)
          : session.channel.nack(messageOf(deliveryTag), false, true),
      );
      window.drop(deliveryTag);
    } finally {
      this.#inHand--;
      if (this.#inHand === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
  }
}

/** amqplib's `ack` takes a whole message, though the protocol only needs its tag. */
function messageOf(deliveryTag: number): Parameters<Channel['ack']>[0] {
  return {
    content: EMPTY,
    fields: { deliveryTag, redelivered: false, exchange: '', routingKey: '' },
    properties: EMPTY_PROPERTIES,
  };
}
const EMPTY = Buffer.alloc(0);
const EMPTY_PROPERTIES: ConsumeMessage['properties'] = {
  contentType: undefined,
  contentEncoding: undefined,
  headers: undefined,
  deliveryMode: undefined,
  priority: undefined,
  correlationId: undefined,
  replyTo: undefined,
  expiration: undefined,
  messageId: undefined,
  timestamp: undefined,
  type: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
};

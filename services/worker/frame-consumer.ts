/**
 * Takes frames from RabbitMQ and gives each its end: acked, dead-lettered or handed out again.
 *
 * connecting → consuming → (connection or channel lost) connecting; any → stopping → stopped
 * A frame whose channel was lost is finished all the same: RabbitMQ hands it out again, and then it is a repeat.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { backoffMs } from '../shared/backoff.ts';
import { parseFrame } from '../shared/frame.ts';
import type { Frame } from '../shared/frame.ts';
import { declareTopology, findLegacyQueue, topology } from '../shared/topology.ts';
import { blockedBecause, nextHealth, troubleOf } from '../shared/backend-trouble.ts';
import type { BackendHealth, BackendTrouble } from '../shared/backend-trouble.ts';
import { brokerNode } from '../shared/broker-nodes.ts';
import { BrokerCanary } from '../shared/broker-canary.ts';
import { AckWindow } from './ack-window.ts';
import type { WorkerCounters } from './counters.ts';
import { isFinal } from './retry.ts';

export const CONSUMER_DEFAULTS = {
  connectTimeoutMs: 5_000,
  pause: { firstMs: 50, maxMs: 1_000 },
  /** ms that a frame is held before it is given back, which brings it back at once. */
  requeuePauseMs: 500,
  /** ms that closing the connection may take. */
  closeTimeoutMs: 1_000,
} as const;

export interface ConsumerOptions {
  readonly url: string;
  readonly namespace: string;
  readonly prefetch: number;
  readonly counters: WorkerCounters;
  /** Resolves when the frame may be acked. A final error (retry.ts) dead-letters it; any other gives it back. */
  readonly process: (frame: Frame, isRedelivered: boolean) => Promise<void>;
  readonly onEvent: (event: ConsumerEvent) => void;
}

export type ConsumerEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'lost'; readonly error: unknown }
  | { readonly type: 'deadLettered' | 'requeued'; readonly frameId: unknown; readonly error: unknown };

/** One channel and what is open on it. */
interface Link {
  readonly model: ChannelModel;
  readonly channel: Channel;
  readonly window: AckWindow;
  readonly consumerTags: string[];
  isLost: boolean;
}

export class FrameConsumer {
  readonly #options: ConsumerOptions;
  readonly #stopping = new AbortController();
  #link: Link | undefined;
  #reconnecting: Promise<void> | undefined;
  #health: BackendHealth = { state: 'away', reason: 'the worker connects', sinceMs: Date.now() };
  #inHand = 0;
  /** Which node of the cluster is next. */
  #node = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  /** Whether the broker hands out frames and stores messages, why not, and since when. */
  get health(): BackendHealth {
    return this.#health;
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** Frames handed out and not settled. */
  get framesInHand(): number {
    return this.#inHand;
  }

  /**
   * Connects and begins to consume.
   * @throws when the broker can't be reached at the first try; later losses are waited out
   */
  async start(): Promise<void> {
    await this.#open();
  }

  /** Takes no more frames. Those in hand go on. */
  async pause(): Promise<void> {
    this.#stopping.abort();
    await this.#reconnecting;
    const link = this.#link;
    if (!link || link.isLost) return;
    // A broker that is away hands out nothing either.
    await Promise.race([
      Promise.all(link.consumerTags.map((tag) => link.channel.cancel(tag))).catch(() => undefined),
      sleep(CONSUMER_DEFAULTS.closeTimeoutMs, undefined, { ref: false }),
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

  /** Sends the acks that are due and closes the connection; RabbitMQ hands out again what is still in hand. */
  async close(): Promise<void> {
    this.#stopping.abort();
    const link = this.#link;
    this.#link = undefined;
    if (!link || link.isLost) return;
    link.window.flush();
    link.isLost = true;
    // The channel is closed before the connection, so that the broker has read the acks.
    const closing = link.channel.close().then(() => link.model.close());
    await Promise.race([
      closing.catch(() => undefined),
      sleep(CONSUMER_DEFAULTS.closeTimeoutMs, undefined, { ref: false }),
    ]);
  }

  async #open(): Promise<void> {
    const { url, namespace, prefetch } = this.#options;
    const model = await connect(brokerNode(url, this.#node), {
      // Without it small writes, acks among them, wait ~40 ms in Nagle's algorithm.
      noDelay: true,
      timeout: CONSUMER_DEFAULTS.connectTimeoutMs,
    });
    // `close` follows each error; without a listener an error would end the process.
    model.on('error', () => undefined);
    try {
      const channel = await model.createChannel();
      channel.on('error', () => undefined);
      const { queue } = await declareTopology(model, namespace);
      const legacyQueue = await findLegacyQueue(model, namespace);
      await channel.prefetch(prefetch);
      const window = new AckWindow(
        { ack: (tag, isUpTo) => this.#settle(link, () => channel.ack(messageOf(tag), isUpTo)) },
        Math.ceil(prefetch / 2),
      );
      const link: Link = { model, channel, window, consumerTags: [], isLost: false };
      model.on('close', (error) => this.#onLost(link, error));
      channel.on('close', () => this.#onLost(link, new Error('the channel was closed')));
      this.#link = link;
      for (const each of legacyQueue === undefined ? [queue] : [queue, legacyQueue]) {
        const { consumerTag } = await channel.consume(each, (message) => {
          if (message) void this.#handle(link, message);
          else this.#onLost(link, new Error(`queue ${each} was deleted`));
        });
        link.consumerTags.push(consumerTag);
      }
      await this.#watch(link);
    } catch (error) {
      this.#link = undefined;
      await model.close().catch(() => undefined);
      throw error;
    }
    this.#options.onEvent({ type: 'connected' });
  }

  /** A worker's acks and dead letters are stored like messages: the canary proves that, and that the broker is alive. */
  async #watch(link: Link): Promise<void> {
    let isBlocked = false;
    link.model.on('blocked', (said: string) => {
      isBlocked = true;
      this.#emit(blockedBecause(said));
    });
    link.model.on('unblocked', () => (isBlocked = false));
    await BrokerCanary.open({
      connection: link.model,
      queue: topology(this.#options.namespace).healthQueue,
      proofs: () => 0,
      isWaiting: () => false,
      isBlocked: () => isBlocked,
      onFinding: (trouble) => {
        if (!link.isLost) this.#emit(trouble);
      },
    });
  }

  #emit(trouble: BackendTrouble | undefined): void {
    this.#health = nextHealth(this.#health, trouble);
  }

  #onLost(link: Link, error: unknown): void {
    if (link.isLost) return;
    link.isLost = true;
    this.#emit(troubleOf(error));
    this.#node++;
    if (this.#link === link) this.#link = undefined;
    // A lost channel leaves a connection behind that nobody uses.
    link.model.close().catch(() => undefined);
    if (this.#stopping.signal.aborted) return;
    this.#options.onEvent({ type: 'lost', error });
    this.#reconnecting ??= this.#reconnect().finally(() => {
      this.#reconnecting = undefined;
    });
  }

  /** Sends an ack or a nack. On a lost channel there is nothing to settle: RabbitMQ hands the frame out again. */
  #settle(link: Link, action: () => void): void {
    if (link.isLost) return;
    try {
      action();
    } catch (error) {
      // amqplib throws on a channel that has begun to close, before it tells of the closing.
      this.#onLost(link, error);
    }
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const pauseMs = backoffMs(CONSUMER_DEFAULTS.pause, attempt);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#open();
        return;
      } catch (error) {
        this.#emit(troubleOf(error));
        this.#node++;
        this.#options.onEvent({ type: 'lost', error });
      }
    }
  }

  /** Brings one delivery to its end; never rejects. */
  async #handle(link: Link, message: ConsumeMessage): Promise<void> {
    const { deliveryTag, redelivered } = message.fields;
    const { messageId, headers } = message.properties;
    link.window.open(deliveryTag);
    this.#inHand++;
    try {
      const frame = parseFrame(messageId, headers, message.content);
      await this.#options.process(frame, redelivered);
      link.window.finish(deliveryTag);
    } catch (error) {
      const isPoison = isFinal(error);
      if (isPoison) this.#options.counters.deadLettered++;
      else this.#options.counters.requeued++;
      this.#options.onEvent({ type: isPoison ? 'deadLettered' : 'requeued', frameId: messageId, error });
      if (!isPoison && !this.#stopping.signal.aborted)
        await sleep(CONSUMER_DEFAULTS.requeuePauseMs, undefined, { signal: this.#stopping.signal }).catch(
          () => undefined,
        );
      this.#settle(link, () =>
        // RabbitMQ 4.3 counts a reject as a failed delivery and a nack as none.
        isPoison
          ? link.channel.reject(messageOf(deliveryTag), false)
          : link.channel.nack(messageOf(deliveryTag), false, true),
      );
      link.window.drop(deliveryTag);
    } finally {
      this.#inHand--;
      if (this.#inHand === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
  }
}

/** amqplib asks for a message where the protocol only has its tag. */
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

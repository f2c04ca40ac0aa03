/**
 * A connection to RabbitMQ that stays up: it connects to one node of the cluster after the other, declares
 * the queues, backs off between attempts, and knows whether the broker stores messages. Gateway and worker
 * add their own channel.
 *
 *   away ──connected, queues declared──► proving ──canary confirmed──► up ──'blocked'──► blocked ──'unblocked'──► up
 *     ▲                                     │                          ├──canary──► refusing or silent ──canary──► up
 *     └──── attempt failed: back-off ◄──────┴── connection or channel lost, or given up by its owner
 *
 * `proving` shows as the trouble from before: a broker that accepts connections may still store nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import type { Channel, ChannelModel } from 'amqplib';
import { blockedBecause, nextHealth, troubleOf } from '../backend-trouble.ts';
import type { BackendHealth, BackendTrouble } from '../backend-trouble.ts';
import { backoffMs, type Backoff } from '../backoff.ts';
import { withLimit } from '../time-limit.ts';
import { BrokerCanary } from './broker-canary.ts';
import { brokerNode, groupSize } from './broker-nodes.ts';
import { declareTopology, type Topology } from './topology.ts';

/** ms that the connection itself may take, with its login. */
const CONNECT_LIMIT_MS = 2_000;
/** ms for each further step of an attempt: declaring the queues, opening the channel. */
const STEP_LIMIT_MS = 5_000;
/**
 * ms that another connection may take to show that only this one is dead. Short, because a link that was broken
 * leaves the attempt of that moment without an answer, too; and one that is slow must not be replaced.
 */
const COMPARE_LIMIT_MS = 1_000;
/** ms between two such attempts. */
const COMPARE_PAUSE_MS = 250;
/** ms that a polite close may take before the socket is destroyed. */
const CLOSE_LIMIT_MS = 1_000;

export type LinkState = 'up' | BackendTrouble['state'] | 'closed';

/** One connection, from the moment its queues are declared until it is lost or closed. */
export interface BrokerSession<Own extends Channel> {
  readonly connection: ChannelModel;
  readonly channel: Own;
  readonly names: Topology;
  isOver: boolean;
}

export interface BrokerConnectionOptions<Own extends Channel> {
  /** Several nodes of one cluster are separated by commas. */
  readonly url: string;
  readonly namespace: string;
  /** Shows in RabbitMQ's list of connections. */
  readonly name: string;
  readonly backoff: Backoff;
  readonly createChannel: (connection: ChannelModel) => Promise<Own>;
  /** Sets up the channel: its listeners, its consumers. */
  readonly onOpen: (session: BrokerSession<Own>) => Promise<void> | void;
  /**
   * An attempt failed, or (with `session`) a connection was lost; `node` is the host and port of the node that it led to. The
   * next attempt follows by itself, on the next node.
   */
  readonly onLost: (error: unknown, session: BrokerSession<Own> | undefined, node: string) => void;
  /** The broker has blocked publishers or no longer does, or the canary has reported. */
  readonly onTrouble?: (trouble: BackendTrouble | undefined, session: BrokerSession<Own>) => void;
  readonly onHealth?: (health: BackendHealth) => void;
  /** What real traffic shows while the canary's messages are stored. */
  readonly ownTrouble?: () => BackendTrouble | undefined;
  /** See BrokerCanaryOptions. */
  readonly proofs?: () => number;
  readonly isWaiting?: () => boolean;
}

/** A connection that gets no answer, while another one does. */
export class DeadConnectionError extends Error {
  override readonly name = 'DeadConnectionError';
}

export class BrokerConnection<Own extends Channel> {
  readonly #options: BrokerConnectionOptions<Own>;
  #session: BrokerSession<Own> | undefined;
  /** Destroys the socket at any moment, also in a handshake that the peer never answers. */
  #abort = new AbortController();
  #canary: BrokerCanary | undefined;
  #isComparing = false;
  #trouble: BackendTrouble | undefined = { state: 'away', reason: 'the first connection is not up yet' };
  #health: BackendHealth = {
    state: 'away',
    reason: 'the first connection is not up yet',
    sinceMs: Date.now(),
  };
  #isBlocked = false;
  #isEnding = false;
  /** Failed attempts in a row. */
  #failures = 0;
  /** Which node is next. The one that was lost is tried last. */
  #node = 0;
  #opening: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BrokerConnectionOptions<Own>) {
    this.#options = options;
  }

  /** `up` only while messages can be published. */
  get state(): LinkState {
    if (this.#isEnding) return 'closed';
    return this.#trouble?.state ?? 'up';
  }

  /** Whether the broker stores messages, why not, and since when; without addresses or users. */
  get health(): BackendHealth {
    return this.#health;
  }

  get session(): BrokerSession<Own> | undefined {
    return this.#session;
  }

  /** Connects, and tries again after each failure until `endRetries` or `close`. */
  start(): void {
    this.open().catch((error: unknown) => this.#retry(error, undefined));
  }

  /**
   * Makes one attempt. Once it has succeeded, a lost connection is replaced without end.
   * @throws what the attempt failed with
   */
  open(): Promise<void> {
    return (this.#opening = this.#connect().finally(() => (this.#opening = undefined)));
  }

  /** Gives a session up, for a reason that the owner of the channel has found. */
  lose(session: BrokerSession<Own>, error: unknown, nextNode?: number): void {
    if (session.isOver) return;
    this.#end(session);
    this.#setTrouble(troubleOf(error));
    this.#abort.abort();
    // An attempt under way fails with its own error, and its caller retries.
    if (this.#opening === undefined) this.#retry(error, session, nextNode);
  }

  /** Makes no further attempts. Resolves when none is under way; an open session stays open. */
  async endRetries(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#timer);
    await this.#opening?.catch(() => undefined);
  }

  /** Closes the channel and then the connection, so that the broker reads what was written before. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#isEnding = true;
    clearTimeout(this.#timer);
    if (session === undefined) {
      this.#abort.abort();
      return;
    }
    this.#end(session);
    const closing = (async () => {
      await session.channel.close();
      await session.connection.close();
    })();
    // A broker that does not answer is cut off: it hands out again what was not acked.
    await withLimit(closing, CLOSE_LIMIT_MS, 'no answer').catch(() => this.#abort.abort());
  }

  /** Has the canary publish at once: something happened that it may explain. */
  probe(): void {
    this.#canary?.hurry();
  }

  async #connect(): Promise<void> {
    const { url, namespace, createChannel, onOpen, proofs, isWaiting } = this.#options;
    const abort = new AbortController();
    this.#abort = abort;
    let limit = setTimeout(() => abort.abort(), CONNECT_LIMIT_MS);
    let session: BrokerSession<Own> | undefined;
    let failure: unknown;
    try {
      const connection = await this.#dial(this.#node, abort.signal);
      // `close` follows each error; without a listener an error would end the process.
      const note = (error: Error): void => void (failure ??= error);
      connection.on('error', note);
      // amqplib leaves a channel unanswered that is opened at the moment of the loss.
      const closed = new Promise<never>((_, reject) => {
        connection.on('close', (error?: Error) => reject(error ?? new Error('the connection was closed')));
      });
      closed.catch(() => undefined);
      const whileOpen = <Value>(work: Promise<Value> | Value) => Promise.race([work, closed]);
      clearTimeout(limit);
      limit = setTimeout(() => abort.abort(), STEP_LIMIT_MS);
      const names = await whileOpen(declareTopology(connection, namespace, url));
      limit.refresh();
      const channel = await whileOpen(createChannel(connection));
      channel.on('error', note);
      const opened: BrokerSession<Own> = { connection, channel, names, isOver: false };
      session = opened;
      const lose = (error?: Error): void =>
        this.lose(opened, (failure ??= error ?? new Error('the connection was closed')));
      connection.on('close', lose);
      channel.on('close', () => lose());
      connection.on('blocked', (reason: string) => {
        this.#isBlocked = true;
        this.#report(opened, blockedBecause(reason));
      });
      connection.on('unblocked', () => {
        this.#isBlocked = false;
        this.#report(opened, undefined);
      });
      this.#isBlocked = false;
      await whileOpen(onOpen(opened));
      const opening = BrokerCanary.open({
        connection,
        queue: names.healthQueue,
        groupSize: groupSize(url),
        proofs: proofs ?? (() => 0),
        isWaiting: isWaiting ?? (() => false),
        isBlocked: () => this.#isBlocked,
        onFinding: (trouble) => {
          if (!this.#isBlocked) this.#report(opened, trouble);
          if (this.#canary?.isDoubtful === true) void this.#compare(opened);
        },
      });
      this.#canary = await whileOpen(opening);
      if (opened.isOver || this.#isEnding) throw failure ?? new Error('the connection was closed');
      this.#session = opened;
      this.#failures = 0;
    } catch (error) {
      if (session !== undefined) this.#end(session);
      abort.abort();
      throw failure ?? error;
    } finally {
      clearTimeout(limit);
    }
  }

  /** @param node which one, counted over the end of the list */
  #dial(node: number, signal: AbortSignal): Promise<ChannelModel> {
    const socketOptions = {
      // Without it small writes, acks among them, wait ~40 ms in Nagle's algorithm.
      noDelay: true,
      keepAlive: true,
      // Not among amqplib's own options, which it hands to net.connect.
      signal,
      clientProperties: { connection_name: this.#options.name },
    };
    return connect(brokerNode(this.#options.url, node), socketOptions);
  }

  /**
   * While nothing is answered or stored on a connection: opens another one, on each node of the cluster in turn. If that works, the
   * broker is there and this connection is to be replaced:
   * - its other end, or that whole node, has vanished without a word, and heartbeats would need 20 s to show it;
   * - its node is cut off from the others, which RabbitMQ itself notices after a minute;
   * - it first published while its queue had lost its leader. RabbitMQ 3.10 then nacks all that follows on its channel, until the
   *   node of the old leader is back.
   */
  async #compare(session: BrokerSession<Own>): Promise<void> {
    if (this.#isComparing) return;
    this.#isComparing = true;
    const canary = this.#canary;
    const isDoubtful = (): boolean => !session.isOver && canary?.isDoubtful === true;
    for (let node = this.#node; isDoubtful(); node++) {
      const abort = new AbortController();
      const limit = setTimeout(() => abort.abort(), COMPARE_LIMIT_MS);
      try {
        const other = await this.#dial(node, abort.signal);
        other.on('error', () => undefined);
        if (canary?.isMute !== true)
          await withLimit(
            proveThatItStores(other, session.names.healthQueue),
            COMPARE_LIMIT_MS,
            'no confirm',
          );
        if (isDoubtful())
          this.lose(session, new DeadConnectionError('no answer, while another connection gets one'), node);
        await withLimit(other.close(), CLOSE_LIMIT_MS, 'no answer');
      } catch {
        // The broker itself does not answer; or the other connection does not close, and is cut off.
      } finally {
        clearTimeout(limit);
        abort.abort();
      }
      if (isDoubtful()) await sleep(COMPARE_PAUSE_MS, undefined, { ref: false });
    }
    this.#isComparing = false;
  }

  #end(session: BrokerSession<Own>): void {
    session.isOver = true;
    this.#canary?.close();
    this.#session = undefined;
  }

  #report(session: BrokerSession<Own>, trouble: BackendTrouble | undefined): void {
    if (session.isOver) return;
    this.#setTrouble(trouble);
    this.#options.onTrouble?.(trouble, session);
  }

  #setTrouble(trouble: BackendTrouble | undefined): void {
    this.#trouble = trouble;
    const health = nextHealth(this.#health, trouble ?? this.#options.ownTrouble?.());
    if (health === this.#health) return;
    this.#health = health;
    this.#options.onHealth?.(health);
  }

  #retry(error: unknown, session: BrokerSession<Own> | undefined, nextNode = this.#node + 1): void {
    if (this.#isEnding) return;
    if (session === undefined) this.#setTrouble(troubleOf(error));
    this.#options.onLost(error, session, new URL(brokerNode(this.#options.url, this.#node)).host);
    this.#node = nextNode;
    this.#timer = setTimeout(() => this.start(), backoffMs(this.#options.backoff, this.#failures++));
  }
}

/** Resolves once a message of the canary's is confirmed on this connection. */
async function proveThatItStores(connection: ChannelModel, queue: string): Promise<void> {
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  channel.publish('', queue, Buffer.alloc(0), { persistent: true });
  await channel.waitForConfirms();
}

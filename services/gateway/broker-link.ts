/**
 * The gateway's connection to RabbitMQ: one confirm channel, kept alive for ever.
 *
 *   connecting ──topology declared──► up ──'blocked'──► blocked ──'unblocked'──► up
 *       ▲  └──failed: back-off──┐      └───────┬───────────┘
 *       └───────────────────────┴── away ◄─────┘ connection or channel lost, or silent past the confirm timeout
 *
 * While the connection is up, the canary (broker-canary.ts) can find the broker refusing or silent: `state` then says so, nothing new is
 * published, and it goes on as soon as a message is confirmed.
 *
 * Frames that were published and not confirmed when the link is lost, or the broker found blocked, refusing or silent, are settled at that
 * moment, not by their timeouts.
 */
import amqp from 'amqplib';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { backoffMs } from '../shared/backoff.ts';
import { FRAME_CONTENT_TYPE } from '../shared/frame.ts';
import { blockedBecause, nextHealth, troubleOf } from '../shared/backend-trouble.ts';
import type { BackendHealth, BackendTrouble } from '../shared/backend-trouble.ts';
import { BrokerCanary } from '../shared/broker-canary.ts';
import { brokerNode } from '../shared/broker-nodes.ts';
import { declareTopology } from '../shared/topology.ts';
import type { FrameEnd, FramePublisher, OutgoingFrame } from './frame-collector.ts';

/** ms that one attempt to connect and declare may take. */
const CONNECT_TIMEOUT_MS = 5_000;
const BACKOFF = { firstMs: 100, maxMs: 2_000 };
/** ms within which the topology is not declared again, however many frames come back unroutable. */
const REDECLARE_PAUSE_MS = 1_000;

/** ms for which a refused frame is remembered while the canary's messages are taken: then it is the queue itself that is full. */
const REFUSAL_MEMORY_MS = 5_000;

/** ms in which a broker that has just blocked us, or refused the canary, may still say what became of the frames that it had read. */
const GRACE_MS = 100;

export type LinkState = 'connecting' | 'up' | 'blocked' | 'refusing' | 'silent' | 'away' | 'closed';

export interface BrokerLinkOptions {
  readonly url: string;
  readonly namespace: string;
  /** Shows in RabbitMQ's list of connections. */
  readonly name: string;
  readonly confirmTimeoutMs: number;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** Open frames had better be published now: there is room again, or there is none and they are to be settled. */
  readonly onFlushDue: () => void;
}

interface Flight {
  readonly frame: OutgoingFrame;
  readonly sentAtMs: number;
}

interface Session {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  /** Destroys the socket without asking the broker. */
  readonly abort: AbortController;
  readonly queue: string;
  /** Delivery tag → frame, in the order of publishing. */
  readonly flights: Map<number, Flight>;
  /** Ids of frames that came back unroutable and whose confirm is still to come. */
  readonly returned: Set<string>;
  lastTag: number;
  lastConfirmAtMs: number;
  /** When the first frame was sent that was given up since the last confirm. */
  owingSinceMs: number | undefined;
  /** Frames that the broker confirmed. */
  acks: number;
  canary: BrokerCanary | undefined;
  isOver: boolean;
}

export class BrokerLink implements FramePublisher {
  readonly #options: BrokerLinkOptions;
  #state: LinkState = 'connecting';
  #session: Session | undefined;
  #isWritable = false;
  #attempt = 0;
  /** Which node of the cluster is next; the one that was lost is tried last. */
  #node = 0;
  #lastError: string | undefined;
  /** What the canary found while the connection is up. */
  #finding: BackendTrouble | undefined;
  #health: BackendHealth = { state: 'away', reason: 'the gateway connects', sinceMs: Date.now() };
  #refusedAtMs = -Infinity;
  #redeclaredAtMs = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #watchTimer: NodeJS.Timeout | undefined;
  readonly #waiters = new Set<() => void>();

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
  }

  get state(): LinkState {
    return this.#state === 'up' && this.#finding !== undefined ? this.#finding.state : this.#state;
  }

  /** Whether the broker stores frames, why not, and since when; without addresses or users. */
  get health(): BackendHealth {
    return this.#health;
  }

  get isWritable(): boolean {
    return this.#isWritable;
  }

  /** Why the link is not up; of the latest failure. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Begins to connect; goes on for ever until `close`. */
  start(): void {
    const everyMs = Math.max(10, Math.min(250, this.#options.confirmTimeoutMs / 4));
    this.#watchTimer = setInterval(() => this.#expireFlights(), everyMs);
    this.#watchTimer.unref();
    void this.#connect();
  }

  /** Resolves to true once the link is up, to false after `limitMs`. */
  whenUp(limitMs: number): Promise<boolean> {
    if (this.#health.state === 'ok') return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(finish);
        resolve(this.#health.state === 'ok');
      };
      const timer = setTimeout(finish, limitMs);
      this.#waiters.add(finish);
    });
  }

  publish(frame: OutgoingFrame): void {
    const session = this.#session;
    if (session === undefined || this.state !== 'up') {
      frame.settle('away');
      return;
    }
    try {
      const hasRoom = session.channel.publish('', session.queue, frame.body, {
        messageId: frame.id,
        contentType: FRAME_CONTENT_TYPE,
        persistent: true,
        mandatory: true,
        headers: frame.headers,
      });
      session.flights.set(++session.lastTag, { frame, sentAtMs: Date.now() });
      if (!hasRoom) this.#isWritable = false;
    } catch (error) {
      // amqplib throws when the channel began to close and its event is still to come.
      frame.settle('away');
      this.#lose(session, error);
    }
  }

  /** Ends the link; what is unconfirmed is settled as lost. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#isWritable = false;
    clearTimeout(this.#retryTimer);
    clearInterval(this.#watchTimer);
    const session = this.#session;
    if (session === undefined) return;
    this.#endFlights(session);
    const limit = setTimeout(() => session.abort.abort(), 1_000);
    try {
      await session.connection.close();
    } catch (error) {
      this.#options.log.info(
        { error: describe(error) },
        'the broker was gone before the connection was closed',
      );
    } finally {
      clearTimeout(limit);
    }
  }

  async #connect(): Promise<void> {
    const abort = new AbortController();
    const limit = setTimeout(() => abort.abort(), CONNECT_TIMEOUT_MS);
    let connection: ChannelModel | undefined;
    try {
      // `signal` destroys the socket at any moment, also in the middle of a handshake that the peer never answers.
      const socketOptions = {
        noDelay: true,
        keepAlive: true,
        signal: abort.signal,
        clientProperties: { connection_name: this.#options.name },
      };
      connection = await amqp.connect(brokerNode(this.#options.url, this.#node), socketOptions);
      let failure: unknown;
      connection.on('error', (error: Error) => (failure = error));
      const channel = await connection.createConfirmChannel();
      channel.on('error', (error: Error) => (failure = error));
      const names = await declareTopology(connection, this.#options.namespace);
      if (this.isClosed()) {
        clearTimeout(limit);
        abort.abort();
        return;
      }
      const session: Session = {
        connection,
        channel,
        abort,
        queue: names.queue,
        flights: new Map(),
        returned: new Set(),
        lastTag: 0,
        lastConfirmAtMs: Date.now(),
        owingSinceMs: undefined,
        acks: 0,
        canary: undefined,
        isOver: false,
      };
      connection.on('close', (error?: Error) => this.#lose(session, failure ?? error));
      channel.on('close', () => this.#lose(session, failure));
      this.#listen(session);
      session.canary = await BrokerCanary.open({
        connection,
        queue: names.healthQueue,
        proofs: () => session.acks,
        isWaiting: () => session.flights.size > 0,
        isBlocked: () => this.#state === 'blocked',
        onFinding: (trouble) => this.#handleTrouble(session, trouble),
      });
      clearTimeout(limit);
      this.#session = session;
      this.#attempt = 0;
      this.#becomeUp();
    } catch (error) {
      clearTimeout(limit);
      abort.abort();
      this.#lastError = describe(error);
      this.#emit(troubleOf(error));
      this.#retry();
    }
  }

  #listen(session: Session): void {
    const { channel, connection } = session;
    channel.on('ack', ({ deliveryTag, multiple }) =>
      this.#confirm(session, deliveryTag, multiple, 'confirmed'),
    );
    channel.on('nack', ({ deliveryTag, multiple }) =>
      this.#confirm(session, deliveryTag, multiple, 'nacked'),
    );
    // An unroutable frame comes back before its confirm.
    channel.on('return', (message) => {
      const id: unknown = message.properties.messageId;
      if (typeof id === 'string') session.returned.add(id);
      void this.#redeclare(session);
    });
    channel.on('drain', () => {
      if (session.isOver || this.#state !== 'up') return;
      this.#isWritable = true;
      this.#options.onFlushDue();
    });
    connection.on('blocked', (reason: string) => {
      if (session.isOver) return;
      this.#state = 'blocked';
      this.#isWritable = false;
      this.#lastError = `blocked: ${reason}`;
      this.#emit(blockedBecause(reason));
      this.#giveUpSoon(session);
      // What is still open need not wait for the alarm to end.
      this.#options.onFlushDue();
    });
    connection.on('unblocked', () => {
      if (session.isOver) return;
      session.lastConfirmAtMs = Date.now();
      this.#becomeUp();
      this.#handleTrouble(session, undefined);
    });
  }

  /** The connection stands; whether the broker stores messages is for the canary to say. */
  #becomeUp(): void {
    this.#state = 'up';
    this.#isWritable = true;
    // Until then it is as it was.
    const { state, reason } = this.#health;
    this.#finding = state === 'ok' ? undefined : { state, reason };
    this.#options.onFlushDue();
  }

  /** The canary has found out how the broker is. */
  #handleTrouble(session: Session, trouble: BackendTrouble | undefined): void {
    if (session.isOver || this.#state !== 'up') return;
    this.#finding = trouble;
    const isQueueRefusing = Date.now() - this.#refusedAtMs < REFUSAL_MEMORY_MS;
    this.#emit(trouble ?? (isQueueRefusing ? QUEUE_REFUSES : undefined));
    if (trouble?.state === 'silent') this.#giveUpFlights(session);
    else if (trouble !== undefined) this.#giveUpSoon(session);
    if (trouble !== undefined) {
      // What is still open is settled as never sent.
      this.#options.onFlushDue();
      return;
    }
    this.#lastError = undefined;
    for (const waiter of [...this.#waiters]) waiter();
  }

  #emit(trouble: BackendTrouble | undefined): void {
    const health = nextHealth(this.#health, trouble);
    if (health === this.#health) return;
    this.#health = health;
    const { state, reason } = health;
    if (state === 'ok') this.#options.log.info({}, 'the broker is up');
    else this.#options.log.warn({ state, reason }, 'the broker takes no frames');
  }

  #confirm(session: Session, tag: number, isMultiple: boolean, end: 'confirmed' | 'nacked'): void {
    session.lastConfirmAtMs = Date.now();
    session.owingSinceMs = undefined;
    if (end === 'confirmed') {
      session.acks++;
      this.#refusedAtMs = -Infinity;
    } else {
      this.#refusedAtMs = session.lastConfirmAtMs;
      session.canary?.hurry();
    }
    if (!isMultiple) {
      this.#settle(session, tag, end);
      return;
    }
    // Tags rise in the map's order.
    for (const flightTag of session.flights.keys()) {
      if (flightTag > tag) break;
      this.#settle(session, flightTag, end);
    }
  }

  #settle(session: Session, tag: number, end: FrameEnd): void {
    const flight = session.flights.get(tag);
    // Absent when the frame has timed out: its buyers were answered.
    if (flight === undefined) return;
    session.flights.delete(tag);
    flight.frame.settle(session.returned.delete(flight.frame.id) ? 'returned' : end);
  }

  #expireFlights(): void {
    const session = this.#session;
    if (session === undefined || session.isOver) return;
    const limitMs = this.#options.confirmTimeoutMs;
    const beforeMs = Date.now() - limitMs;
    this.#giveUpFlights(session, beforeMs);
    // A blocked broker is silent too, but says so: its connection is sound and will speak again.
    if (
      this.#state === 'up' &&
      Math.max(session.owingSinceMs ?? Infinity, session.lastConfirmAtMs) <= beforeMs
    )
      this.#lose(session, new Error(`no confirm within ${limitMs} ms`));
  }

  /** Settles what was sent up to a moment: the broker may yet have it, and its buyers need not wait for that. */
  #giveUpFlights(session: Session, untilMs = Infinity): void {
    for (const [tag, { sentAtMs }] of session.flights) {
      if (sentAtMs > untilMs) break;
      session.owingSinceMs ??= sentAtMs;
      this.#settle(session, tag, 'timeout');
    }
  }

  /** The same, if the trouble lasts: what the broker read before may be confirmed or refused just now. */
  #giveUpSoon(session: Session): void {
    if (session.flights.size === 0) return;
    setTimeout(() => {
      if (this.state !== 'up' && !session.isOver) this.#giveUpFlights(session);
    }, GRACE_MS).unref();
  }

  async #redeclare(session: Session): Promise<void> {
    const now = Date.now();
    if (now - this.#redeclaredAtMs < REDECLARE_PAUSE_MS) return;
    this.#redeclaredAtMs = now;
    this.#options.log.warn(
      { queue: session.queue },
      'a frame came back unroutable; declaring the queues again',
    );
    try {
      await declareTopology(session.connection, this.#options.namespace);
    } catch (error) {
      this.#lose(session, error);
    }
  }

  #lose(session: Session, error: unknown): void {
    if (session.isOver) return;
    // First of all: the answers say why.
    if (!this.isClosed()) this.#emit(troubleOf(error));
    this.#endFlights(session);
    session.abort.abort();
    if (this.isClosed()) return;
    this.#session = undefined;
    this.#lastError = describe(error);
    this.#options.log.warn({ error: this.#lastError }, 'the connection to the broker is lost');
    this.#retry();
  }

  /** Answers everything that this session still owes. The state changes first: an answer may bring the next request. */
  #endFlights(session: Session): void {
    session.isOver = true;
    session.canary?.close();
    if (!this.isClosed()) this.#state = 'away';
    this.#isWritable = false;
    const flights = [...session.flights.values()];
    session.flights.clear();
    for (const { frame } of flights) frame.settle('lost');
    // Open frames wait for room that will not come: they go now, and are settled as away.
    this.#options.onFlushDue();
  }

  #retry(): void {
    if (this.isClosed()) return;
    this.#state = 'away';
    this.#node++;
    this.#retryTimer = setTimeout(() => void this.#connect(), backoffMs(BACKOFF, this.#attempt++));
  }

  /** Whether `close` was called. */
  isClosed(): boolean {
    return this.#state === 'closed';
  }
}

const QUEUE_REFUSES: BackendTrouble = {
  state: 'refusing',
  reason: 'the queue of reservations takes no more: it is full, or has lost its leader',
};

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  if (error instanceof Error) return error.message || error.name;
  return error === undefined ? 'the connection was closed' : String(error);
}

/**
 * Publishes frames on a confirm channel and settles each once: confirmed, nacked, returned, timed out or
 * lost.
 *
 * When the connection is lost, or the broker turns out blocked, refusing or silent, the frames without a
 * confirm are settled at that moment. Waiting for their timeouts would hold every buyer for seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel } from 'amqplib';
import { BrokerConnection, DeadConnectionError } from '../shared/amqp/broker-connection.ts';
import type { BrokerSession, LinkState } from '../shared/amqp/broker-connection.ts';
import { TagWindow } from '../shared/amqp/tag-window.ts';
import { declareTopology, REDECLARE_WAIT_MS } from '../shared/amqp/topology.ts';
import type { BackendHealth, BackendTrouble } from '../shared/backend-trouble.ts';
import { errorText } from '../shared/error-text.ts';
import { FRAME_CONTENT_TYPE, type FrameHeaders } from '../shared/frame.ts';
import type { RareCounts } from '../shared/rare-paths.ts';
import { step } from '../shared/stop-points.ts';
import { withLimit } from '../shared/time-limit.ts';
import type { FrameEnd, FramePublisher, OutgoingMessage } from './frame-collector.ts';

const BACKOFF = { firstMs: 100, maxMs: 1_000 };
/** ms in which the topology is declared once at most, however many frames come back unroutable. */
const REDECLARE_PAUSE_MS = 1_000;
/** ms after a nack in which the queue itself counts as full, if the canary's messages are stored. */
const REFUSAL_MEMORY_MS = 5_000;
/**
 * ms after which a session whose frames were all nacked is replaced: its channel may have met the queue without a leader (see
 * BrokerConnection's compare). Where the queue is full, nothing is lost by it either.
 */
const NACKED_SESSION_MS = 1_000;
/** ms that a broker in trouble gets to confirm or refuse the frames that it had read before. */
const GRACE_MS = 100;

/** ms that a reader of the metrics waits for the length of the queue. */
const QUEUE_LENGTH_LIMIT_MS = 1_000;

const QUEUE_REFUSES: BackendTrouble = {
  state: 'refusing',
  reason: 'the queue of reservations takes no more: it is full, or has lost its leader',
};

const NO_HEADERS: Readonly<Record<keyof FrameHeaders, undefined>> = {
  v: undefined,
  n: undefined,
  sale: undefined,
  gen: undefined,
  t: undefined,
  replayed: undefined,
  traceparent: undefined,
  traced: undefined,
};
/**
 * Of the message that is being published. One object for all: amqplib makes it the prototype of another one, and V8 keeps 1 KB for
 * each prototype, with what it refers to, until a full collection. At 9,000 reservations/s those came every 2 s and took 20 to 60 ms.
 */
const HEADERS = { ...NO_HEADERS };

export interface BrokerLinkOptions {
  readonly url: string;
  readonly namespace: string;
  /** Shows in RabbitMQ's list of connections. */
  readonly name: string;
  readonly confirmTimeoutMs: number;
  readonly rare: RareCounts<'gateway'>;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /**
   * Open frames should be published now: there is room again, or there will be none and they must be settled.
   */
  readonly onFlushDue: () => void;
}

interface Flight {
  readonly frame: OutgoingMessage;
  readonly sentAtMs: number;
}

/** What was published in one session and waits for its confirm. */
interface Flights {
  readonly session: BrokerSession<ConfirmChannel>;
  readonly sinceMs: number;
  /** Delivery tag → frame, in the order of publishing. */
  readonly byTag: TagWindow<Flight>;
  /** Ids of frames that came back unroutable and whose confirm is still to come. */
  readonly returned: Set<string>;
  lastTag: number;
  lastConfirmAtMs: number;
  /** When the oldest frame was sent that was given up since the last confirm. */
  owingSinceMs: number | undefined;
  /** Frames that the broker confirmed. */
  acks: number;
  isBlocked: boolean;
  isSilent: boolean;
}

export class BrokerLink implements FramePublisher {
  readonly #options: BrokerLinkOptions;
  readonly #connection: BrokerConnection<ConfirmChannel>;
  #flights: Flights | undefined;
  #isWritable = false;
  #hasBeenUp = false;
  #lastError: string | undefined;
  #refusedAtMs = -Infinity;
  #redeclaredAtMs = -Infinity;
  #watchTimer: NodeJS.Timeout | undefined;
  readonly #waiters = new Set<() => void>();

  constructor(options: BrokerLinkOptions) {
    const { url, namespace, name, log } = options;
    this.#options = options;
    this.#connection = new BrokerConnection<ConfirmChannel>({
      url,
      namespace,
      name,
      backoff: BACKOFF,
      createChannel: (connection) => connection.createConfirmChannel(),
      onOpen: (session) => this.#begin(session),
      onLost: (error, session, node) => {
        this.#lastError = `${node}: ${errorText(error)}`;
        if (session === undefined) return;
        if (error instanceof DeadConnectionError) options.rare.gatewayLinkDead++;
        this.#endFlights();
        log.warn({ error: this.#lastError }, 'the connection to the broker is lost');
      },
      onTrouble: (trouble, session) => this.#handleTrouble(trouble, session),
      onHealth: ({ state, reason }) => {
        if (state !== 'ok') return log.warn({ state, reason }, 'the broker takes no frames');
        log.info({}, 'the broker is up');
        for (const waiter of [...this.#waiters]) waiter();
      },
      ownTrouble: () =>
        performance.now() - this.#refusedAtMs < REFUSAL_MEMORY_MS ? QUEUE_REFUSES : undefined,
      proofs: () => this.#flights?.acks ?? 0,
      isWaiting: () => (this.#flights?.byTag.size ?? 0) > 0,
    });
  }

  get state(): LinkState {
    return this.#connection.state;
  }

  /** Whether the broker stores frames, why not, and since when; without addresses or users. */
  get health(): BackendHealth {
    return this.#connection.health;
  }

  get isWritable(): boolean {
    return this.#isWritable;
  }

  /** Messages in the queue that no worker has in hand; `undefined` when the broker does not say in time. */
  async queueLength(): Promise<number | undefined> {
    const session = this.#connection.session;
    if (session === undefined || this.state !== 'up') return undefined;
    const { connection, names } = session;
    const ask = async (): Promise<number> => {
      // A channel of its own, which the broker closes when there is no such queue.
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      const { messageCount } = await channel.checkQueue(names.queue);
      await channel.close();
      return messageCount;
    };
    return await withLimit(ask(), QUEUE_LENGTH_LIMIT_MS, 'no answer').catch(() => undefined);
  }

  /** Why the latest attempt or connection failed. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Connects, and stays connected until `close`. */
  start(): void {
    const everyMs = Math.max(10, Math.min(250, this.#options.confirmTimeoutMs / 4));
    this.#watchTimer = setInterval(() => this.#expireFlights(), everyMs);
    this.#watchTimer.unref();
    this.#connection.start();
  }

  /** Resolves to true once the broker stores frames, to false after `limitMs`. */
  whenUp(limitMs: number): Promise<boolean> {
    if (this.health.state === 'ok') return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(finish);
        resolve(this.health.state === 'ok');
      };
      const timer = setTimeout(finish, limitMs);
      this.#waiters.add(finish);
    });
  }

  publish(frame: OutgoingMessage): void {
    const flights = this.#flights;
    if (flights === undefined || this.state !== 'up') {
      frame.settle('away');
      return;
    }
    const { session } = flights;
    step('gateway.before-publish');
    try {
      const hasRoom = session.channel.publish('', session.names.queue, frame.body, {
        messageId: frame.id,
        contentType: FRAME_CONTENT_TYPE,
        persistent: true,
        mandatory: true,
        headers: Object.assign(HEADERS, NO_HEADERS, frame.headers),
      });
      flights.byTag.set(++flights.lastTag, { frame, sentAtMs: performance.now() });
      if (!hasRoom) this.#isWritable = false;
      step('gateway.after-publish');
    } catch (error) {
      // amqplib throws on a channel that has begun to close, before it emits `close`.
      frame.settle('away');
      this.#connection.lose(session, error);
    }
  }

  /** Ends the link. Frames without a confirm are settled as lost. */
  async close(): Promise<void> {
    clearInterval(this.#watchTimer);
    const closed = this.#connection.close();
    this.#endFlights();
    await closed;
  }

  #begin(session: BrokerSession<ConfirmChannel>): void {
    const { channel } = session;
    const flights: Flights = {
      session,
      sinceMs: performance.now(),
      byTag: new TagWindow(),
      returned: new Set(),
      lastTag: 0,
      lastConfirmAtMs: performance.now(),
      owingSinceMs: undefined,
      acks: 0,
      isBlocked: false,
      isSilent: false,
    };
    this.#flights = flights;
    this.#isWritable = true;
    if (this.#hasBeenUp) this.#options.rare.gatewayReconnected++;
    this.#hasBeenUp = true;
    channel.on('ack', ({ deliveryTag, multiple }) =>
      this.#confirm(flights, deliveryTag, multiple, 'confirmed'),
    );
    channel.on('nack', ({ deliveryTag, multiple }) =>
      this.#confirm(flights, deliveryTag, multiple, 'nacked'),
    );
    // An unroutable frame comes back before its confirm.
    channel.on('return', (message) => {
      const id: unknown = message.properties.messageId;
      if (typeof id === 'string') flights.returned.add(id);
      void this.#redeclare(session);
    });
    channel.on('drain', () => {
      if (session.isOver || flights.isBlocked) return;
      this.#isWritable = true;
      this.#options.onFlushDue();
    });
  }

  #handleTrouble(trouble: BackendTrouble | undefined, session: BrokerSession<ConfirmChannel>): void {
    const flights = this.#flights;
    if (flights?.session !== session) return;
    const { isBlocked: wasBlocked, isSilent: wasSilent } = flights;
    flights.isBlocked = trouble?.state === 'blocked';
    flights.isSilent = trouble?.state === 'silent';
    if (flights.isBlocked && !wasBlocked) this.#options.rare.brokerBlocked++;
    if (flights.isSilent && !wasSilent) this.#options.rare.brokerSilent++;
    if (trouble === undefined) {
      this.#lastError = undefined;
      if (!wasBlocked) return;
      flights.lastConfirmAtMs = performance.now();
      this.#isWritable = true;
    } else {
      this.#lastError = trouble.reason;
      if (flights.isBlocked) this.#isWritable = false;
      if (flights.isSilent) this.#giveUp(flights);
      else this.#giveUpSoon(flights);
    }
    // In trouble, open frames are settled as never sent instead of waiting for its end.
    this.#options.onFlushDue();
  }

  #confirm(flights: Flights, tag: number, isMultiple: boolean, end: 'confirmed' | 'nacked'): void {
    flights.lastConfirmAtMs = performance.now();
    flights.owingSinceMs = undefined;
    if (end === 'confirmed') {
      flights.acks++;
      this.#refusedAtMs = -Infinity;
    } else {
      this.#refusedAtMs = flights.lastConfirmAtMs;
      this.#connection.probe();
    }
    if (!isMultiple) this.#settle(flights, tag, end);
    else {
      if (flights.byTag.get(tag) === undefined) this.#options.rare.confirmLate++;
      for (const [flightTag] of flights.byTag) {
        if (flightTag > tag) break;
        this.#settle(flights, flightTag, end);
      }
    }
    const isStuck = flights.acks === 0 && flights.lastConfirmAtMs - flights.sinceMs >= NACKED_SESSION_MS;
    if (isStuck && flights.byTag.size === 0)
      this.#connection.lose(flights.session, new Error('every frame of this connection was nacked'));
  }

  #settle(flights: Flights, tag: number, end: FrameEnd): void {
    const flight = flights.byTag.get(tag);
    // Absent when the frame has timed out: its buyers were answered.
    if (flight === undefined) {
      this.#options.rare.confirmLate++;
      return;
    }
    flights.byTag.delete(tag);
    if (end === 'confirmed') step('gateway.after-confirm');
    flight.frame.settle(flights.returned.delete(flight.frame.id) ? 'returned' : end);
  }

  #expireFlights(): void {
    const flights = this.#flights;
    if (flights === undefined || flights.session.isOver) return;
    const limitMs = this.#options.confirmTimeoutMs;
    const beforeMs = performance.now() - limitMs;
    this.#giveUp(flights, beforeMs);
    // A blocked broker confirms nothing either, but it says so, and its connection will go on.
    if (flights.isBlocked) return;
    if (Math.max(flights.owingSinceMs ?? Infinity, flights.lastConfirmAtMs) <= beforeMs)
      this.#connection.lose(flights.session, new Error(`no confirm within ${limitMs} ms`));
  }

  /**
   * Settles what was sent up to a moment. The broker may still have it, but its buyers need not wait for
   * that.
   */
  #giveUp(flights: Flights, untilMs = Infinity): void {
    for (const [tag, { sentAtMs }] of flights.byTag) {
      if (sentAtMs > untilMs) break;
      flights.owingSinceMs ??= sentAtMs;
      this.#settle(flights, tag, 'timeout');
    }
  }

  /** The same after GRACE_MS, if the trouble lasts. */
  #giveUpSoon(flights: Flights): void {
    if (flights.byTag.size === 0) return;
    setTimeout(() => {
      if (this.state !== 'up' && !flights.session.isOver) this.#giveUp(flights);
    }, GRACE_MS).unref();
  }

  async #redeclare(session: BrokerSession<ConfirmChannel>): Promise<void> {
    const now = performance.now();
    if (now - this.#redeclaredAtMs < REDECLARE_PAUSE_MS) return;
    this.#redeclaredAtMs = now;
    const { queue } = session.names;
    this.#options.log.warn({ queue }, 'a frame came back unroutable: declaring the queues again');
    await sleep(REDECLARE_WAIT_MS, undefined, { ref: false });
    if (session.isOver) return;
    try {
      await declareTopology(session.connection, this.#options.namespace, this.#options.url);
    } catch (error) {
      this.#connection.lose(session, error);
    }
  }

  /**
   * Settles what this session still owes. By now `state` is not `up`: an answer may bring the next request.
   */
  #endFlights(): void {
    const flights = this.#flights;
    this.#flights = undefined;
    this.#isWritable = false;
    for (const [tag, { frame }] of flights?.byTag ?? []) {
      flights?.byTag.delete(tag);
      frame.settle('lost');
    }
    // Open frames wait for room that will not come: they are settled as away.
    this.#options.onFlushDue();
  }
}

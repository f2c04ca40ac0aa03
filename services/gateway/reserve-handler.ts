/**
 * `POST /reserve`, from the parsed body to the answer. It uses callbacks: at this rate, a promise per request
 * would cost more than the work itself.
 */
import { idempotencyDigest } from '../shared/idempotency.ts';
import { keyedId, parseReservationId } from '../shared/ids.ts';
import { outcomeAt } from '../shared/outcomes.ts';
import type { RareCounts } from '../shared/rare-paths.ts';
import { describeTrouble } from '../shared/backend-trouble.ts';
import type { BackendHealth } from '../shared/backend-trouble.ts';
import type { SaleFacts } from '../shared/sales.ts';
import type { LinkState } from '../shared/amqp/broker-connection.ts';
import type { Answerer, FrameCollector, FrameEnd, SettledFrame } from './frame-collector.ts';
import type { GatewayCounters } from './gateway-counters.ts';
import { invalid, rejection } from './problems.ts';
import type { Rejection } from './problems.ts';
import { KEY_RULE, checkReserveRequest, isIdempotencyKey } from './reserve-request.ts';
import type { ReserveReply } from './reserve-reply.ts';
import type { ReserveRequest } from './reserve-request.ts';

/** What the handler needs of the sale cache. */
export interface SaleLookup {
  /** The cached sale. */
  get(saleId: string): SaleFacts | undefined;
  /** The sale from Redis or Postgres. Rejects when neither can answer. */
  find(saleId: string): Promise<SaleFacts | undefined>;
}

/** What the handler looks up about a keyed reservation. */
export interface KeyLookup {
  /** The key's record in this generation, while Redis has it. Rejects within a limit when Redis is away. */
  record(sale: SaleFacts, digest: string): Promise<string | undefined>;
  /** Whether Postgres holds a ticket that Redis has lost. Rejects when neither can answer. */
  isGranted(sale: SaleFacts, reservationId: string): Promise<boolean>;
}

/** Rejections that are always the same, serialised once. */
export interface FixedRejections {
  readonly unknownSale: Rejection;
  readonly saleClosed: Rejection;
  readonly soldOut: Rejection;
  readonly keyReused: Rejection;
  readonly overloaded: Rejection;
  readonly storeAway: Rejection;
  readonly stopping: Rejection;
}

/** @param retryAfterSec `Retry-After` of those that a later try may avoid */
export function fixedRejections(retryAfterSec: number): FixedRejections {
  const later = { retryAfterSec };
  return {
    unknownSale: rejection('unknown-sale', 'Neither Redis nor Postgres knows the sale.'),
    saleClosed: rejection('sale-closed', 'The sale takes no reservations while it is closed.'),
    soldOut: rejection('sold-out', 'All units are sold, and the sale is in mode `shed`.'),
    keyReused: rejection(
      'idempotency-key-reused',
      'In this sale the key was sent with another userId or quantity. Use a new key, such as a UUID, for each reservation, and repeat a key only with the same body.',
    ),
    overloaded: rejection('overloaded', 'Nothing was queued; try again.', later),
    storeAway: rejection('store-away', 'Nothing was queued; the sale could not be looked up.', later),
    stopping: rejection('stopping', 'Nothing was queued; send it to another gateway.', later),
  };
}

const SICK_KINDS = {
  away: 'broker-away',
  silent: 'broker-away',
  blocked: 'broker-blocked',
  refusing: 'broker-refused',
} as const;

/** The answer while the broker stores nothing: why, and since when. */
export function brokerRejection(health: BackendHealth, retryAfterSec: number): Rejection {
  // The broker may have recovered, or not be known to be away yet. It is only known that the frame was not
  // sent.
  if (health.state === 'ok')
    return rejection('broker-away', 'Nothing was queued; the gateway is reconnecting.', { retryAfterSec });
  return rejection(
    SICK_KINDS[health.state],
    `${describeTrouble('RabbitMQ', health)} Nothing was queued; try again.`,
    {
      retryAfterSec,
      part: 'broker',
      health,
    },
  );
}

/** The rare path that each end of a frame is. */
const RARE_ENDS = {
  away: 'frameNotSent',
  nacked: 'frameNacked',
  returned: 'frameReturned',
  timeout: 'confirmTimeout',
  lost: 'confirmLost',
} as const;

/** Writes the answers of frames. */
export class ReserveAnswerer implements Answerer<ReserveReply> {
  readonly #counters: GatewayCounters;
  readonly #retryAfterSec: number;
  readonly #brokerHealth: () => BackendHealth;
  readonly #observe: (count: number, end: FrameEnd, tookMs: number) => void;

  /** @param observe called with each settled message, for the histograms */
  constructor(
    counters: GatewayCounters,
    retryAfterSec: number,
    brokerHealth: () => BackendHealth,
    observe: (count: number, end: FrameEnd, tookMs: number) => void,
  ) {
    this.#counters = counters;
    this.#retryAfterSec = retryAfterSec;
    this.#brokerHealth = brokerHealth;
    this.#observe = observe;
  }

  accept(reply: ReserveReply, reservationId: string): void {
    reply.accept(reservationId);
  }

  /** Repeats the answer to a reservation that was accepted before. */
  repeat(reply: ReserveReply, reservationId: string): void {
    this.#counters.rare.keyReplayed++;
    reply.accept(reservationId);
  }

  fail(reply: ReserveReply, reservationId: string, end: Exclude<FrameEnd, 'confirmed'>): void {
    this.reject(reply, this.#failure(reservationId, end));
  }

  onSettled(frames: Iterable<SettledFrame>, count: number, end: FrameEnd, tookMs: number): void {
    this.#observe(count, end, tookMs);
    const counters = this.#counters;
    if (end !== 'confirmed') {
      counters.rare[RARE_ENDS[end]]++;
      return;
    }
    counters.accepted += count;
    const { acceptedBySale } = counters;
    for (const { saleId, count: ofSale } of frames) {
      counters.frames++;
      acceptedBySale.set(saleId, (acceptedBySale.get(saleId) ?? 0) + ofSale);
    }
  }

  reject(reply: ReserveReply, given: Rejection): void {
    this.#counters.countRejection(given.kind);
    reply.reject(given);
  }

  #failure(reservationId: string, end: Exclude<FrameEnd, 'confirmed'>): Rejection {
    const retryAfterSec = this.#retryAfterSec;
    switch (end) {
      case 'away':
        return brokerRejection(this.#brokerHealth(), retryAfterSec);
      case 'nacked':
        return rejection('broker-refused', 'Nothing was queued; the queue is full or has lost its leader.', {
          retryAfterSec,
        });
      case 'returned':
        return rejection('broker-refused', 'Nothing was queued; the missing queue is being declared again.', {
          retryAfterSec,
        });
      case 'lost':
      case 'timeout':
        return unconfirmed(reservationId, retryAfterSec);
    }
  }
}

/**
 * The broker may or may not have the reservation. With a key, a repeat is recognised and safe. Without one
 * there is no `Retry-After`: clients would send it again by themselves, and could buy twice.
 */
function unconfirmed(reservationId: string, retryAfterSec: number): Rejection {
  const isKeyed = parseReservationId(reservationId)?.kind === 'keyed';
  const lead = 'The reservation was sent, but RabbitMQ did not confirm it: it may be queued.';
  const advice = isKeyed
    ? 'Send it again with the same Idempotency-Key and body: it is decided once.'
    : 'Do not send it again, which could buy twice. Ask for it at GET /reservations/{id}; while that answers `queued`, it may still be granted. Use an Idempotency-Key to make reservations safe to repeat.';
  return rejection('unconfirmed', `${lead} ${advice}`, {
    reservationId,
    ...(isKeyed ? { retryAfterSec } : {}),
  });
}

export interface ReserveHandlerOptions {
  readonly sales: SaleLookup;
  readonly keys: KeyLookup;
  readonly collector: FrameCollector<ReserveReply>;
  readonly answerer: ReserveAnswerer;
  readonly rare: RareCounts<'gateway'>;
  readonly rejections: FixedRejections;
  readonly linkState: () => LinkState;
  readonly brokerHealth: () => BackendHealth;
  readonly retryAfterSec: number;
  /** Logs a failed look-up. */
  readonly onLookupError: (saleId: string, error: unknown) => void;
}

export class ReserveHandler {
  readonly #options: ReserveHandlerOptions;
  #isStopping = false;
  /** The rejection for the broker's present health, serialised once. */
  #sick: { readonly health: BackendHealth; readonly rejection: Rejection } | undefined;

  constructor(options: ReserveHandlerOptions) {
    this.#options = options;
  }

  /** From now on every reservation is rejected. Those in flight are finished. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Answers one reservation. `key` is the Idempotency-Key header, if any. */
  handle(body: unknown, key: string | string[] | undefined, reply: ReserveReply): void {
    const { answerer, sales, rejections } = this.#options;
    const checked = checkReserveRequest(body);
    if (Array.isArray(checked)) {
      answerer.reject(reply, invalid(checked));
      return;
    }
    if (key !== undefined && !isIdempotencyKey(key)) {
      answerer.reject(reply, invalid([{ field: 'Idempotency-Key', message: KEY_RULE }]));
      return;
    }
    const sale = sales.get(checked.saleId);
    if (sale !== undefined) {
      this.#route(sale, checked, key, reply);
      return;
    }
    sales.find(checked.saleId).then(
      (found) => {
        if (found === undefined) answerer.reject(reply, rejections.unknownSale);
        else this.#route(found, checked, key, reply);
      },
      (error: unknown) => {
        this.#options.rare.saleNotFound++;
        this.#options.onLookupError(checked.saleId, error);
        answerer.reject(reply, rejections.storeAway);
      },
    );
  }

  #whileBrokerIsSick(): Rejection {
    const health = this.#options.brokerHealth();
    if (this.#sick?.health !== health)
      this.#sick = { health, rejection: brokerRejection(health, this.#options.retryAfterSec) };
    return this.#sick.rejection;
  }

  #route(sale: SaleFacts, request: ReserveRequest, key: string | undefined, reply: ReserveReply): void {
    if (key !== undefined) {
      void this.#handleKeyed(sale, request, key, reply);
      return;
    }
    const rejected = this.#rejectionBySale(sale, request.quantity);
    if (rejected === undefined) this.#enqueue(sale, request, undefined, reply);
    else this.#options.answerer.reject(reply, rejected);
  }

  /**
   * Looks up the key before anything else: a repeat gets the same answer as before, even when the sale is
   * closed or sold out by now. Its promise never rejects.
   */
  async #handleKeyed(
    sale: SaleFacts,
    request: ReserveRequest,
    key: string,
    reply: ReserveReply,
  ): Promise<void> {
    const { answerer, rejections, rare, keys, onLookupError } = this.#options;
    const digest = idempotencyDigest(key, request.userId, request.quantity);
    const id = keyedId(sale.id, digest);
    const rejected = this.#rejectionBySale(sale, request.quantity);
    let isRedisAway = false;
    try {
      const record = await keys.record(sale, digest);
      if (record !== undefined) {
        const outcome = outcomeAt(record, 0);
        if (outcome.status === 'refused' && outcome.reason === 'key_reused') {
          rare.keyReused++;
          answerer.reject(reply, rejections.keyReused);
        } else answerer.repeat(reply, id);
        return;
      }
    } catch (error) {
      // The worker looks the key up again before it decides, so only a reservation that is rejected here
      // needs the answer.
      isRedisAway = true;
      rare.keyNotLookedUp++;
      onLookupError(sale.id, error);
    }
    if (rejected === undefined) {
      this.#enqueue(sale, request, digest, reply);
      return;
    }
    try {
      if (await keys.isGranted(sale, id)) {
        rare.keyFoundInPostgres++;
        answerer.repeat(reply, id);
      } else answerer.reject(reply, isRedisAway ? rejections.storeAway : rejected);
    } catch (error) {
      onLookupError(sale.id, error);
      answerer.reject(reply, rejections.storeAway);
    }
  }

  /** Why the sale takes no such reservation, as far as the gateway knows. */
  #rejectionBySale(sale: SaleFacts, quantity: number): Rejection | undefined {
    const { rejections } = this.#options;
    if (sale.status !== 'open') return rejections.saleClosed;
    if (quantity > sale.perBuyerLimit) {
      // It could never be granted, so it need not go through the queue.
      const message = `must be at most ${sale.perBuyerLimit}, the sale's limit for one buyer`;
      return invalid([{ field: 'quantity', message }]);
    }
    return sale.isSoldOut && sale.mode === 'shed' ? rejections.soldOut : undefined;
  }

  #enqueue(
    sale: SaleFacts,
    { userId, quantity }: ReserveRequest,
    digest: string | undefined,
    reply: ReserveReply,
  ): void {
    const { answerer, rejections, rare, collector } = this.#options;
    if (this.#isStopping) answerer.reject(reply, rejections.stopping);
    else if (this.#options.linkState() !== 'up') answerer.reject(reply, this.#whileBrokerIsSick());
    else if (!collector.add(sale, userId, quantity, digest, reply)) {
      rare.buffersFull++;
      answerer.reject(reply, rejections.overloaded);
    }
  }
}

/**
 * `POST /reserve`, from the parsed body to the answer. It uses callbacks: at this rate, a promise per request would cost
 * more than the work itself.
 */
import { idempotencyDigest } from '../shared/idempotency.ts';
import { keyedId, parseReservationId } from '../shared/ids.ts';
import { outcomeAt } from '../shared/outcomes.ts';
import { describeTrouble } from '../shared/backend-trouble.ts';
import type { BackendHealth } from '../shared/backend-trouble.ts';
import type { SaleFacts } from '../shared/sales.ts';
import type { LinkState } from '../shared/amqp/broker-connection.ts';
import type { Answerer, FrameCollector, FrameEnd } from './frame-collector.ts';
import type { GatewayCounters } from './gateway-counters.ts';
import { invalid, refusal } from './problems.ts';
import type { Refusal } from './problems.ts';
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
export interface FixedRefusals {
  readonly unknownSale: Refusal;
  readonly saleClosed: Refusal;
  readonly soldOut: Refusal;
  readonly keyReused: Refusal;
  readonly overloaded: Refusal;
  readonly storeAway: Refusal;
  readonly stopping: Refusal;
}

/** @param retryAfterSec `Retry-After` of those that a later try may avoid */
export function fixedRefusals(retryAfterSec: number): FixedRefusals {
  const later = { retryAfterSec };
  return {
    unknownSale: refusal('unknown-sale', 'Neither Redis nor Postgres knows the sale.'),
    saleClosed: refusal('sale-closed', 'The sale takes no reservations while it is closed.'),
    soldOut: refusal('sold-out', 'All units are sold, and the sale is in mode `shed`.'),
    keyReused: refusal(
      'idempotency-key-reused',
      'In this sale the key was sent with another userId or quantity. Use a new key, such as a UUID, for each reservation, and repeat a key only with the same body.',
    ),
    overloaded: refusal('overloaded', 'Nothing was queued; try again.', later),
    storeAway: refusal('store-away', 'Nothing was queued; the sale could not be looked up.', later),
    stopping: refusal('stopping', 'Nothing was queued; send it to another gateway.', later),
  };
}

const SICK_KINDS = {
  away: 'broker-away',
  silent: 'broker-away',
  blocked: 'broker-blocked',
  refusing: 'broker-refused',
} as const;

/** The answer while the broker stores nothing: why, and since when. */
export function brokerRefusal(health: BackendHealth, retryAfterSec: number): Refusal {
  // The broker may have recovered, or not be known to be away yet. It is only known that the frame was not sent.
  if (health.state === 'ok')
    return refusal('broker-away', 'Nothing was queued; the gateway is reconnecting.', { retryAfterSec });
  return refusal(
    SICK_KINDS[health.state],
    `${describeTrouble('RabbitMQ', health)} Nothing was queued; try again.`,
    {
      retryAfterSec,
      part: 'broker',
      health,
    },
  );
}

/** Writes the answers of frames. */
export class ReserveAnswerer implements Answerer<ReserveReply> {
  readonly #counters: GatewayCounters;
  readonly #retryAfterSec: number;
  readonly #brokerHealth: () => BackendHealth;
  readonly #observe: (count: number, end: FrameEnd, tookMs: number) => void;

  /** @param observe called with each settled frame, for the histograms */
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
    this.#counters.repeated++;
    reply.accept(reservationId);
  }

  fail(reply: ReserveReply, reservationId: string, end: Exclude<FrameEnd, 'confirmed'>): void {
    this.refuse(reply, this.#failure(reservationId, end));
  }

  onSettled(saleId: string, count: number, end: FrameEnd, tookMs: number): void {
    this.#observe(count, end, tookMs);
    if (end !== 'confirmed') return;
    const counters = this.#counters;
    counters.frames++;
    counters.accepted += count;
    counters.acceptedBySale.set(saleId, (counters.acceptedBySale.get(saleId) ?? 0) + count);
  }

  refuse(reply: ReserveReply, given: Refusal): void {
    this.#counters.refused[given.kind]++;
    reply.refuse(given);
  }

  #failure(reservationId: string, end: Exclude<FrameEnd, 'confirmed'>): Refusal {
    const retryAfterSec = this.#retryAfterSec;
    switch (end) {
      case 'away':
        return brokerRefusal(this.#brokerHealth(), retryAfterSec);
      case 'nacked':
        return refusal('broker-refused', 'Nothing was queued; the queue is full or has lost its leader.', {
          retryAfterSec,
        });
      case 'returned':
        return refusal('broker-refused', 'Nothing was queued; the missing queue is being declared again.', {
          retryAfterSec,
        });
      case 'lost':
      case 'timeout':
        return unconfirmed(reservationId, retryAfterSec);
    }
  }
}

/**
 * The broker may or may not have the reservation. With a key, a repeat is recognised and safe. Without one there is no
 * `Retry-After`: clients would send it again by themselves, and could buy twice.
 */
function unconfirmed(reservationId: string, retryAfterSec: number): Refusal {
  const isKeyed = parseReservationId(reservationId)?.kind === 'keyed';
  const lead = 'The reservation was sent, but RabbitMQ did not confirm it: it may be queued.';
  const advice = isKeyed
    ? 'Send it again with the same Idempotency-Key and body: it is decided once.'
    : 'Do not send it again, which could buy twice. Ask for it at GET /reservations/{id}; while that answers `queued`, it may still be granted. Use an Idempotency-Key to make reservations safe to repeat.';
  return refusal('unconfirmed', `${lead} ${advice}`, {
    reservationId,
    ...(isKeyed ? { retryAfterSec } : {}),
  });
}

export interface ReserveHandlerOptions {
  readonly sales: SaleLookup;
  readonly keys: KeyLookup;
  readonly collector: FrameCollector<ReserveReply>;
  readonly answerer: ReserveAnswerer;
  readonly refusals: FixedRefusals;
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
  #sick: { readonly health: BackendHealth; readonly refusal: Refusal } | undefined;

  constructor(options: ReserveHandlerOptions) {
    this.#options = options;
  }

  /** From now on every reservation is rejected. Those in flight are finished. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Answers one reservation. `key` is the Idempotency-Key header, if any. */
  handle(body: unknown, key: string | string[] | undefined, reply: ReserveReply): void {
    const { answerer, sales, refusals } = this.#options;
    const checked = checkReserveRequest(body);
    if (Array.isArray(checked)) {
      answerer.refuse(reply, invalid(checked));
      return;
    }
    if (key !== undefined && !isIdempotencyKey(key)) {
      answerer.refuse(reply, invalid([{ field: 'Idempotency-Key', message: KEY_RULE }]));
      return;
    }
    const sale = sales.get(checked.saleId);
    if (sale !== undefined) {
      this.#route(sale, checked, key, reply);
      return;
    }
    sales.find(checked.saleId).then(
      (found) => {
        if (found === undefined) answerer.refuse(reply, refusals.unknownSale);
        else this.#route(found, checked, key, reply);
      },
      (error: unknown) => {
        this.#options.onLookupError(checked.saleId, error);
        answerer.refuse(reply, refusals.storeAway);
      },
    );
  }

  #whileBrokerIsSick(): Refusal {
    const health = this.#options.brokerHealth();
    if (this.#sick?.health !== health)
      this.#sick = { health, refusal: brokerRefusal(health, this.#options.retryAfterSec) };
    return this.#sick.refusal;
  }

  #route(sale: SaleFacts, request: ReserveRequest, key: string | undefined, reply: ReserveReply): void {
    if (key !== undefined) {
      void this.#handleKeyed(sale, request, key, reply);
      return;
    }
    const refused = this.#refusalBySale(sale, request.quantity);
    if (refused === undefined) this.#enqueue(sale, request, undefined, reply);
    else this.#options.answerer.refuse(reply, refused);
  }

  /**
   * Looks up the key before anything else: a repeat gets the same answer as before, even when the sale is closed or sold
   * out by now. Its promise never rejects.
   */
  async #handleKeyed(
    sale: SaleFacts,
    request: ReserveRequest,
    key: string,
    reply: ReserveReply,
  ): Promise<void> {
    const { answerer, refusals, keys, onLookupError } = this.#options;
    const digest = idempotencyDigest(key, request.userId, request.quantity);
    const id = keyedId(sale.id, digest);
    const refused = this.#refusalBySale(sale, request.quantity);
    let isRedisAway = false;
    try {
      const record = await keys.record(sale, digest);
      if (record !== undefined) {
        const outcome = outcomeAt(record, 0);
        if (outcome.status === 'refused' && outcome.reason === 'key_reused')
          answerer.refuse(reply, refusals.keyReused);
        else answerer.repeat(reply, id);
        return;
      }
    } catch (error) {
      // The worker looks the key up again before it decides, so only a reservation that is rejected here needs the answer.
      isRedisAway = true;
      onLookupError(sale.id, error);
    }
    if (refused === undefined) {
      this.#enqueue(sale, request, digest, reply);
      return;
    }
    try {
      if (await keys.isGranted(sale, id)) answerer.repeat(reply, id);
      else answerer.refuse(reply, isRedisAway ? refusals.storeAway : refused);
    } catch (error) {
      onLookupError(sale.id, error);
      answerer.refuse(reply, refusals.storeAway);
    }
  }

  /** Why the sale takes no such reservation, as far as the gateway knows. */
  #refusalBySale(sale: SaleFacts, quantity: number): Refusal | undefined {
    const { refusals } = this.#options;
    if (sale.status !== 'open') return refusals.saleClosed;
    if (quantity > sale.perBuyerLimit) {
      // It could never be granted, so it need not go through the queue.
      const message = `must be at most ${sale.perBuyerLimit}, the sale's limit for one buyer`;
      return invalid([{ field: 'quantity', message }]);
    }
    return sale.isSoldOut && sale.mode === 'shed' ? refusals.soldOut : undefined;
  }

  #enqueue(
    sale: SaleFacts,
    { userId, quantity }: ReserveRequest,
    digest: string | undefined,
    reply: ReserveReply,
  ): void {
    const { answerer, refusals, collector } = this.#options;
    if (this.#isStopping) answerer.refuse(reply, refusals.stopping);
    else if (this.#options.linkState() !== 'up') answerer.refuse(reply, this.#whileBrokerIsSick());
    else if (!collector.add(sale, userId, quantity, digest, reply))
      answerer.refuse(reply, refusals.overloaded);
  }
}

/**
 * `POST /reserve`, from the parsed body to the answer. It writes to Node's response itself: at this rate the framework's reply object,
 * its hooks and a promise per request cost more than the work.
 */
import type { ServerResponse } from 'node:http';
import { idempotencyDigest } from '../shared/idempotency.ts';
import type { SaleFacts } from '../shared/sales.ts';
import type { LinkState } from './broker-link.ts';
import type { Answerer, FrameCollector, FrameEnd } from './frame-collector.ts';
import type { GatewayCounters } from './gateway-counters.ts';
import { invalid, refusal } from './problems.ts';
import type { Refusal } from './problems.ts';
import { KEY_RULE, checkReserveRequest, isIdempotencyKey } from './reserve-request.ts';
import type { ReserveRequest } from './reserve-request.ts';

const JSON_CONTENT_TYPE = 'application/json; charset=utf-8';

/** What the handler needs of the sale cache. */
export interface SaleLookup {
  /** The sale, if it is cached. */
  get(saleId: string): SaleFacts | undefined;
  /** The sale from Redis or Postgres. Rejects when neither can tell. */
  find(saleId: string): Promise<SaleFacts | undefined>;
}

/** Refusals that are the same each time, serialised once. */
export interface FixedRefusals {
  readonly unknownSale: Refusal;
  readonly saleClosed: Refusal;
  readonly soldOut: Refusal;
  readonly overloaded: Refusal;
  readonly brokerAway: Refusal;
  readonly brokerBlocked: Refusal;
  readonly storeAway: Refusal;
  readonly stopping: Refusal;
}

/** @param retryAfterSec `Retry-After` of those that are worth another try */
export function fixedRefusals(retryAfterSec: number): FixedRefusals {
  const later = { retryAfterSec };
  return {
    unknownSale: refusal('unknown-sale', 'Neither Redis nor Postgres knows the sale.'),
    saleClosed: refusal('sale-closed', 'The sale takes no reservations while it is closed.'),
    soldOut: refusal('sold-out', 'All units are sold; the sale is set to refuse at the door.'),
    overloaded: refusal('overloaded', 'Nothing was queued; try again.', later),
    brokerAway: refusal('broker-away', 'Nothing was queued; the gateway is connecting again.', later),
    brokerBlocked: refusal(
      'broker-blocked',
      'Nothing was queued; the broker is short of memory or disk.',
      later,
    ),
    storeAway: refusal('store-away', 'Nothing was queued; the sale could not be looked up.', later),
    stopping: refusal('stopping', 'Nothing was queued; another gateway may take it.', later),
  };
}

/** Writes the answers of frames. */
export class ReserveAnswerer implements Answerer<ServerResponse> {
  readonly #counters: GatewayCounters;
  readonly #retryAfterSec: number;
  readonly #observe: (count: number, end: FrameEnd, tookMs: number) => void;

  /** @param observe hears of each settled frame, for the histograms */
  constructor(
    counters: GatewayCounters,
    retryAfterSec: number,
    observe: (count: number, end: FrameEnd, tookMs: number) => void,
  ) {
    this.#counters = counters;
    this.#retryAfterSec = retryAfterSec;
    this.#observe = observe;
  }

  accept(response: ServerResponse, reservationId: string): void {
    if (response.destroyed) return;
    // Ids are ASCII and need no escaping (ids.ts).
    const payload = `{"reservationId":"${reservationId}","status":"queued"}`;
    response.writeHead(202, ['content-type', JSON_CONTENT_TYPE, 'content-length', String(payload.length)]);
    response.end(payload);
  }

  fail(response: ServerResponse, reservationId: string, end: Exclude<FrameEnd, 'confirmed'>): void {
    this.refuse(response, this.#failure(reservationId, end));
  }

  onSettled(saleId: string, count: number, end: FrameEnd, tookMs: number): void {
    this.#observe(count, end, tookMs);
    if (end !== 'confirmed') return;
    const counters = this.#counters;
    counters.frames++;
    counters.accepted += count;
    counters.acceptedBySale.set(saleId, (counters.acceptedBySale.get(saleId) ?? 0) + count);
  }

  refuse(response: ServerResponse, given: Refusal): void {
    this.#counters.refused[given.kind]++;
    if (response.destroyed) return;
    response.writeHead(given.status, [...given.headers]);
    response.end(given.payload);
  }

  #failure(reservationId: string, end: Exclude<FrameEnd, 'confirmed'>): Refusal {
    const retryAfterSec = this.#retryAfterSec;
    switch (end) {
      case 'away':
        return refusal('broker-away', 'Nothing was queued; the gateway is connecting again.', {
          retryAfterSec,
        });
      case 'nacked':
        return refusal('broker-refused', 'Nothing was queued; the queue is full or loses its leader.', {
          retryAfterSec,
        });
      case 'returned':
        return refusal(
          'broker-refused',
          'Nothing was queued; the queue is missing and is being declared again.',
          {
            retryAfterSec,
          },
        );
      case 'lost':
      case 'timeout':
        return refusal(
          'unconfirmed',
          'The reservation was sent, and it is not known whether the broker has it. Ask for it by its id, or send it again with an Idempotency-Key.',
          { retryAfterSec, reservationId },
        );
    }
  }
}

export interface ReserveHandlerOptions {
  readonly sales: SaleLookup;
  readonly collector: FrameCollector<ServerResponse>;
  readonly answerer: ReserveAnswerer;
  readonly refusals: FixedRefusals;
  readonly linkState: () => LinkState;
  /** A lookup failed, for the log. */
  readonly onLookupError: (saleId: string, error: unknown) => void;
}

export class ReserveHandler {
  readonly #options: ReserveHandlerOptions;
  #isStopping = false;

  constructor(options: ReserveHandlerOptions) {
    this.#options = options;
  }

  /** From now on every reservation is refused; those in hand are finished. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Answers one reservation. `key` is the Idempotency-Key header, if any. */
  handle(body: unknown, key: string | string[] | undefined, response: ServerResponse): void {
    const { answerer, sales, refusals } = this.#options;
    const checked = checkReserveRequest(body);
    if (Array.isArray(checked)) {
      answerer.refuse(response, invalid(checked));
      return;
    }
    if (key !== undefined && !isIdempotencyKey(key)) {
      answerer.refuse(response, invalid([{ field: 'Idempotency-Key', message: KEY_RULE }]));
      return;
    }
    const sale = sales.get(checked.saleId);
    if (sale !== undefined) {
      this.#take(sale, checked, key, response);
      return;
    }
    sales.find(checked.saleId).then(
      (found) => {
        if (found === undefined) answerer.refuse(response, refusals.unknownSale);
        else this.#take(found, checked, key, response);
      },
      (error: unknown) => {
        this.#options.onLookupError(checked.saleId, error);
        answerer.refuse(response, refusals.storeAway);
      },
    );
  }

  #take(sale: SaleFacts, request: ReserveRequest, key: string | undefined, response: ServerResponse): void {
    const { answerer, refusals, collector } = this.#options;
    const { userId, quantity } = request;
    if (sale.status !== 'open') {
      answerer.refuse(response, refusals.saleClosed);
    } else if (quantity > sale.perBuyerLimit) {
      // It could never be granted, so it need not wait in the queue to hear that.
      const message = `must be at most ${sale.perBuyerLimit}, the sale's limit for one buyer`;
      answerer.refuse(response, invalid([{ field: 'quantity', message }]));
    } else if (sale.isSoldOut && sale.mode === 'shed') {
      answerer.refuse(response, refusals.soldOut);
    } else if (this.#isStopping) {
      answerer.refuse(response, refusals.stopping);
    } else {
      const state = this.#options.linkState();
      if (state === 'blocked') answerer.refuse(response, refusals.brokerBlocked);
      else if (state !== 'up') answerer.refuse(response, refusals.brokerAway);
      else {
        const digest = key === undefined ? undefined : idempotencyDigest(userId, key);
        if (!collector.add(sale, userId, quantity, digest, response))
          answerer.refuse(response, refusals.overloaded);
      }
    }
  }
}

/**
 * Where the answer to a reservation goes: a connection of the fast path, or a response of Node's HTTP server.
 */
import type { ServerResponse } from 'node:http';
import type { Rejection } from './problems.ts';

export const JSON_CONTENT_TYPE = 'application/json; charset=utf-8';

/** One of the two is called, once. If the client is gone, the answer is dropped. */
export interface ReserveReply {
  /** 202: the broker has the reservation. */
  accept(reservationId: string): void;
  reject(given: Rejection): void;
}

/**
 * Handles a reservation, which is answered at once or later. `body` is parsed JSON, `key` the Idempotency-Key and
 * `traceparent` the header of that name.
 */
export type HandleReserve = (
  body: unknown,
  key: string | string[] | undefined,
  reply: ReserveReply,
  traceparent: string | undefined,
) => void;

/** The body of a 202. Ids are ASCII without escapes (ids.ts), so it has one byte a character. */
export function acceptedPayload(reservationId: string): string {
  return `{"reservationId":"${reservationId}","status":"queued"}`;
}

/** Answers on Node's response, for what the fast path left to Fastify. */
export class HttpReply implements ReserveReply {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  accept(reservationId: string): void {
    const payload = acceptedPayload(reservationId);
    this.#write(202, ['content-type', JSON_CONTENT_TYPE, 'content-length', String(payload.length)], payload);
  }

  reject({ status, headers, payload }: Rejection): void {
    this.#write(status, [...headers], payload);
  }

  #write(status: number, headers: string[], payload: string): void {
    if (this.#response.destroyed) return;
    this.#response.writeHead(status, headers);
    this.#response.end(payload);
  }
}

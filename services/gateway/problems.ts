/**
 * Every rejection of the gateway, as an RFC 9457 problem document. One table, so that the OpenAPI document,
 * the metrics and the tests name the same kinds.
 */
import type { BackendHealth } from '../shared/backend-trouble.ts';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';
const TYPE_PREFIX = 'urn:flashgrid:problem:';

/** Kind → status and title. The document's `type` ends with the kind. */
export const PROBLEM_KINDS = {
  invalid: { status: 400, title: 'The request is not valid' },
  unauthorised: { status: 401, title: 'A bearer token is needed' },
  forbidden: { status: 403, title: 'The token is not the admin token' },
  'unknown-sale': { status: 404, title: 'There is no such sale' },
  'unknown-reservation': { status: 404, title: 'There is no such reservation' },
  'unknown-route': { status: 404, title: 'There is no such route' },
  'method-not-allowed': { status: 405, title: 'The route does not take this method' },
  'too-slow': { status: 408, title: 'The request was not complete in time' },
  'sale-exists': { status: 409, title: 'A sale of this id exists' },
  'sale-closed': { status: 409, title: 'The sale is closed' },
  'sold-out': { status: 409, title: 'The sale is sold out' },
  'too-large': { status: 413, title: 'The body is too large' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used for another reservation' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'unknown-host': { status: 421, title: 'The gateway does not serve this host name' },
  'head-too-large': { status: 431, title: 'The head of the request is too large' },
  unexpected: { status: 500, title: 'Something went wrong in the gateway' },
  overloaded: { status: 503, title: 'Too many reservations wait for RabbitMQ' },
  'broker-away': { status: 503, title: 'The broker is away' },
  'broker-blocked': { status: 503, title: 'The broker takes no messages now' },
  'broker-refused': { status: 503, title: 'The broker refused the reservation' },
  unconfirmed: { status: 503, title: 'The broker did not confirm in time' },
  'store-away': { status: 503, title: 'A database is away' },
  stopping: { status: 503, title: 'The gateway is stopping' },
} as const;

export type ProblemKind = keyof typeof PROBLEM_KINDS;

export interface FieldError {
  /** Name of the field; `Idempotency-Key` for the header, `body` for the whole. */
  readonly field: string;
  readonly message: string;
}

export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  /** Only of `unconfirmed`: the reservation may still be decided under this id. */
  readonly reservationId?: string;
  /** Of a 503 caused by a backend: which one, why, and since when (ISO). */
  readonly part?: BackendPart;
  readonly reason?: string;
  readonly since?: string;
}

export type BackendPart = 'broker' | 'redis' | 'postgres';

/** A rejection that is ready to be written: on the hot path nothing is left to serialise. */
export interface Rejection {
  readonly kind: ProblemKind;
  readonly status: number;
  /** Name, value, name, value… as `writeHead` takes them. */
  readonly headers: readonly string[];
  readonly payload: string;
}

interface RejectionExtras {
  readonly errors?: readonly FieldError[];
  readonly reservationId?: string;
  readonly retryAfterSec?: number;
  /** The backend that caused it, and its health. */
  readonly part?: BackendPart;
  readonly health?: BackendHealth;
  readonly headers?: readonly string[];
}

/** Makes a rejection. `detail` tells the user what was wrong with this request, and what to do. */
export function rejection(kind: ProblemKind, detail: string, extras: RejectionExtras = {}): Rejection {
  const { status, title } = PROBLEM_KINDS[kind];
  const document: ProblemDocument = {
    type: `${TYPE_PREFIX}${kind}`,
    title,
    status,
    detail,
    ...(extras.errors ? { errors: extras.errors } : {}),
    ...(extras.reservationId === undefined ? {} : { reservationId: extras.reservationId }),
    ...(extras.part === undefined ? {} : { part: extras.part }),
    ...(extras.health === undefined
      ? {}
      : { reason: extras.health.reason, since: new Date(extras.health.sinceMs).toISOString() }),
  };
  const payload = JSON.stringify(document);
  const headers = [
    'content-type',
    PROBLEM_CONTENT_TYPE,
    'content-length',
    String(Buffer.byteLength(payload)),
    ...(extras.retryAfterSec === undefined ? [] : ['retry-after', String(extras.retryAfterSec)]),
    ...(extras.headers ?? []),
  ];
  return { kind, status, headers, payload };
}

/** A 400 that names its fields. */
export function invalid(errors: readonly FieldError[]): Rejection {
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return rejection('invalid', detail, { errors });
}

/** For input that never became a request. The fast path and Node's server give the same answers. */
export const REQUEST_TOO_SLOW = rejection('too-slow', 'Send the whole request without pauses.');
export const REQUEST_CUT_SHORT = invalid([{ field: 'request', message: 'is not a whole HTTP/1.1 request' }]);
export const HEAD_TOO_LARGE = rejection('head-too-large', 'Send fewer or shorter header fields.');

/** For a Host header that is not served (host-check.ts). */
export const UNKNOWN_HOST = rejection(
  'unknown-host',
  'Use localhost or an address, or add this host name to FLASHGRID_GATEWAY_HOSTS.',
);

/** Thrown by routes off the hot path. The error handler writes its rejection. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly rejection: Rejection;
  constructor(given: Rejection, options?: ErrorOptions) {
    super(given.payload, options);
    this.rejection = given;
  }
}

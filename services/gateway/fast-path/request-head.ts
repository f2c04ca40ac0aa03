/**
 * Reads the head of a plain reservation: `POST /reserve HTTP/1.1` with a host, a JSON content type and a
 * length, and nothing that changes how the message is framed or answered. Anything else goes to Node's own
 * parser. So this one only has to be right in what it accepts: a strict subset of RFC 9112 in which every
 * byte is accounted for.
 */
import type { HostCheck } from '../../shared/host-check.ts';
import { RESERVE_BODY_LIMIT_BYTES } from '../http-app.ts';

/** Bytes of a head that is read here. Browsers with their cookies stay well below. */
export const MAX_HEAD_BYTES = 8 * 1024;
/** Heads that are cached: a client's heads only differ in the length of the body. */
const MAX_KNOWN_HEADS = 512;

const REQUEST_LINE = 'POST /reserve HTTP/1.1\r\n';
/**
 * One field line: a token, a colon, and visible ASCII with blanks. No folding, no bare CR or LF, no control
 * characters.
 */
const FIELD_LINE =
  /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)[ \t]*\r\n/y;
const LENGTH = /^[1-9]\d{0,5}$/;
const JSON_TYPE = /^application\/json(?:;[ \t]*charset=utf-8)?$/i;

export interface ReserveHead {
  readonly bodyLength: number;
  readonly host: string;
  readonly idempotencyKey: string | undefined;
  readonly traceparent: string | undefined;
}

/** Whether a head that begins like this may be a reservation's. */
export function mayBecomeReservation(part: string): boolean {
  return part.length < REQUEST_LINE.length ? REQUEST_LINE.startsWith(part) : part.startsWith(REQUEST_LINE);
}

/** @param head from the request line to the last field line with its CRLF, without the empty line */
export function parseReserveHead(head: string): ReserveHead | undefined {
  if (!head.startsWith(REQUEST_LINE)) return undefined;
  let host: string | undefined;
  let type: string | undefined;
  let length: string | undefined;
  let idempotencyKey: string | undefined;
  let traceparent: string | undefined;
  FIELD_LINE.lastIndex = REQUEST_LINE.length;
  while (FIELD_LINE.lastIndex < head.length) {
    const line = FIELD_LINE.exec(head);
    const [, name = '', value = ''] = line ?? [];
    if (line === null) return undefined;
    switch (name.toLowerCase()) {
      case 'host':
        if (host !== undefined) return undefined;
        host = value;
        break;
      case 'content-type':
        if (type !== undefined || !JSON_TYPE.test(value)) return undefined;
        type = value;
        break;
      case 'content-length':
        if (length !== undefined || !LENGTH.test(value)) return undefined;
        length = value;
        break;
      case 'idempotency-key':
        if (idempotencyKey !== undefined) return undefined;
        idempotencyKey = value;
        break;
      case 'traceparent':
        // Two of them are as good as none.
        traceparent = traceparent === undefined ? value : '';
        break;
      case 'connection':
        if (value.toLowerCase() !== 'keep-alive') return undefined;
        break;
      // Each of these changes the framing or the kind of answer.
      case 'transfer-encoding':
      case 'expect':
      case 'upgrade':
        return undefined;
    }
  }
  const bodyLength = Number(length);
  if (host === undefined || type === undefined || !(bodyLength <= RESERVE_BODY_LIMIT_BYTES)) return undefined;
  return { bodyLength, host, idempotencyKey, traceparent };
}

/** Parses heads, with a cache: comparing a text costs a tenth of parsing it. */
export class HeadReader {
  readonly #known = new Map<string, ReserveHead>();
  readonly #isHostAllowed: HostCheck | undefined;

  /** @param isHostAllowed heads with other hosts are not read here; by default all are */
  constructor(isHostAllowed?: HostCheck) {
    this.#isHostAllowed = isHostAllowed;
  }

  /** See parseReserveHead. */
  read(head: string): ReserveHead | undefined {
    const known = this.#known.get(head);
    if (known !== undefined) return known;
    const parsed = parseReserveHead(head);
    if (parsed === undefined || this.#isHostAllowed?.(parsed.host) === false) return undefined;
    // A head with one of these won't come again.
    if (parsed.idempotencyKey !== undefined || parsed.traceparent !== undefined) return parsed;
    if (this.#known.size >= MAX_KNOWN_HEADS) this.#known.clear();
    this.#known.set(head, parsed);
    return parsed;
  }
}

/**
 * What one generator process notes of its requests: typed columns, 17 bytes a request, plus one text for each
 * frame of the gateway. A reservation id `<sale>.<frame>.<place>` is kept as a reference to `<sale>.<frame>.`
 * and the place, since all reservations of a frame share the former.
 */
import type { RequestStatus } from '../../audit/ledger.ts';

/** Values of the status column. */
export const STATUS_CODES: Readonly<Record<RequestStatus, number>> = {
  unsent: 0,
  accepted: 1,
  rejected: 2,
  unknown: 3,
};
/** Column value: no answer, no reservation id. */
export const NOTHING = 0xffff_ffff;
/** Place of an id that is kept whole, since it is not made of a frame and a place. */
export const WHOLE_ID = 0xffff;
/** Memory of one request in the columns, in bytes. */
export const BYTES_PER_REQUEST = 17;
/**
 * Distinct prefixes remembered for sharing; answers of one frame come close together, so a few thousand find
 * nearly all.
 */
const REMEMBERED_PREFIXES = 4_096;

/** Columns of consecutive requests, in the process's own order. */
export interface Columns {
  readonly status: Uint8Array;
  readonly httpStatus: Uint16Array;
  /** µs since the start of the attack. */
  readonly sentUs: Uint32Array;
  /** µs since the start of the attack, `NOTHING` without an answer. */
  readonly answeredUs: Uint32Array;
  /** Which prefix; `NOTHING` without a reservation id. */
  readonly prefix: Uint32Array;
  readonly place: Uint16Array;
}

/** Columns for a number of requests, none of them sent. */
export function emptyColumns(count: number): Columns {
  return {
    status: new Uint8Array(count),
    httpStatus: new Uint16Array(count),
    sentUs: new Uint32Array(count),
    answeredUs: new Uint32Array(count).fill(NOTHING),
    prefix: new Uint32Array(count).fill(NOTHING),
    place: new Uint16Array(count),
  };
}

/** Many short texts in one buffer. */
export class TextTable {
  #bytes = new Uint8Array(4_096);
  #used = 0;
  #ends = new Uint32Array(256);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds an ASCII text and gives its number. */
  add(text: string): number {
    if (this.#used + text.length > this.#bytes.length)
      this.#bytes = grown(this.#bytes, Math.max(this.#bytes.length * 2, this.#used + text.length));
    if (this.#count === this.#ends.length) {
      const ends = new Uint32Array(this.#ends.length * 2);
      ends.set(this.#ends);
      this.#ends = ends;
    }
    for (let at = 0; at < text.length; at++) this.#bytes[this.#used + at] = text.charCodeAt(at);
    this.#used += text.length;
    this.#ends[this.#count] = this.#used;
    return this.#count++;
  }

  get(number: number): string {
    const start = number === 0 ? 0 : (this.#ends[number - 1] ?? 0);
    const end = this.#ends[number] ?? 0;
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start).toString('latin1');
  }

  /** All texts, each closed by LF, for the way to another process. */
  encode(): Uint8Array<ArrayBuffer> {
    const texts: string[] = [];
    for (let number = 0; number < this.#count; number++) texts.push(this.get(number));
    return new Uint8Array(Buffer.from(texts.map((text) => `${text}\n`).join(''), 'latin1'));
  }
}

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

export class RequestLog {
  readonly columns: Columns;
  readonly prefixes = new TextTable();
  #remembered = new Map<string, number>();

  constructor(count: number) {
    this.columns = emptyColumns(count);
  }

  recordSent(at: number, sentUs: number): void {
    this.columns.sentUs[at] = sentUs;
  }

  recordAnswer(at: number, status: RequestStatus, httpStatus: number, answeredUs: number): void {
    const { columns } = this;
    columns.status[at] = STATUS_CODES[status];
    columns.httpStatus[at] = httpStatus;
    columns.answeredUs[at] = answeredUs;
  }

  recordUnknown(at: number): void {
    this.columns.status[at] = STATUS_CODES.unknown;
  }

  /** Notes the reservation id of an accepted request. */
  recordReservation(at: number, reservationId: string): void {
    const { columns } = this;
    const dot = reservationId.lastIndexOf('.');
    const place = placeOf(reservationId, dot + 1);
    columns.place[at] = place;
    columns.prefix[at] = this.#numberOf(place === WHOLE_ID ? reservationId : reservationId.slice(0, dot + 1));
  }

  #numberOf(prefix: string): number {
    const known = this.#remembered.get(prefix);
    if (known !== undefined) return known;
    if (this.#remembered.size >= REMEMBERED_PREFIXES) this.#remembered = new Map();
    const number = this.prefixes.add(prefix);
    this.#remembered.set(prefix, number);
    return number;
  }
}

/** The place that an id ends with, `WHOLE_ID` when that is not a plain number in range. */
function placeOf(id: string, from: number): number {
  const length = id.length - from;
  if (from < 2 || length < 1 || length > 5) return WHOLE_ID;
  let place = 0;
  for (let at = from; at < id.length; at++) {
    const digit = id.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9 || (digit === 0 && at === from && length > 1)) return WHOLE_ID;
    place = place * 10 + digit;
  }
  return place < WHOLE_ID ? place : WHOLE_ID;
}

/** The reservation id that a prefix and a place stand for. */
export function joinReservationId(prefix: string, place: number): string {
  return place === WHOLE_ID ? prefix : `${prefix}${place}`;
}

/**
 * Identifiers that cross process boundaries. All are plain ASCII without white space: so a frame can be a
 * text of lines, a Redis key needs no escaping, and Postgres never gets a NUL or a lone surrogate.
 */

/** A sale's id: lower case, digits and dashes, which fit in a hash tag, a URL and a file name. */
export const SALE_ID_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
/** A buyer's id as the caller knows it: an e-mail address, a UUID, a number, a base64 text. */
export const USER_ID_PATTERN = /^[A-Za-z0-9._:@+=~-]{1,64}$/;
/** An `Idempotency-Key`: printable ASCII; only its digest leaves the gateway. */
export const IDEMPOTENCY_KEY_PATTERN = /^[\x21-\x7e]{1,128}$/;
/**
 * A frame's id: `<gateway id>-<name>`. The name ends with the frame's slot in a bucket of frames of its sale,
 * two digits; before them is the bucket's number. All numbers are in base 36.
 */
export const FRAME_ID_PATTERN = /^[a-z0-9]{6,16}-[a-z0-9]{1,11}$/;
/** Most units that one reservation may ask for. */
export const MAX_QUANTITY = 10;
/** Most units a sale may hold. */
export const MAX_STOCK = 10_000_000;

/**
 * Characters of each half of a keyed reservation's digest: the name of its key, and what was asked for
 * (idempotency.ts).
 */
export const HALF_DIGEST_LENGTH = 11;
const KEY_DIGEST_PATTERN = /^[A-Za-z0-9_-]{22}$/;
const INDEX_PATTERN = /^(?:0|[1-9]\d{0,5})$/;

/**
 * A parsed reservation id. A `framed` one names its place in a frame, so its outcome is one character of the
 * frame's record. A `keyed` one, made from an Idempotency-Key, may come in several frames and therefore has
 * its own record.
 */
export type ReservationRef = FramedRef | KeyedRef;
export interface FramedRef {
  readonly kind: 'framed';
  readonly saleId: string;
  readonly frameId: string;
  readonly index: number;
}
export interface KeyedRef {
  readonly kind: 'keyed';
  readonly saleId: string;
  readonly digest: string;
}

/** Digits of a slot. */
const SLOT_DIGITS = 2;
/** Frames of one sale that share a bucket (keys.ts): with more, Redis keeps a bucket less tightly. */
export const BUCKET_SLOTS = 64;

/** The id of the frame at a slot of a gateway's bucket. */
export function frameIdOf(gatewayId: string, bucket: number, slot: number): string {
  return `${gatewayId}-${bucket.toString(36)}${slot.toString(36).padStart(SLOT_DIGITS, '0')}`;
}

/** A frame id's bucket, with the gateway's id before its number, and slot; ids without a bucket have neither. */
export function bucketOf(frameId: string): { readonly bucket: string; readonly slot: string } | undefined {
  const end = frameId.length - SLOT_DIGITS;
  return frameId.indexOf('-') < end - 1
    ? { bucket: frameId.slice(0, end), slot: frameId.slice(end) }
    : undefined;
}

/** Common beginning of the ids of a frame's reservations: `<sale>.<frame>.`; the index follows. */
export function framedIdPrefix(saleId: string, frameId: string): string {
  return `${saleId}.${frameId}.`;
}

/** The id of the reservation at `index` (from 0) of a frame. */
export function framedId(saleId: string, frameId: string, index: number): string {
  return `${saleId}.${frameId}.${index}`;
}

/** The id of a reservation that was sent with an Idempotency-Key: `<sale>.k.<digest>`. */
export function keyedId(saleId: string, digest: string): string {
  return `${saleId}.k.${digest}`;
}

/** Parses a reservation id; `undefined` when it is not one. */
export function parseReservationId(id: string): ReservationRef | undefined {
  const parts = id.split('.');
  const [saleId, middle, last] = parts;
  if (parts.length !== 3 || !saleId || !middle || last === undefined) return undefined;
  if (!SALE_ID_PATTERN.test(saleId)) return undefined;
  if (middle === 'k') {
    return KEY_DIGEST_PATTERN.test(last) ? { kind: 'keyed', saleId, digest: last } : undefined;
  }
  if (!FRAME_ID_PATTERN.test(middle) || !INDEX_PATTERN.test(last)) return undefined;
  return { kind: 'framed', saleId, frameId: middle, index: Number(last) };
}

/**
 * The half of a digest that names the key. Reservations of one sale that share it were sent with the same
 * key.
 */
export function keyNameOf(digest: string): string {
  return digest.slice(0, HALF_DIGEST_LENGTH);
}

/** The half of a digest that stands for buyer and quantity. */
export function askOf(digest: string): string {
  return digest.slice(HALF_DIGEST_LENGTH);
}

/** Whether a text is a keyed reservation's digest. */
export function isKeyDigest(text: string): boolean {
  return KEY_DIGEST_PATTERN.test(text);
}

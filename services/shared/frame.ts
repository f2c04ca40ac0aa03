/**
 * The frame: one AMQP message that carries 1..N reservations of one sale.
 *
 * Headers: `v` format version, `n` count, `sale`, `gen` the sale's generation as the gateway knew it, `t`
 * when the frame was closed (ms since 1970), `replayed` when it comes from the dead-letter queue. Property
 * `messageId`: the frame id.
 * Body: one line a reservation, each ended by LF: `userId`, `userId TAB quantity` or `userId TAB quantity TAB
 * digest` (of an Idempotency-Key). Ids hold neither TAB nor LF (ids.ts), so nothing is escaped, and the
 * worker passes the body to Redis unchanged.
 */
import { FRAME_ID_PATTERN, MAX_QUANTITY, SALE_ID_PATTERN, USER_ID_PATTERN, isKeyDigest } from './ids.ts';

export const FRAME_VERSION = 1;
export const FRAME_CONTENT_TYPE = 'application/vnd.flashgrid.frame';
/** Most reservations in one frame. This limits how long one script call keeps Redis busy. */
export const MAX_FRAME_COUNT = 512;

export interface FrameEntry {
  readonly userId: string;
  readonly quantity: number;
  /** Of a keyed reservation. */
  readonly digest?: string;
}

/** A frame with valid headers, whose body has as many lines as they say. */
export interface Frame {
  readonly id: string;
  readonly saleId: string;
  readonly generation: number;
  readonly count: number;
  readonly closedAtMs: number;
  /** Came back from the dead-letter queue. */
  readonly isReplayed: boolean;
  readonly body: Buffer;
}

/** A frame that can never be decided; `message` says why. It goes to the dead-letter queue. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** One line of a frame's body. */
export function encodeEntry(userId: string, quantity: number, digest?: string): string {
  if (digest !== undefined) return `${userId}\t${quantity}\t${digest}\n`;
  return quantity === 1 ? `${userId}\n` : `${userId}\t${quantity}\n`;
}

/**
 * Checks a message's headers, counts its lines and returns the frame. It makes no strings of the body, since
 * a sold-out frame never needs them.
 * @throws FrameError
 */
export function parseFrame(
  messageId: unknown,
  headers: Readonly<Record<string, unknown>> | undefined,
  body: Buffer,
): Frame {
  if (typeof messageId !== 'string' || !FRAME_ID_PATTERN.test(messageId))
    throw new FrameError('messageId is not a frame id');
  if (!headers) throw new FrameError('headers are missing');
  const { v, n, sale, gen, t, replayed } = headers;
  if (v !== FRAME_VERSION)
    throw new FrameError(`v is ${String(v)}, this worker reads version ${FRAME_VERSION}`);
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 1 || n > MAX_FRAME_COUNT)
    throw new FrameError(`n must be 1..${MAX_FRAME_COUNT}`);
  if (typeof sale !== 'string' || !SALE_ID_PATTERN.test(sale)) throw new FrameError('sale is not a sale id');
  if (typeof gen !== 'number' || !Number.isInteger(gen) || gen < 1)
    throw new FrameError('gen must be a whole number from 1');
  if (typeof t !== 'number' || !Number.isFinite(t)) throw new FrameError('t must be a time in ms');
  if (body.length === 0 || body[body.length - 1] !== 0x0a) throw new FrameError('the body must end with LF');
  let lines = 0;
  for (let at = body.indexOf(0x0a); at !== -1; at = body.indexOf(0x0a, at + 1)) lines++;
  if (lines !== n) throw new FrameError(`the body has ${lines} reservations, n says ${n}`);
  return {
    id: messageId,
    saleId: sale,
    generation: gen,
    count: n,
    closedAtMs: t,
    isReplayed: replayed === true,
    body,
  };
}

/**
 * The entries of a frame's body, in order.
 * @throws FrameError when a line is not a reservation
 */
export function decodeEntries(body: Buffer): FrameEntry[] {
  const lines = body.toString('latin1').split('\n');
  lines.pop();
  return lines.map((line, index) => {
    const [userId, quantityText, digest, ...rest] = line.split('\t');
    const quantity = quantityText === undefined ? 1 : Number(quantityText);
    if (userId === undefined || !USER_ID_PATTERN.test(userId))
      throw new FrameError(`reservation ${index} has no valid user id`);
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > MAX_QUANTITY)
      throw new FrameError(`reservation ${index} has no valid quantity`);
    if (rest.length > 0 || (digest !== undefined && !isKeyDigest(digest)))
      throw new FrameError(`reservation ${index} has no valid digest`);
    return digest === undefined ? { userId, quantity } : { userId, quantity, digest };
  });
}

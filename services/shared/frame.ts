/**
 * The frame: 1..N reservations of one sale, decided in one Lua call; and the AMQP message that carries one
 * frame, or those of several sales.
 *
 * Headers: `v` format version, `n` count, `sale`, `gen` the sale's generation as the gateway knew it, `t`
 * when the message was closed (ms since 1970), `replayed` when it comes from the dead-letter queue. Property
 * `messageId`: the frame id. When a reservation in it is traced, `traceparent` (W3C Trace Context) of the span that
 * published it, and `traced`: the places of the frames that hold such reservations, with commas between.
 * Body: one line a reservation, each ended by LF: `userId`, `userId TAB quantity` or `userId TAB quantity TAB
 * digest` (of an Idempotency-Key). Ids hold neither TAB nor LF (ids.ts), so nothing is escaped, and the
 * worker passes the body to Redis unchanged.
 *
 * With several frames `v` is 2, `n` counts all reservations, and there is neither `sale` nor `gen`. The body
 * has a line `sale TAB gen TAB count TAB name` before the lines of each frame. A frame's id is the gateway's
 * id, as the message has it, and that name.
 */
import { FRAME_ID_PATTERN, MAX_QUANTITY, SALE_ID_PATTERN, USER_ID_PATTERN, isKeyDigest } from './ids.ts';

export const FRAME_VERSION = 1;
/** Of a message with frames of several sales. */
export const BUNDLE_VERSION = 2;
export const FRAME_CONTENT_TYPE = 'application/vnd.flashgrid.frame';
/** Most reservations in one message. This limits how long one script call keeps Redis busy. */
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
  /** Of the span that published it, when it holds a traced reservation. */
  readonly traceparent?: string;
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

/** What a gateway puts into a message, or a worker into one of its own. */
export type SentFrame = Pick<Frame, 'id' | 'saleId' | 'generation' | 'count'> & { readonly lines: string };

/** See the top of the file. */
export type FrameHeaders = {
  readonly v: number;
  readonly n: number;
  readonly sale?: string;
  readonly gen?: number;
  readonly t: number;
  readonly replayed?: boolean;
  readonly traceparent?: string;
  readonly traced?: string;
};

/** A message's headers and body; its `messageId` is the id of the first frame. */
export interface EncodedMessage {
  readonly headers: FrameHeaders;
  readonly body: Buffer;
}

/** Writes the message of one frame, or of the frames of one gateway. */
export function encodeMessage(frames: readonly SentFrame[], closedAtMs: number): EncodedMessage {
  const [first] = frames;
  if (first !== undefined && frames.length === 1)
    return {
      // Ids are ASCII: one byte a character.
      body: Buffer.from(first.lines, 'latin1'),
      headers: {
        v: FRAME_VERSION,
        n: first.count,
        sale: first.saleId,
        gen: first.generation,
        t: closedAtMs,
      },
    };
  let text = '';
  let n = 0;
  for (const { id, saleId, generation, count, lines } of frames) {
    text += `${saleId}\t${generation}\t${count}\t${id.slice(id.indexOf('-') + 1)}\n${lines}`;
    n += count;
  }
  return { body: Buffer.from(text, 'latin1'), headers: { v: BUNDLE_VERSION, n, t: closedAtMs } };
}

/**
 * Checks a message's headers, counts its lines and returns its frames, one or more. It makes no strings of
 * the reservations, since a sold-out frame never needs them.
 * @throws FrameError
 */
export function parseMessage(
  messageId: unknown,
  headers: Readonly<Record<string, unknown>> | undefined,
  body: Buffer,
): readonly Frame[] {
  if (typeof messageId !== 'string' || !FRAME_ID_PATTERN.test(messageId))
    throw new FrameError('messageId is not a frame id');
  if (!headers) throw new FrameError('headers are missing');
  const { v, n, sale, gen, t, replayed, traceparent } = headers;
  if (v !== FRAME_VERSION && v !== BUNDLE_VERSION)
    throw new FrameError(
      `v is ${String(v)}, this worker reads versions ${FRAME_VERSION} and ${BUNDLE_VERSION}`,
    );
  const count = parseCount(n, 'n');
  if (typeof t !== 'number' || !Number.isFinite(t)) throw new FrameError('t must be a time in ms');
  if (body.length === 0 || body[body.length - 1] !== LF) throw new FrameError('the body must end with LF');
  const message = { closedAtMs: t, isReplayed: replayed === true };
  if (typeof traceparent === 'string') {
    const plain = { ...headers, traceparent: undefined };
    const places = String(headers['traced']).split(',').map(Number);
    return parseMessage(messageId, plain, body).map((frame, at) =>
      places.includes(at) ? { ...frame, traceparent } : frame,
    );
  }
  if (v === BUNDLE_VERSION) return parseBundle(messageId, count, message, body);
  let lines = 0;
  for (let at = body.indexOf(LF); at !== -1; at = body.indexOf(LF, at + 1)) lines++;
  if (lines !== count) throw new FrameError(`the body has ${lines} reservations, n says ${count}`);
  return [
    { id: messageId, saleId: parseSaleId(sale), generation: parseGeneration(gen), count, body, ...message },
  ];
}

const LF = 0x0a;

function parseCount(n: unknown, name: string): number {
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 1 || n > MAX_FRAME_COUNT)
    throw new FrameError(`${name} must be 1..${MAX_FRAME_COUNT}`);
  return n;
}

function parseSaleId(sale: unknown): string {
  if (typeof sale !== 'string' || !SALE_ID_PATTERN.test(sale)) throw new FrameError('sale is not a sale id');
  return sale;
}

function parseGeneration(gen: unknown): number {
  if (typeof gen !== 'number' || !Number.isInteger(gen) || gen < 1)
    throw new FrameError('gen must be a whole number from 1');
  return gen;
}

function parseBundle(
  messageId: string,
  expected: number,
  message: Pick<Frame, 'closedAtMs' | 'isReplayed'>,
  body: Buffer,
): Frame[] {
  const gateway = messageId.slice(0, messageId.indexOf('-') + 1);
  const frames: Frame[] = [];
  let found = 0;
  for (let at = 0; at < body.length;) {
    const headEnd = body.indexOf(LF, at);
    const [sale, generation, countText, name, ...rest] = body.toString('latin1', at, headEnd).split('\t');
    const id = gateway + (name ?? '');
    if (rest.length > 0 || !FRAME_ID_PATTERN.test(id))
      throw new FrameError(`the head of frame ${frames.length} is wrong`);
    const count = parseCount(Number(countText), 'the count of a frame');
    let end = headEnd;
    for (let line = 0; line < count && end !== -1; line++) end = body.indexOf(LF, end + 1);
    if (end === -1) throw new FrameError(`frame ${id} has fewer reservations than ${count}`);
    frames.push({
      id,
      saleId: parseSaleId(sale),
      generation: parseGeneration(Number(generation)),
      count,
      body: body.subarray(headEnd + 1, end + 1),
      ...message,
    });
    found += count;
    at = end + 1;
  }
  if (found !== expected) throw new FrameError(`the body has ${found} reservations, n says ${expected}`);
  return frames;
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

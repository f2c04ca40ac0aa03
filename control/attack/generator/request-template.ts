/**
 * The bytes of a request. Only the buyer's id changes, and the key where there is one, and their lengths never do: a
 * request is a copy of these with eight bytes replaced.
 */
import { USER_ID_LENGTH, buyerOf, writeUserId } from '../protocol/user-ids.ts';

/** The bytes of a connection's requests. */
export interface RequestBytes {
  /** A buffer for one connection to fill again and again. */
  copy(): Buffer;
  /** Puts request `index` of the attack into such a buffer; gives that buffer, or one of another length. */
  fill(buffer: Buffer, index: number): Buffer;
}

export class RequestTemplate implements RequestBytes {
  readonly #bytes: Buffer;
  readonly #userIdAt: number;
  readonly #keyAt: number | undefined;
  readonly #seed: number;
  readonly #buyers: number;

  /**
   * @param host value of the Host header
   * @param path of the route
   */
  constructor(
    host: string,
    path: string,
    { saleId, seed, buyers, hasKeys }: { saleId: string; seed: number; buyers: number; hasKeys: boolean },
  ) {
    const blank = '_'.repeat(USER_ID_LENGTH);
    const start = `{"saleId":${JSON.stringify(saleId)},"userId":"`;
    const body = `${start}${blank}"}`;
    const first = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\nIdempotency-Key: `;
    const head =
      (hasKeys ? `${first}${blank}\r\n` : first.slice(0, first.lastIndexOf('\n') + 1)) +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    this.#bytes = Buffer.from(head + body);
    this.#userIdAt = Buffer.byteLength(head + start);
    this.#keyAt = hasKeys ? Buffer.byteLength(first) : undefined;
    this.#seed = seed;
    this.#buyers = buyers;
  }

  /** A buffer for one connection to fill again and again. */
  copy(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** Puts the buyer of request `index` into such a buffer. */
  fill(buffer: Buffer, index: number): Buffer {
    writeUserId(buffer, this.#userIdAt, this.#seed, buyerOf(index, this.#buyers));
    if (this.#keyAt !== undefined) writeUserId(buffer, this.#keyAt, this.#seed, index);
    return buffer;
  }
}

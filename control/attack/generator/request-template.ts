/**
 * The bytes of a request. Only the buyer's id changes, and its length never does: a request is a copy of
 * these with eight bytes replaced.
 */
import { USER_ID_LENGTH, writeUserId } from '../protocol/user-ids.ts';

export class RequestTemplate {
  readonly #bytes: Buffer;
  readonly #userIdAt: number;
  readonly #seed: number;

  /**
   * @param host value of the Host header
   * @param path of the route
   */
  constructor(host: string, path: string, saleId: string, seed: number) {
    const start = `{"saleId":${JSON.stringify(saleId)},"userId":"`;
    const body = `${start}${'_'.repeat(USER_ID_LENGTH)}"}`;
    const head =
      `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    this.#bytes = Buffer.from(head + body);
    this.#userIdAt = Buffer.byteLength(head + start);
    this.#seed = seed;
  }

  /** A buffer for one connection to fill again and again. */
  copy(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** Puts the buyer of request `index` into such a buffer. */
  fill(buffer: Buffer, index: number): void {
    writeUserId(buffer, this.#userIdAt, this.#seed, index);
  }
}

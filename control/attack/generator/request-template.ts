/**
 * The bytes of a request. Only the ids of buyer, key and sale change, and their lengths never do: a request is a copy of these
 * with a few bytes replaced. Where buyers behave differently there are several such forms.
 */
import { saleIdOf } from '../../../contract/attack-settings.ts';
import type { Crowd } from '../protocol/crowd.ts';
import { USER_ID_LENGTH, writeUserId } from '../protocol/user-ids.ts';

/** The bytes of a connection's requests. */
export interface RequestBytes {
  /** A buffer for one connection to fill again and again. */
  copy(): Buffer;
  /** Puts request `index` of the attack into such a buffer; gives that buffer, or one of another length. */
  fill(buffer: Buffer, index: number): Buffer;
}

/** A request without ids, and where they belong. */
interface Form {
  readonly bytes: Buffer;
  readonly userIdAt: number;
  readonly keyAt: number | undefined;
  /** Behind the id of the sale. */
  readonly saleEnd: number;
}

export class RequestTemplate implements RequestBytes {
  readonly #host: string;
  readonly #path: string;
  readonly #saleId: string;
  readonly #crowd: Crowd;
  /** The form of all requests where they are alike; else one for each number of units, with and without a key. */
  readonly #usual: Form;
  readonly #forms = new Map<number, Form>();

  /**
   * @param host value of the Host header
   * @param path of the route
   * @param runId of which the ids of the sales are made
   */
  constructor(host: string, path: string, runId: string, crowd: Crowd) {
    this.#host = host;
    this.#path = path;
    this.#saleId = saleIdOf(runId, 0, crowd.sales);
    this.#crowd = crowd;
    this.#usual = this.#formOf(0);
  }

  /** A buffer for one connection to fill again and again. */
  copy(): Buffer {
    return Buffer.from(this.#usual.bytes);
  }

  /** Puts the buyer of request `index` into such a buffer, or into a new one where requests differ. */
  fill(buffer: Buffer, index: number): Buffer {
    const crowd = this.#crowd;
    const { bytes, userIdAt, keyAt, saleEnd } = crowd.isUniform ? this.#usual : this.#formOf(index);
    const filled = crowd.isUniform ? buffer : Buffer.from(bytes);
    writeUserId(filled, userIdAt, crowd.seed, crowd.buyer(index));
    if (keyAt !== undefined) writeUserId(filled, keyAt, crowd.seed, crowd.key(index) ?? index);
    if (crowd.sales > 1) writeNumber(filled, saleEnd, crowd.sale(index) + 1, crowd.sales);
    return filled;
  }

  #formOf(index: number): Form {
    const units = this.#crowd.units(index);
    const hasKey = this.#crowd.key(index) !== undefined;
    const which = units * 2 + (hasKey ? 1 : 0);
    const form = this.#forms.get(which) ?? this.#makeForm(units, hasKey);
    this.#forms.set(which, form);
    return form;
  }

  #makeForm(units: number, hasKey: boolean): Form {
    const blank = '_'.repeat(USER_ID_LENGTH);
    const start = `{"saleId":${JSON.stringify(this.#saleId)},"userId":"`;
    const body = `${start}${blank}"${units === 1 ? '' : `,"quantity":${units}`}}`;
    const first = `POST ${this.#path} HTTP/1.1\r\nHost: ${this.#host}\r\nConnection: keep-alive\r\nIdempotency-Key: `;
    const head =
      (hasKey ? `${first}${blank}\r\n` : first.slice(0, first.lastIndexOf('\n') + 1)) +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    return {
      bytes: Buffer.from(head + body),
      userIdAt: Buffer.byteLength(head + start),
      saleEnd: Buffer.byteLength(head) + '{"saleId":"'.length + this.#saleId.length,
      keyAt: hasKey ? Buffer.byteLength(first) : undefined,
    };
  }
}

/** Writes a number over the digits that end at `end`: as many as the largest one has. */
function writeNumber(target: Uint8Array, end: number, number: number, largest: number): void {
  for (let at = end - 1, rest = number, most = largest; most > 0; most = Math.floor(most / 10), at--) {
    target[at] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

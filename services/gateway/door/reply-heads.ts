/** Heads of the door's replies, as texts that are ready to be written. What is the same within a second is made once a second. */
import { STATUS_CODES } from 'node:http';
import type { Refusal } from '../problems.ts';
import { JSON_CONTENT_TYPE } from '../reserve-reply.ts';

export class ReplyHeads {
  readonly #keepAlive: string;
  #date = '';
  /** Length of the payload → head of a 202. */
  #accepted: string[] = [];

  /** @param keepAliveSec seconds for which an idle connection is kept; clients are told */
  constructor(keepAliveSec: number) {
    this.#keepAlive = `connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSec}\r\n`;
    this.refresh();
  }

  /** Takes the time anew. Call it once a second. */
  refresh(): void {
    this.#date = `date: ${new Date().toUTCString()}\r\n`;
    this.#accepted = [];
  }

  /** @param payloadLength characters, all of them ASCII */
  accepted(payloadLength: number, isLast: boolean): string {
    if (isLast) return this.#acceptedHead(payloadLength, true);
    return (this.#accepted[payloadLength] ??= this.#acceptedHead(payloadLength, false));
  }

  refused({ status, headers }: Refusal, isLast: boolean): string {
    let fields = '';
    for (let at = 0; at + 1 < headers.length; at += 2) fields += `${headers[at]}: ${headers[at + 1]}\r\n`;
    return this.#head(status, fields, isLast);
  }

  /** The whole answer to a request that did not come to its end. */
  timedOut(): string {
    return this.#head(408, 'content-length: 0\r\n', true);
  }

  #acceptedHead(payloadLength: number, isLast: boolean): string {
    return this.#head(
      202,
      `content-type: ${JSON_CONTENT_TYPE}\r\ncontent-length: ${payloadLength}\r\n`,
      isLast,
    );
  }

  #head(status: number, fields: string, isLast: boolean): string {
    const connection = isLast ? 'connection: close\r\n' : this.#keepAlive;
    return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fields}${this.#date}${connection}\r\n`;
  }
}

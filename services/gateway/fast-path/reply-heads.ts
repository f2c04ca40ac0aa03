/**
 * Heads of the fast path's replies, ready to be written. What stays the same within a second is made once a
 * second.
 */
import { STATUS_CODES } from 'node:http';
import type { Rejection } from '../problems.ts';
import { JSON_CONTENT_TYPE } from '../reserve-reply.ts';

const LAST = 'connection: close\r\n';

export class ReplyHeads {
  readonly #keepAlive: string;
  #date = '';
  /** Length of the payload → head of a 202. */
  #accepted: string[] = [];

  /** @param keepAliveSec seconds for which an idle connection is kept, as clients are informed */
  constructor(keepAliveSec: number) {
    this.#keepAlive = `connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSec}\r\n`;
    this.refresh();
  }

  /** Updates the date. Call it once a second. */
  refresh(): void {
    this.#date = `date: ${new Date().toUTCString()}\r\n`;
    this.#accepted = [];
  }

  /** @param payloadLength characters, all of them ASCII */
  accepted(payloadLength: number, isLast: boolean): string {
    if (isLast) return this.#acceptedHead(payloadLength, true);
    return (this.#accepted[payloadLength] ??= this.#acceptedHead(payloadLength, false));
  }

  /** @returns ASCII; the payload that follows is UTF-8 */
  rejected(given: Rejection, isLast: boolean): string {
    return this.#head(given.status, fieldLines(given), isLast);
  }

  #acceptedHead(payloadLength: number, isLast: boolean): string {
    return this.#head(
      202,
      `content-type: ${JSON_CONTENT_TYPE}\r\ncontent-length: ${payloadLength}\r\n`,
      isLast,
    );
  }

  #head(status: number, fields: string, isLast: boolean): string {
    return statusLine(status) + fields + this.#date + (isLast ? LAST : this.#keepAlive) + '\r\n';
  }
}

/** A complete answer that ends its connection, for input that never became a request; UTF-8. */
export function closingReply(given: Rejection): string {
  const date = `date: ${new Date().toUTCString()}\r\n`;
  return `${statusLine(given.status)}${fieldLines(given)}${date}${LAST}\r\n${given.payload}`;
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
}

function fieldLines({ headers }: Rejection): string {
  let fields = '';
  for (let at = 0; at + 1 < headers.length; at += 2) fields += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return fields;
}

/**
 * Reads the gateway's answers. The common form is recognised by its bytes; anything else goes to the full
 * parsers.
 */
import { z } from 'zod';
import { parseJson } from '../../../services/shared/parse-json.ts';

const replySchema = z.object({ reservationId: z.string().min(1).max(200) });
const START = '{"reservationId":"';

/**
 * The reservation id in a 202's body, `undefined` when it holds none.
 * Only ASCII ids count, as the gateway's all are: the ledger keeps a byte a character.
 */
export function readReservationId(body: string): string | undefined {
  if (body.startsWith(START)) {
    const end = body.indexOf('"', START.length);
    const id = end > START.length ? body.slice(START.length, end) : '';
    if (id !== '' && id.length <= 200 && !id.includes('\\') && isAscii(id)) return id;
  }
  // Without an id, the request counts as accepted, which the audit reports.
  const id = parseJson(body, replySchema)?.reservationId;
  return id !== undefined && isAscii(id) ? id : undefined;
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return true;
}

/** A response that came whole in one piece. */
export interface WholeReply {
  readonly status: number;
  /** Where the body begins in the text. */
  readonly bodyAt: number;
}

const MAX_LENGTH = 4_096;
const CONTENT_LENGTH = /\r\ncontent-length:[ \t]*(\d{1,6})[ \t]*(?:\r\n|$)/i;
const NEEDS_PARSER = /\r\n(?:transfer-encoding|trailer|upgrade):|\r\nconnection:[^\r]*close/i;

/**
 * Recognises a response that came whole in one chunk, with a Content-Length, on a connection that stays open:
 * nearly all of them. Everything else gets `undefined` and goes to autocannon's parser, which costs several
 * times as much. Keeps the last head: within one second nearly all heads are the same text.
 */
export class ReplyReader {
  #head = '';
  #status = 0;
  #length = -1;

  read(text: string): WholeReply | undefined {
    if (text.length > MAX_LENGTH) return undefined;
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd < 0) return undefined;
    if (headEnd !== this.#head.length || !text.startsWith(this.#head)) this.#learn(text.slice(0, headEnd));
    if (this.#length < 0 || headEnd + 4 + this.#length !== text.length) return undefined;
    return { status: this.#status, bodyAt: headEnd + 4 };
  }

  #learn(head: string): void {
    this.#head = head;
    this.#length = -1;
    this.#status = Number(head.slice(9, 12));
    if (!head.startsWith('HTTP/1.1 ') || !(this.#status >= 200 && this.#status <= 599)) return;
    if (this.#status === 204 || this.#status === 304 || NEEDS_PARSER.test(head)) return;
    const length = CONTENT_LENGTH.exec(head)?.[1];
    if (length !== undefined) this.#length = Number(length);
  }
}

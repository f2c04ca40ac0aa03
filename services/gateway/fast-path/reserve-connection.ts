/**
 * One client's connection on the fast path. It reads reservations one after the other. Anything else hands
 * the connection over to Node's HTTP server.
 *
 *   reading ──whole request──► waiting ──answered──► reading …
 *      │ ▲                        └──the client has gone──► closed
 *      │ └──part of a request: held until the rest comes; ──time is up──► 408, ending; ──the client's end──► 400, ending
 *      ├──not a plain reservation──► handed over                            (never while waiting)
 *      └──idle for too long, the client's end, or the fast path's──► ending ──flushed, or LINGER_SEC──► closed
 *
 * Bytes that come while it waits, or while the client does not read its answers, are put back into the paused
 * socket. So Node's buffer and then TCP slow the client down, and the client's end is only seen after its
 * requests.
 */
import type { Socket } from 'node:net';
import { REQUEST_CUT_SHORT, REQUEST_TOO_SLOW, type Rejection } from '../problems.ts';
import { acceptedPayload, type HandleReserve, type ReserveReply } from '../reserve-reply.ts';
import { MAX_HEAD_BYTES, mayBecomeReservation, type HeadReader } from './request-head.ts';
import { closingReply, type ReplyHeads } from './reply-heads.ts';

/** Seconds that an ending connection has to flush what was written. */
const LINGER_SEC = 5;
const HEAD_END = '\r\n\r\n';

/** What a connection needs of its fast path. */
export interface FastPathSide {
  readonly heads: HeadReader;
  readonly replies: ReplyHeads;
  readonly isClosing: boolean;
  /** Seconds by the fast path's own clock. */
  readonly nowSec: number;
  readonly handleReserve: HandleReserve;
  /** Gives the connection to Node's server. Unused bytes have been put back into the socket. */
  handOver(connection: ReserveConnection, socket: Socket): void;
  release(connection: ReserveConnection): void;
}

export class ReserveConnection implements ReserveReply {
  readonly #fastPath: FastPathSide;
  readonly #socket: Socket;
  /** Bytes that were read and not used yet. */
  #held: Buffer | undefined;
  #isWaiting = false;
  #isReading = false;
  #isPaused = false;
  /** The client has ended its side. */
  #hasEnded = false;
  /** Nothing more will be written. */
  #isEnding = false;
  /** The client does not read its answers: no further request is read until it does. */
  #isChoked = false;
  #activeSec: number;

  constructor(socket: Socket, fastPath: FastPathSide) {
    this.#fastPath = fastPath;
    this.#socket = socket;
    this.#activeSec = fastPath.nowSec;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', ignoreError);
    socket.on('close', this.#onClose);
  }

  accept(reservationId: string): void {
    const payload = acceptedPayload(reservationId);
    // One byte a character, as acceptedPayload promises.
    this.#answer(this.#fastPath.replies.accepted(payload.length, this.#isLast) + payload, 'latin1');
  }

  reject(given: Rejection): void {
    // UTF-8, as its length was counted: it may name an unknown field that the client sent.
    this.#answer(this.#fastPath.replies.rejected(given, this.#isLast) + given.payload, 'utf8');
  }

  /** Ends the connection when it was silent for too long. Called once a second. */
  expire(partSec: number, idleSec: number): void {
    const silentSec = this.#fastPath.nowSec - this.#activeSec;
    if (this.#isEnding) {
      if (silentSec >= LINGER_SEC) this.#socket.destroy();
    } else if (this.#isWaiting) {
      // The answer comes within the confirm timeout.
    } else if (this.#isChoked) {
      // A client that does not read would not read a last answer either.
      if (silentSec >= partSec) this.#socket.destroy();
    } else if (silentSec >= partSec && (this.#held !== undefined || this.#socket.bytesWritten === 0)) {
      this.#end(closingReply(REQUEST_TOO_SLOW));
    } else if (silentSec >= idleSec) this.#end();
  }

  /** Closes at once when idle, else with the answer. */
  close(): void {
    if (!this.#isWaiting) this.#end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get #isLast(): boolean {
    return this.#fastPath.isClosing || this.#hasEnded;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isEnding) return;
    // The time limit starts at the first byte of a request, so that a slow trickle can't prolong it.
    if (this.#held === undefined) this.#activeSec = this.#fastPath.nowSec;
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#read();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    if (this.#isWaiting || this.#isEnding) return;
    // Half a request will never be completed.
    this.#end(this.#held === undefined ? '' : closingReply(REQUEST_CUT_SHORT));
  };

  readonly #onClose = (): void => this.#fastPath.release(this);

  readonly #onDrain = (): void => {
    this.#isChoked = false;
    if (!this.#isWaiting && !this.#isEnding) this.#read();
  };

  #answer(text: string, encoding: BufferEncoding): void {
    const isLast = this.#isLast;
    this.#isWaiting = false;
    this.#activeSec = this.#fastPath.nowSec;
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (!socket.write(text, encoding)) {
      this.#isChoked = true;
      socket.once('drain', this.#onDrain);
    }
    if (isLast) this.#end();
    else if (this.#isPaused && !this.#isReading) this.#read();
  }

  /** Closes the connection once `farewell` and all before it are written, or LINGER_SEC later. */
  #end(farewell = ''): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#activeSec = this.#fastPath.nowSec;
    this.#held = undefined;
    if (farewell !== '') this.#socket.end(farewell);
    this.#socket.destroySoon();
  }

  #putBack(bytes: Buffer): void {
    this.#isPaused = true;
    this.#held = undefined;
    this.#socket.pause();
    this.#socket.unshift(bytes);
  }

  /** Takes the requests that are held, as long as each is answered at once. */
  #read(): void {
    this.#isReading = true;
    while (this.#held !== undefined && !this.#isWaiting && !this.#isChoked && this.#readOne(this.#held));
    this.#isReading = false;
    if (this.#isWaiting || this.#isChoked) {
      if (this.#held !== undefined) this.#putBack(this.#held);
    } else if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
  }

  /** @returns whether the held bytes may contain a further request */
  #readOne(bytes: Buffer): boolean {
    const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_HEAD_BYTES));
    const headEnd = text.indexOf(HEAD_END);
    if (headEnd === -1) {
      if (bytes.length >= MAX_HEAD_BYTES || !mayBecomeReservation(text)) this.#handOver(bytes);
      return false;
    }
    const head = this.#fastPath.heads.read(text.slice(0, headEnd + 2));
    if (head === undefined) {
      this.#handOver(bytes);
      return false;
    }
    const bodyStart = headEnd + HEAD_END.length;
    const bodyEnd = bodyStart + head.bodyLength;
    if (bytes.length < bodyEnd) return false;
    let body: unknown;
    try {
      body = JSON.parse(bytes.toString('utf8', bodyStart, bodyEnd));
    } catch {
      // The HTTP server has the answer for it.
      this.#handOver(bytes);
      return false;
    }
    this.#held = bytes.length === bodyEnd ? undefined : bytes.subarray(bodyEnd);
    this.#isWaiting = true;
    this.#fastPath.handleReserve(body, head.idempotencyKey, this, head.traceparent);
    return true;
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    this.#held = undefined;
    this.#isPaused = false;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', ignoreError);
    socket.off('close', this.#onClose);
    socket.pause();
    socket.unshift(bytes);
    this.#fastPath.handOver(this, socket);
  }
}

/** `close` follows and releases the connection. */
function ignoreError(): void {}

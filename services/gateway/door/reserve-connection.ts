/**
 * One client's connection at the door. Reservations are read here, one after the other; the first byte of anything else makes the
 * connection Node's.
 *
 *   reading ──whole request──► waiting ──answered──► reading …            (bytes that come meanwhile are held)
 *      │ ▲                        └──the client has gone──► closed
 *      │ └──part of a request: held until the rest comes, or the time is up ──► 408, closed
 *      ├──not a plain reservation──► handed over                            (never while an answer is owed)
 *      └──idle for too long, the client's end, or the door's──► closed
 */
import type { Socket } from 'node:net';
import type { Refusal } from '../problems.ts';
import { acceptedPayload, type ReserveReply } from '../reserve-reply.ts';
import { MAX_HEAD_BYTES, mayBecomeReservation, type HeadReader } from './request-head.ts';
import type { ReplyHeads } from './reply-heads.ts';

/** Bytes that a client may send ahead of its answer before its socket is read no further. */
const MAX_AHEAD_BYTES = 16 * 1024;
const HEAD_END = '\r\n\r\n';

/** What a connection needs of its door. */
export interface DoorSide {
  readonly heads: HeadReader;
  readonly replies: ReplyHeads;
  readonly isClosing: boolean;
  /** Seconds by the door's own clock. */
  readonly nowSec: number;
  /** Hands a reservation on; its answer comes by `reply`, at once or later. `body` is what JSON.parse gave. */
  take(body: unknown, idempotencyKey: string | undefined, reply: ReserveReply): void;
  /** The connection is Node's from now on; what was read and not used has been put back. */
  handOver(connection: ReserveConnection, socket: Socket): void;
  forget(connection: ReserveConnection): void;
}

export class ReserveConnection implements ReserveReply {
  readonly #door: DoorSide;
  readonly #socket: Socket;
  /** What came and is not used yet. */
  #held: Buffer | undefined;
  #isWaiting = false;
  #isReading = false;
  #hasEnded = false;
  /** The client reads slower than it asks: no further request is taken until it has. */
  #isChoked = false;
  #activeSec: number;

  constructor(socket: Socket, door: DoorSide) {
    this.#door = door;
    this.#socket = socket;
    this.#activeSec = door.nowSec;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', ignoreError);
    socket.on('close', this.#onClose);
  }

  accept(reservationId: string): void {
    const payload = acceptedPayload(reservationId);
    this.#answer(this.#door.replies.accepted(payload.length, this.#isLast), payload);
  }

  refuse(given: Refusal): void {
    this.#answer(this.#door.replies.refused(given, this.#isLast), given.payload);
  }

  /** Once a second: ends what has been silent for too long. */
  expire(partSec: number, idleSec: number): void {
    // An answer that is owed comes within the confirm timeout.
    if (this.#isWaiting) return;
    const silentSec = this.#door.nowSec - this.#activeSec;
    if (silentSec >= partSec && (this.#held !== undefined || this.#socket.bytesWritten === 0)) {
      this.#socket.end(this.#door.replies.timedOut());
      this.#socket.destroySoon();
    } else if (silentSec >= idleSec) this.#socket.destroySoon();
  }

  /** The door closes: at once when nothing is owed, else with the answer. */
  close(): void {
    if (!this.#isWaiting) this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get #isLast(): boolean {
    return this.#door.isClosing || (this.#hasEnded && this.#held === undefined);
  }

  readonly #onData = (chunk: Buffer): void => {
    // The time of a request counts from its first byte: a trickle does not stretch it.
    if (this.#held === undefined) this.#activeSec = this.#door.nowSec;
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    if (!this.#isWaiting && !this.#isChoked) this.#read();
    else if (this.#held.length > MAX_AHEAD_BYTES) this.#socket.pause();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    if (!this.#isWaiting) this.#socket.destroySoon();
  };

  readonly #onClose = (): void => this.#door.forget(this);

  readonly #onDrain = (): void => {
    this.#isChoked = false;
    this.#read();
  };

  #answer(head: string, payload: string): void {
    this.#isWaiting = false;
    this.#activeSec = this.#door.nowSec;
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (!socket.write(head + payload, 'latin1')) {
      this.#isChoked = true;
      socket.once('drain', this.#onDrain);
    }
    if (this.#isLast) socket.destroySoon();
    else if (this.#held !== undefined && !this.#isReading && !this.#isChoked) this.#read();
  }

  /** Takes the requests that are held, as long as each is answered at once. */
  #read(): void {
    this.#isReading = true;
    while (this.#held !== undefined && !this.#isWaiting && !this.#isChoked && this.#readOne(this.#held));
    this.#isReading = false;
    // Half a request will not be completed.
    if (this.#hasEnded && !this.#isWaiting && !this.#isChoked) this.#socket.destroySoon();
    if (this.#socket.isPaused() && !this.#isWaiting && !this.#isChoked) this.#socket.resume();
  }

  /** Gives whether there may be a further request in what is held. */
  #readOne(bytes: Buffer): boolean {
    const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_HEAD_BYTES));
    const headEnd = text.indexOf(HEAD_END);
    if (headEnd === -1) {
      if (bytes.length >= MAX_HEAD_BYTES || !mayBecomeReservation(text)) this.#handOver(bytes);
      return false;
    }
    const head = this.#door.heads.read(text.slice(0, headEnd + 2));
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
      // Refused by the one place that words it.
      this.#handOver(bytes);
      return false;
    }
    this.#held = bytes.length === bodyEnd ? undefined : bytes.subarray(bodyEnd);
    this.#isWaiting = true;
    this.#door.take(body, head.idempotencyKey, this);
    return true;
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    this.#held = undefined;
    if (this.#hasEnded) {
      // Nothing can be put back behind the client's end.
      socket.destroySoon();
      return;
    }
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', ignoreError);
    socket.off('close', this.#onClose);
    socket.pause();
    socket.unshift(bytes);
    this.#door.handOver(this, socket);
  }
}

/** `close` follows, and takes the connection out. */
function ignoreError(): void {}

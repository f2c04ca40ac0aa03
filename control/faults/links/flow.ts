/**
 * One direction of a connection through the proxy.
 *
 * Without a fault it writes what it reads, and stops to read while the reader is slow. With a delay or a
 * throttle, pieces wait here up to a limit; then it stops to read, too.
 */
import type { Socket } from 'node:net';
import type { LinkEffect, LinkFault } from '../../../contract/links.ts';

/** Bytes that may wait in one flow. One read of 64 KiB may go past it. */
export const HELD_LIMIT_BYTES = 256 * 1024;
/** Bytes that may wait in the whole process. */
const ALL_HELD_LIMIT_BYTES = 64 * 1024 * 1024;
/** ms that a throttled link is busy with one piece. */
const PIECE_MS = 50;
/** ms of work that a throttled link takes in advance. */
const THROTTLE_AHEAD_MS = 500;

/** The first end of a link sends requests, the second one answers. */
export type Direction = 'requests' | 'answers';

/** What the flows of one link share. */
export interface LinkState {
  fault: LinkFault | undefined;
  readonly effect: { -readonly [Key in keyof LinkEffect]: number };
  /** Until when a throttled link is busy, each way; ms of the performance clock. */
  readonly busyUntilMs: Record<Direction, number>;
}

interface Piece {
  readonly bytes: Buffer;
  readonly heldAtMs: number;
  readonly dueAtMs: number;
}

/** Bytes that wait in this process, in all links. */
let allHeldBytes = 0;

export class Flow {
  readonly from: Socket;
  readonly #to: Socket;
  readonly #link: LinkState;
  readonly #direction: Direction;
  readonly #held: Piece[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #onDrained: (() => void) | undefined;
  /** Bytes are missing: nothing that follows may arrive. */
  #hasHole = false;

  /** @param onReset called when the link resets what answers */
  constructor(link: LinkState, direction: Direction, from: Socket, to: Socket, onReset: () => void) {
    this.#link = link;
    this.#direction = direction;
    this.from = from;
    this.#to = to;
    from.on('data', (bytes: Buffer) => this.#handle(bytes, onReset));
    to.on('drain', () => (this.#heldBytes === 0 ? from.resume() : this.#deliver()));
  }

  /** A half-open link swallows this direction now. */
  get isCutOff(): boolean {
    const { fault } = this.#link;
    return fault?.kind === 'halfOpen' && [this.#direction, 'both'].includes(fault.direction);
  }

  get hasHole(): boolean {
    return this.#hasHole;
  }

  /** Runs an action once nothing is held any more; at once when nothing is. */
  whenDrained(action: () => void): void {
    if (this.#heldBytes === 0) action();
    else this.#onDrained = action;
  }

  /** Delivers all that is held, in order. */
  releaseHeld(): void {
    this.#deliver(Infinity);
  }

  /** Forgets what is held. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#link.effect.droppedBytes += this.#heldBytes;
    this.#count(-this.#heldBytes);
    this.#held.length = 0;
    this.#onDrained = undefined;
  }

  #handle(bytes: Buffer, onReset: () => void): void {
    const { fault, effect } = this.#link;
    if (this.#hasHole || this.isCutOff) {
      this.#hasHole = true;
      effect.droppedBytes += bytes.length;
    } else if (fault?.kind === 'reset' && this.#direction === 'answers') {
      effect.droppedBytes += bytes.length;
      onReset();
    } else if (fault?.kind === 'delay' || fault?.kind === 'throttle' || this.#heldBytes > 0)
      this.#hold(bytes);
    else {
      effect.forwardedBytes += bytes.length;
      if (!this.#to.write(bytes)) this.from.pause();
    }
  }

  #hold(bytes: Buffer): void {
    const { fault, effect, busyUntilMs } = this.#link;
    const nowMs = performance.now();
    const lastMs = this.#held.at(-1)?.dueAtMs ?? 0;
    if (fault?.kind === 'throttle') {
      const size = Math.max(1, Math.floor((fault.bytesPerSec * PIECE_MS) / 1_000));
      for (let at = 0; at < bytes.length; at += size) {
        const piece = bytes.subarray(at, at + size);
        const dueAtMs =
          Math.max(nowMs, busyUntilMs[this.#direction]) + (piece.length * 1_000) / fault.bytesPerSec;
        busyUntilMs[this.#direction] = dueAtMs;
        this.#held.push({ bytes: piece, heldAtMs: nowMs, dueAtMs: Math.max(lastMs, dueAtMs) });
      }
    } else {
      const delayMs = fault?.kind === 'delay' ? fault.ms + Math.random() * fault.jitterMs : 0;
      this.#held.push({ bytes, heldAtMs: nowMs, dueAtMs: Math.max(lastMs, nowMs + delayMs) });
    }
    this.#count(bytes.length);
    effect.heldBytes += bytes.length;
    if (!this.#hasRoom()) this.from.pause();
    this.#wait();
  }

  #hasRoom(): boolean {
    const { fault } = this.#link;
    const limitBytes =
      fault?.kind === 'throttle'
        ? Math.min(HELD_LIMIT_BYTES, (fault.bytesPerSec * THROTTLE_AHEAD_MS) / 1_000)
        : HELD_LIMIT_BYTES;
    return this.#heldBytes < limitBytes && allHeldBytes < ALL_HELD_LIMIT_BYTES;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const next = this.#held[0];
    if (next === undefined) return;
    this.#timer = setTimeout(() => this.#deliver(), Math.max(0, next.dueAtMs - performance.now()));
  }

  /** Writes the pieces that are due. At a release everything goes, also past the reader's room. */
  #deliver(untilMs = performance.now() + 0.5): void {
    const { effect } = this.#link;
    let isTaken = !this.#to.writableNeedDrain;
    let pieces = 0;
    for (const { bytes, heldAtMs, dueAtMs } of this.#held) {
      if (dueAtMs > untilMs || !(isTaken || untilMs === Infinity)) break;
      pieces++;
      effect.longestHoldMs = Math.max(effect.longestHoldMs, performance.now() - heldAtMs);
      effect.forwardedBytes += bytes.length;
      isTaken = this.#to.write(bytes);
      this.#count(-bytes.length);
    }
    this.#held.splice(0, pieces);
    if (this.#heldBytes === 0) {
      this.#onDrained?.();
      this.#onDrained = undefined;
    }
    // Else `drain` goes on.
    if (!isTaken) return;
    // One that has nothing must read again, however much the others hold: nothing else would wake it.
    if (this.#heldBytes === 0 || this.#hasRoom()) this.from.resume();
    this.#wait();
  }

  #count(bytes: number): void {
    this.#heldBytes += bytes;
    allHeldBytes += bytes;
  }
}

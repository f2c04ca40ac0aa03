/**
 * Acks the deliveries of one channel. Frames finish in any order, but one ack can cover all deliveries up to
 * its own. So the finished beginning of the window is acked at once.
 */
import { TagWindow } from '../shared/amqp/tag-window.ts';

export interface AckChannel {
  /** Acks one delivery, or with `isUpTo` all open ones up to it. */
  ack(tag: number, isUpTo: boolean): void;
}

export class AckWindow {
  readonly #channel: AckChannel;
  readonly #maxHeld: number;
  /** Deliveries in order → whether they are finished. Removed once acked or given back. */
  readonly #open = new TagWindow<boolean>();
  #finished = 0;
  #isFlushDue = false;

  /**
   * @param maxHeld finished deliveries that may wait for an unfinished one before them; past it each gets an
   * ack of its own
   */
  constructor(channel: AckChannel, maxHeld: number) {
    this.#channel = channel;
    this.#maxHeld = maxHeld;
  }

  /** Deliveries that are neither acked nor given back. */
  get size(): number {
    return this.#open.size;
  }

  /** Adds a delivery; tags rise. */
  open(tag: number): void {
    this.#open.set(tag, false);
  }

  /** Removes a delivery that was rejected or given back. */
  drop(tag: number): void {
    this.#open.delete(tag);
    this.#flushSoon();
  }

  /**
   * Marks a delivery as finished. It is acked with its neighbours at the end of this turn of the event loop.
   */
  finish(tag: number): void {
    if (this.#open.get(tag) !== false) return;
    this.#open.set(tag, true);
    this.#finished++;
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      this.flush();
    });
  }

  /** Acks what can be acked now. */
  flush(): void {
    let last: number | undefined;
    for (const [tag, isFinished] of this.#open) {
      if (!isFinished) break;
      last = tag;
      this.#open.delete(tag);
      this.#finished--;
    }
    if (last !== undefined) this.#channel.ack(last, true);
    if (this.#finished < this.#maxHeld) return;
    // A first frame that waits long, for example for Postgres, must not keep RabbitMQ from handing out
    // others.
    for (const [tag, isFinished] of this.#open) {
      if (!isFinished) continue;
      this.#open.delete(tag);
      this.#finished--;
      this.#channel.ack(tag, false);
    }
  }
}

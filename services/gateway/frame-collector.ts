/**
 * Collects reservations into frames. Reservations of one sale that arrive in one turn of the event loop
 * become one frame, one AMQP message and one confirm. Confirming each reservation alone costs two thirds of
 * the throughput.
 *
 *   open ──full, or end of the turn──► published ──confirm──► accepted
 *     │                                    └──nack, return, timeout, connection lost──► failed
 *     └──publisher not writable, or two frames in flight: stays open until that ends, or full
 */
import { FRAME_VERSION, encodeEntry } from '../shared/frame.ts';
import { framedId, framedIdPrefix, keyedId } from '../shared/ids.ts';
import type { RareCounts } from '../shared/rare-paths.ts';
import type { SaleFacts } from '../shared/sales.ts';
import { step } from '../shared/stop-points.ts';

/** How a frame ended. `away` was never sent. After `lost` and `timeout` the broker may still have it. */
export type FrameEnd = 'confirmed' | 'nacked' | 'returned' | 'timeout' | 'lost' | 'away';

export interface OutgoingFrame {
  readonly id: string;
  readonly saleId: string;
  readonly count: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  /** Called once. */
  settle(end: FrameEnd): void;
}

export interface FramePublisher {
  /** False while the write buffer is full: an open frame then waits and grows. */
  readonly isWritable: boolean;
  /** Sends a frame, or settles it `away`. Never throws. */
  publish(frame: OutgoingFrame): void;
}

/** Where the answers go. The caller chooses the type `Reply`. */
export interface Answerer<Reply> {
  accept(reply: Reply, reservationId: string): void;
  fail(reply: Reply, reservationId: string, end: Exclude<FrameEnd, 'confirmed'>): void;
  /** Once a frame, before its replies are answered. */
  onSettled(saleId: string, count: number, end: FrameEnd, tookMs: number): void;
}

export interface FrameCollectorOptions<Reply> {
  readonly gatewayId: string;
  /** Most reservations in one frame. */
  readonly maxFrame: number;
  /** Most reservations in open and unsettled frames together. */
  readonly maxUnconfirmed: number;
  /**
   * Frames that may wait for their confirm. Past it, reservations gather in the open frame until it is full.
   */
  readonly maxFlights: number;
  readonly publisher: FramePublisher;
  readonly rare: RareCounts<'gateway'>;
  readonly answerer: Answerer<Reply>;
  /** Runs a function at the end of this turn of the event loop; `setImmediate` by default. */
  readonly schedule?: (run: () => void) => void;
}

export class FrameCollector<Reply> {
  readonly #options: FrameCollectorOptions<Reply>;
  readonly #schedule: (run: () => void) => void;
  /** Sale id → frame that still takes reservations. */
  readonly #open = new Map<string, OpenFrame<Reply>>();
  readonly #onTurnEnd = (): void => {
    this.#isScheduled = false;
    if (this.#options.publisher.isWritable && this.#flights < this.#options.maxFlights) this.flush();
  };
  /** Frames that are published and not settled. */
  #flights = 0;
  #isScheduled = false;
  #lastSeq = 0;
  #unconfirmed = 0;

  constructor(options: FrameCollectorOptions<Reply>) {
    this.#options = options;
    this.#schedule = options.schedule ?? setImmediate;
  }

  /** Reservations that wait for a confirm, those in open frames included. */
  get unconfirmedNow(): number {
    return this.#unconfirmed;
  }

  /** Sequence of the latest frame. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /**
   * Puts a reservation into its sale's open frame.
   * @returns false, without touching `reply`, when too many wait already
   */
  add(sale: SaleFacts, userId: string, quantity: number, digest: string | undefined, reply: Reply): boolean {
    if (this.#unconfirmed >= this.#options.maxUnconfirmed) return false;
    this.#unconfirmed++;
    let frame = this.#open.get(sale.id);
    if (frame !== undefined && frame.generation !== sale.generation) {
      this.#options.rare.frameCutShort++;
      // The sale was reset since the frame was opened. A frame belongs to one generation.
      this.#close(frame);
      frame = undefined;
    }
    if (frame === undefined) {
      frame = this.#openFrame(sale);
      this.#open.set(sale.id, frame);
      this.#scheduleFlush();
      step('gateway.after-read');
    }
    frame.add(userId, quantity, digest, reply);
    if (frame.count >= this.#options.maxFrame) this.#close(frame);
    return true;
  }

  /** Publishes all open frames. */
  flush(): void {
    for (const frame of this.#open.values()) this.#close(frame);
  }

  #scheduleFlush(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#onTurnEnd);
  }

  #openFrame(sale: SaleFacts): OpenFrame<Reply> {
    const id = `${this.#options.gatewayId}-${(++this.#lastSeq).toString(36)}`;
    return new OpenFrame(id, sale.id, sale.generation, this.#options.answerer, (count) => {
      this.#unconfirmed -= count;
      this.#flights--;
      if (this.#open.size > 0) this.#scheduleFlush();
    });
  }

  #close(frame: OpenFrame<Reply>): void {
    this.#open.delete(frame.saleId);
    frame.close();
    this.#flights++;
    this.#options.publisher.publish(frame);
  }
}

class OpenFrame<Reply> implements OutgoingFrame {
  readonly id: string;
  readonly saleId: string;
  readonly generation: number;
  readonly #answerer: Answerer<Reply>;
  readonly #release: (count: number) => void;
  #replies: Reply[] = [];
  #lines = '';
  /** Index → digest; most frames have none. */
  #digests: Map<number, string> | undefined;
  /** By the monotonic clock. */
  #closedMs = 0;
  body: Buffer = Buffer.alloc(0);
  headers: Readonly<Record<string, unknown>> = {};
  count = 0;

  constructor(
    id: string,
    saleId: string,
    generation: number,
    answerer: Answerer<Reply>,
    release: (count: number) => void,
  ) {
    this.id = id;
    this.saleId = saleId;
    this.generation = generation;
    this.#answerer = answerer;
    this.#release = release;
  }

  add(userId: string, quantity: number, digest: string | undefined, reply: Reply): void {
    if (digest !== undefined) (this.#digests ??= new Map()).set(this.count, digest);
    this.#lines += encodeEntry(userId, quantity, digest);
    this.#replies.push(reply);
    this.count++;
  }

  close(): void {
    this.#closedMs = performance.now();
    // Ids are ASCII: one byte a character.
    this.body = Buffer.from(this.#lines, 'latin1');
    this.#lines = '';
    this.headers = {
      v: FRAME_VERSION,
      n: this.count,
      sale: this.saleId,
      gen: this.generation,
      t: Date.now(),
    };
  }

  settle(end: FrameEnd): void {
    const replies = this.#replies;
    // This also makes a second settle harmless.
    this.#replies = [];
    if (replies.length === 0) return;
    this.#release(replies.length);
    this.#answerer.onSettled(this.saleId, replies.length, end, performance.now() - this.#closedMs);
    if (end === 'confirmed' && this.#digests === undefined) {
      const prefix = framedIdPrefix(this.saleId, this.id);
      let index = 0;
      for (const reply of replies) this.#answerer.accept(reply, prefix + index++);
      return;
    }
    for (const [index, reply] of replies.entries()) {
      const digest = this.#digests?.get(index);
      const id = digest === undefined ? framedId(this.saleId, this.id, index) : keyedId(this.saleId, digest);
      if (end === 'confirmed') this.#answerer.accept(reply, id);
      else this.#answerer.fail(reply, id, end);
    }
  }
}

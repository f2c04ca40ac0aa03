/**
 * Collects reservations into frames. Reservations that arrive in one turn of the event loop become one AMQP
 * message and one confirm, with a frame for each of their sales. Confirming each reservation alone costs two
 * thirds of the throughput; with a message for each sale, a thousand sales would cost more than that.
 *
 *   open ──full, or end of the turn──► published ──confirm──► accepted
 *     │                                    └──nack, return, timeout, connection lost──► failed
 *     └──publisher not writable, two messages in flight, or too soon after the last: stays open until that ends, or full
 */
import { encodeEntry, encodeMessage, type FrameHeaders } from '../shared/frame.ts';
import { BUCKET_SLOTS, bucketOf, frameIdOf, framedId, framedIdPrefix, keyedId } from '../shared/ids.ts';
import type { FramedRef } from '../shared/ids.ts';
import type { RareCounts } from '../shared/rare-paths.ts';
import type { SaleFacts } from '../shared/sales.ts';
import { step } from '../shared/stop-points.ts';

/** ms after which a sale's frames begin another bucket. A frame was sent so long after its bucket at most. */
export const BUCKET_AGE_MS = 10 * 60_000;

/** Timers count whole ms: less than this is not worth one. */
const SHORTEST_WAIT_MS = 0.5;

/** How a message ended. `away` was never sent. After `lost` and `timeout` the broker may still have it. */
export type FrameEnd = 'confirmed' | 'nacked' | 'returned' | 'timeout' | 'lost' | 'away';

export interface OutgoingMessage {
  /** The id of its first frame. */
  readonly id: string;
  /** Reservations in it. */
  readonly count: number;
  readonly headers: FrameHeaders;
  readonly body: Buffer;
  /** Called once. */
  settle(end: FrameEnd): void;
}

export interface FramePublisher {
  /** False while the write buffer is full: the open message then waits and grows. */
  readonly isWritable: boolean;
  /** Sends a message, or settles it `away`. Never throws. */
  publish(message: OutgoingMessage): void;
}

/** What the answerer is told of the frames of a settled message. */
export interface SettledFrame {
  readonly saleId: string;
  readonly count: number;
}

/** The trace of a message that holds a traced reservation. */
export interface MessageTrace {
  /** More headers of the message (frame.ts). */
  readonly headers: Pick<FrameHeaders, 'traceparent' | 'traced'>;
  end(end: FrameEnd): void;
}

/** Begins the trace of a message that is about to be published, if it has one. */
type TraceMessage<Reply> = (
  frames: readonly { readonly id: string; readonly replies: readonly Reply[] }[],
) => MessageTrace | undefined;

/** Where the answers go. The caller chooses the type `Reply`. */
export interface Answerer<Reply> {
  accept(reply: Reply, reservationId: string): void;
  fail(reply: Reply, reservationId: string, end: Exclude<FrameEnd, 'confirmed'>): void;
  /** Once a message, before its replies are answered. `count` is that of all its reservations. */
  onSettled(frames: Iterable<SettledFrame>, count: number, end: FrameEnd, tookMs: number): void;
}

export interface FrameCollectorOptions<Reply> {
  readonly gatewayId: string;
  /** Most reservations in one message. */
  readonly maxFrame: number;
  /** Most reservations in open and unsettled messages together. */
  readonly maxUnconfirmed: number;
  /**
   * Messages that may wait for their confirm. Past it, reservations gather in the open one until it is full.
   */
  readonly maxFlights: number;
  /** ms between two messages, if the first had several reservations: others will come. One alone waits for nothing. */
  readonly gapMs: number;
  readonly publisher: FramePublisher;
  readonly rare: RareCounts<'gateway'>;
  readonly answerer: Answerer<Reply>;
  /** `undefined` while there are no traces. */
  readonly traceMessage?: TraceMessage<Reply> | undefined;
  /** Runs a function at the end of this turn of the event loop; `setImmediate` by default. */
  readonly schedule?: (run: () => void) => void;
}

/** Where the latest frame of a sale is: a number of the gateway's, and a place in it. */
interface Bucket {
  readonly number: number;
  /** By the monotonic clock. */
  readonly openedMs: number;
  lastSlot: number;
}

export class FrameCollector<Reply> {
  readonly #options: FrameCollectorOptions<Reply>;
  readonly #schedule: (run: () => void) => void;
  /** The message that still takes reservations. */
  #open: OpenMessage<Reply> | undefined;
  readonly #onTurnEnd = (): void => {
    this.#isScheduled = false;
    if (!this.#options.publisher.isWritable || this.#flights >= this.#options.maxFlights) return;
    const waitMs = this.#nextMs - performance.now();
    if (waitMs < SHORTEST_WAIT_MS) return this.flush();
    this.#isScheduled = true;
    setTimeout(this.#onTurnEnd, waitMs);
  };
  /** Sale id → bucket of its latest frame. */
  readonly #buckets = new Map<string, Bucket>();
  /** Messages that are published and not settled. */
  #flights = 0;
  #isScheduled = false;
  /** When the next message may leave that is not full, by the monotonic clock. */
  #nextMs = 0;
  #lastBucket = 0;
  #unconfirmed = 0;

  constructor(options: FrameCollectorOptions<Reply>) {
    this.#options = options;
    this.#schedule = options.schedule ?? setImmediate;
  }

  /** Reservations that wait for a confirm, those in the open message included. */
  get unconfirmedNow(): number {
    return this.#unconfirmed;
  }

  /** Number of the latest bucket. */
  get lastBucket(): number {
    return this.#lastBucket;
  }

  /** Whether a frame of an existing bucket was never sent, as far as that is known. */
  isUnused({ saleId, frameId }: FramedRef): boolean {
    const bucket = this.#buckets.get(saleId);
    const place = bucketOf(frameId);
    if (bucket === undefined || place?.bucket !== this.#bucketName(bucket)) return false;
    return Number.parseInt(place.slot, 36) > bucket.lastSlot;
  }

  /**
   * Puts a reservation into its sale's frame of the open message.
   * @returns false, without touching `reply`, when too many wait already
   */
  add(sale: SaleFacts, userId: string, quantity: number, digest: string | undefined, reply: Reply): boolean {
    if (this.#unconfirmed >= this.#options.maxUnconfirmed) return false;
    this.#unconfirmed++;
    let message = this.#open;
    let frame = message?.frames.get(sale.id);
    if (frame !== undefined && frame.generation !== sale.generation) {
      this.#options.rare.frameCutShort++;
      // The sale was reset since the frame was opened. A frame belongs to one generation.
      this.flush();
      message = frame = undefined;
    }
    if (message === undefined) {
      message = this.#openMessage();
      this.#open = message;
      this.#scheduleFlush();
      step('gateway.after-read');
    }
    if (frame === undefined) {
      frame = new OpenFrame(this.#nextId(sale.id, message.openedMs), sale.id, sale.generation);
      message.frames.set(sale.id, frame);
    }
    frame.add(userId, quantity, digest, reply);
    if (++message.count >= this.#options.maxFrame) this.flush();
    return true;
  }

  /** Publishes the open message. */
  flush(): void {
    const message = this.#open;
    if (message === undefined) return;
    this.#open = undefined;
    message.close(this.#options.traceMessage);
    this.#nextMs = message.count > 1 ? message.closedMs + this.#options.gapMs : 0;
    this.#flights++;
    this.#options.publisher.publish(message);
  }

  #scheduleFlush(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#onTurnEnd);
  }

  #openMessage(): OpenMessage<Reply> {
    return new OpenMessage(this.#options.answerer, (count) => {
      this.#unconfirmed -= count;
      this.#flights--;
      if (this.#open !== undefined) this.#scheduleFlush();
    });
  }

  #nextId(saleId: string, nowMs: number): string {
    let bucket = this.#buckets.get(saleId);
    if (
      bucket === undefined ||
      bucket.lastSlot + 1 >= BUCKET_SLOTS ||
      nowMs - bucket.openedMs >= BUCKET_AGE_MS
    ) {
      bucket = { number: ++this.#lastBucket, openedMs: nowMs, lastSlot: -1 };
      this.#buckets.set(saleId, bucket);
    }
    return frameIdOf(this.#options.gatewayId, bucket.number, ++bucket.lastSlot);
  }

  #bucketName({ number }: Bucket): string {
    return `${this.#options.gatewayId}-${number.toString(36)}`;
  }
}

class OpenFrame<Reply> {
  readonly id: string;
  readonly saleId: string;
  readonly generation: number;
  readonly replies: Reply[] = [];
  lines = '';
  /** Index → digest; most frames have none. */
  digests: Map<number, string> | undefined;

  constructor(id: string, saleId: string, generation: number) {
    this.id = id;
    this.saleId = saleId;
    this.generation = generation;
  }

  get count(): number {
    return this.replies.length;
  }

  add(userId: string, quantity: number, digest: string | undefined, reply: Reply): void {
    if (digest !== undefined) (this.digests ??= new Map()).set(this.count, digest);
    this.lines += encodeEntry(userId, quantity, digest);
    this.replies.push(reply);
  }

  answer(answerer: Answerer<Reply>, end: FrameEnd): void {
    if (end === 'confirmed' && this.digests === undefined) {
      const prefix = framedIdPrefix(this.saleId, this.id);
      let index = 0;
      for (const reply of this.replies) answerer.accept(reply, prefix + index++);
      return;
    }
    for (const [index, reply] of this.replies.entries()) {
      const digest = this.digests?.get(index);
      const id = digest === undefined ? framedId(this.saleId, this.id, index) : keyedId(this.saleId, digest);
      if (end === 'confirmed') answerer.accept(reply, id);
      else answerer.fail(reply, id, end);
    }
  }
}

class OpenMessage<Reply> implements OutgoingMessage {
  /** Sale id → its frame, in the order in which they were opened. */
  readonly frames = new Map<string, OpenFrame<Reply>>();
  readonly #answerer: Answerer<Reply>;
  readonly #release: (count: number) => void;
  /** By the monotonic clock. */
  readonly openedMs = performance.now();
  #isSettled = false;
  /** By the monotonic clock. */
  closedMs = 0;
  #trace: MessageTrace | undefined;
  id = '';
  body: Buffer = Buffer.alloc(0);
  headers: FrameHeaders = { v: 0, n: 0, t: 0 };
  count = 0;

  constructor(answerer: Answerer<Reply>, release: (count: number) => void) {
    this.#answerer = answerer;
    this.#release = release;
  }

  close(traceMessage: TraceMessage<Reply> | undefined): void {
    this.closedMs = performance.now();
    const frames = [...this.frames.values()];
    this.id = frames[0]?.id ?? '';
    ({ headers: this.headers, body: this.body } = encodeMessage(frames, Date.now()));
    for (const frame of frames) frame.lines = '';
    if (traceMessage === undefined) return;
    this.#trace = traceMessage(frames);
    if (this.#trace !== undefined) this.headers = { ...this.headers, ...this.#trace.headers };
  }

  settle(end: FrameEnd): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#release(this.count);
    this.#trace?.end(end);
    const tookMs = performance.now() - this.closedMs;
    this.#answerer.onSettled(this.frames.values(), this.count, end, tookMs);
    for (const frame of this.frames.values()) frame.answer(this.#answerer, end);
  }
}

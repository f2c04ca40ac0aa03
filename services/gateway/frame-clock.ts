/**
 * Knows to the second when this gateway's buckets of frames were opened, so that an id shows whether its
 * outcome can still exist.
 */
import { BUCKET_SLOTS, bucketOf, frameIdOf } from '../shared/ids.ts';

/** Marks that are kept, one a second: a little longer than records are readable. */
const MAX_MARKS = 2_100;

interface Mark {
  readonly bucket: number;
  readonly atMs: number;
}

export class FrameClock {
  readonly #gatewayId: string;
  readonly #retentionMs: number;
  readonly #lastBucket: () => number;
  readonly #marks: Mark[] = [];

  /** @param retentionMs ms after the opening of its bucket for which a frame's outcomes may be readable */
  constructor(gatewayId: string, retentionMs: number, lastBucket: () => number) {
    this.#gatewayId = gatewayId;
    this.#retentionMs = retentionMs;
    this.#lastBucket = lastBucket;
  }

  /** Notes which bucket is the latest now, by the monotonic clock. Call it once a second. */
  mark(nowMs: number): void {
    this.#marks.push({ bucket: this.#lastBucket(), atMs: nowMs });
    if (this.#marks.length > MAX_MARKS) this.#marks.shift();
  }

  /** `recent`: sent within the last minute. `expired`: sent longer ago than outcomes are kept. */
  ask(frameId: string, nowMs: number): 'never-sent' | 'recent' | 'sent' | 'expired' | 'foreign' {
    const prefix = `${this.#gatewayId}-`;
    if (!frameId.startsWith(prefix)) return 'foreign';
    const place = bucketOf(frameId);
    const bucket = Number.parseInt(place?.bucket.slice(prefix.length) ?? '', 36);
    const slot = Number.parseInt(place?.slot ?? '', 36);
    // Only the canonical text: `010` names no frame.
    if (
      !(bucket >= 1 && bucket <= this.#lastBucket() && slot < BUCKET_SLOTS) ||
      frameIdOf(this.#gatewayId, bucket, slot) !== frameId
    )
      return 'never-sent';
    const bucketAt = (ageMs: number): number =>
      this.#marks.findLast((mark) => mark.atMs <= nowMs - ageMs)?.bucket ?? 0;
    if (bucket > bucketAt(60_000)) return 'recent';
    return bucket <= bucketAt(this.#retentionMs) ? 'expired' : 'sent';
  }
}

/**
 * Knows to the second when this gateway's frames were sent, so that an id shows whether its outcome can still
 * exist.
 */

/** Marks that are kept, one a second: a little longer than records are readable. */
const MAX_MARKS = 1_500;

interface Mark {
  readonly seq: number;
  readonly atMs: number;
}

export class FrameClock {
  readonly #prefix: string;
  readonly #retentionMs: number;
  readonly #lastSeq: () => number;
  readonly #marks: Mark[] = [];

  /** @param retentionMs ms for which outcomes are readable */
  constructor(gatewayId: string, retentionMs: number, lastSeq: () => number) {
    this.#prefix = `${gatewayId}-`;
    this.#retentionMs = retentionMs;
    this.#lastSeq = lastSeq;
  }

  /** Notes which frame is the latest now, by the monotonic clock. Call it once a second. */
  mark(nowMs: number): void {
    this.#marks.push({ seq: this.#lastSeq(), atMs: nowMs });
    if (this.#marks.length > MAX_MARKS) this.#marks.shift();
  }

  /** `recent`: sent within the last minute. `expired`: sent longer ago than outcomes are kept. */
  ask(frameId: string, nowMs: number): 'never-sent' | 'recent' | 'sent' | 'expired' | 'foreign' {
    if (!frameId.startsWith(this.#prefix)) return 'foreign';
    const text = frameId.slice(this.#prefix.length);
    const seq = Number.parseInt(text, 36);
    // Only the canonical text: `01` names no frame.
    if (seq < 1 || seq > this.#lastSeq() || seq.toString(36) !== text) return 'never-sent';
    const seqAt = (ageMs: number): number =>
      this.#marks.findLast((mark) => mark.atMs <= nowMs - ageMs)?.seq ?? 0;
    if (seq > seqAt(60_000)) return 'recent';
    return seq <= seqAt(this.#retentionMs) ? 'expired' : 'sent';
  }
}

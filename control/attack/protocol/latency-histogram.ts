/**
 * Counts of durations in µs: 128 buckets for each power of two, so that a percentile is off by at most 0.8 %.
 * Merges by addition and travels as the buckets that hold something.
 */

const SUB_BITS = 7;
const SUB_COUNT = 1 << SUB_BITS;
/** Buckets that hold every value below 2³² µs (71 minutes). */
const BUCKETS = (32 - SUB_BITS + 1) * SUB_COUNT;
const MAX_US = 2 ** 32 - 1;

/** Percentiles in ms. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
  readonly mean: number;
}

/** A histogram as it crosses a process line. */
export interface HistogramData {
  /** Pairs of bucket and count. */
  readonly buckets: Uint32Array<ArrayBuffer>;
  readonly maxUs: number;
  readonly sumUs: number;
}

export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #maxUs = 0;
  #sumUs = 0;

  get count(): number {
    return this.#count;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : Math.round(this.#sumUs / this.#count) / 1000;
  }

  get maxMs(): number {
    return this.#maxUs / 1000;
  }

  /** Counts one duration; below 0 counts as 0. */
  recordUs(valueUs: number): void {
    const us = valueUs <= 0 ? 0 : valueUs >= MAX_US ? MAX_US : Math.floor(valueUs);
    const bucket = bucketOf(us);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#sumUs += us;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  /** Adds what another histogram counted. */
  add(data: HistogramData): void {
    for (let at = 0; at + 1 < data.buckets.length; at += 2) {
      const bucket = data.buckets[at] ?? 0;
      const count = data.buckets[at + 1] ?? 0;
      if (bucket >= BUCKETS) throw new RangeError(`histogram bucket ${bucket} does not exist`);
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#count += count;
    }
    this.#sumUs += data.sumUs;
    if (data.maxUs > this.#maxUs) this.#maxUs = data.maxUs;
  }

  data(): HistogramData {
    const pairs: number[] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) pairs.push(bucket, count);
    });
    return { buckets: Uint32Array.from(pairs), maxUs: this.#maxUs, sumUs: this.#sumUs };
  }

  reset(): void {
    if (this.#count === 0) return;
    this.#counts.fill(0);
    this.#count = this.#maxUs = this.#sumUs = 0;
  }

  /** The duration in ms that a share (0..1) of all stayed within; 0 when nothing was counted. */
  quantileMs(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(upperUs(bucket), this.#maxUs) / 1000;
    }
    return 0;
  }

  /** How many durations ended in each row: up to each of the edges in ms, which ascend, and beyond the last. */
  countsUpTo(edgesMs: readonly number[]): number[] {
    const counts = new Array<number>(edgesMs.length + 1).fill(0);
    let row = 0;
    this.#counts.forEach((count, bucket) => {
      while (row < edgesMs.length && upperUs(bucket) > (edgesMs[row] ?? 0) * 1000) row++;
      counts[row] = (counts[row] ?? 0) + count;
    });
    return counts;
  }

  percentiles(): Percentiles {
    return {
      p50: this.quantileMs(0.5),
      p90: this.quantileMs(0.9),
      p99: this.quantileMs(0.99),
      p999: this.quantileMs(0.999),
      p9999: this.quantileMs(0.9999),
      max: this.maxMs,
      mean: this.meanMs,
    };
  }
}

/** Values below 128 have a bucket each; above, the highest 8 bits choose it. */
function bucketOf(us: number): number {
  if (us < SUB_COUNT) return us;
  const shift = 32 - Math.clz32(us) - SUB_BITS - 1;
  return (shift + 1) * SUB_COUNT + ((us >>> shift) - SUB_COUNT);
}

/** The highest value of a bucket. */
function upperUs(bucket: number): number {
  if (bucket < SUB_COUNT) return bucket;
  const shift = Math.floor(bucket / SUB_COUNT) - 1;
  return ((bucket % SUB_COUNT) + SUB_COUNT + 1) * 2 ** shift - 1;
}

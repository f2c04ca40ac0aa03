/**
 * Finds out whether a backend works, by a real write or commit. Successful traffic proves the same, so the
 * operation is left out while there is some.
 */
import type { Pool } from 'pg';
import { nextHealth, troubleOf, type BackendHealth, type BackendTrouble } from './backend-trouble.ts';
import type { RedisClient } from './redis.ts';
import { withLimit } from './time-limit.ts';

/** ms between two checks. */
const INTERVAL_MS = 1_000;
/** ms that the operation may take. */
export const OPERATION_LIMIT_MS = 1_500;
/** ms for which the result of a check is given again. */
const FRESH_MS = 250;
/**
 * ms for which refused traffic counts for more than an operation that succeeds. Longer than any pause between
 * two tries.
 */
const REFUSAL_MEMORY_MS = 3_000;
/** ms that a read may take while its backend is known to be gone. It may just have come back. */
const GONE_LIMIT_MS = 100;

export interface BackendWatchOptions {
  /** Writes something durably. Rejects when the backend does not take it. */
  readonly operate: () => Promise<unknown>;
  /** Grows with each success of real traffic. */
  readonly proofs?: () => number;
  readonly onChange?: (health: BackendHealth) => void;
}

export class BackendWatch {
  readonly #options: BackendWatchOptions;
  #health: BackendHealth = { state: 'ok', reason: 'ok', sinceMs: Date.now() };
  #look: Promise<BackendHealth> | undefined;
  /** An operation that runs past its limit. A second one would only queue behind it. */
  #pending: Promise<unknown> | undefined;
  #lookedMs = -Infinity;
  #proofs = 0;
  #refusal: BackendTrouble | undefined;
  #refusedMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  /** Reads that hear when the backend is gone. */
  readonly #reads = new Set<() => void>();

  constructor(options: BackendWatchOptions) {
    this.#options = options;
  }

  /** As of the last check. */
  get health(): BackendHealth {
    return this.#health;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      const proofs = this.#options.proofs?.() ?? 0;
      const isProven = proofs > this.#proofs;
      this.#proofs = proofs;
      if (isProven) {
        this.#refusedMs = -Infinity;
        this.#emit(undefined);
      } else void this.check();
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Notes an error of real traffic. The operation can succeed where a bigger write is refused: on a full
   * disk, a small commit still fits.
   */
  noteError(error: unknown): void {
    const trouble = troubleOf(error);
    // One failure does not show whether it is away or silent. The operation finds that out.
    if (trouble.state !== 'refusing') return;
    this.#refusal = trouble;
    this.#refusedMs = performance.now();
    this.#emit(trouble);
  }

  /**
   * The value of a read; an error soon after the backend turns out to be gone. Without it, a read that began just
   * before would wait for a limit that is far longer.
   */
  async whileServing<Value>(read: Promise<Value>): Promise<Value> {
    let timer: NodeJS.Timeout | undefined;
    let endSoon: () => void = () => undefined;
    const gone = new Promise<never>((_, reject) => {
      const fail = () => reject(new Error(`the backend is gone: ${this.#health.reason}`));
      endSoon = () => (timer ??= setTimeout(fail, GONE_LIMIT_MS));
    });
    if (isGone(this.#health)) endSoon();
    this.#reads.add(endSoon);
    try {
      return await Promise.race([read, gone]);
    } finally {
      this.#reads.delete(endSoon);
      clearTimeout(timer);
    }
  }

  /** Checks now, unless a check is under way or fresh. Never rejects. */
  check(): Promise<BackendHealth> {
    if (this.#look === undefined && (this.#pending || performance.now() - this.#lookedMs < FRESH_MS))
      return Promise.resolve(this.#health);
    return (this.#look ??= this.#operate().finally(() => {
      this.#look = undefined;
      this.#lookedMs = performance.now();
    }));
  }

  async #operate(): Promise<BackendHealth> {
    const operation = this.#options.operate();
    const pending = operation.catch(() => undefined).finally(() => (this.#pending = undefined));
    this.#pending = pending;
    try {
      await withLimit(operation, OPERATION_LIMIT_MS, 'no answer', afterArrivals);
      this.#emit(performance.now() - this.#refusedMs < REFUSAL_MEMORY_MS ? this.#refusal : undefined);
    } catch (error) {
      this.#emit(troubleOf(error));
    }
    return this.#health;
  }

  #emit(trouble: BackendTrouble | undefined): void {
    const health = nextHealth(this.#health, trouble);
    if (health === this.#health) return;
    this.#health = health;
    this.#options.onChange?.(health);
    if (isGone(health)) for (const endSoon of this.#reads) endSoon();
  }
}

/** Whether a backend now serves neither writes nor reads. */
export function isGone({ state }: BackendHealth): boolean {
  return state === 'silent' || state === 'away';
}

/** A script that writes, as the engine's own do. The key expires by itself. */
export function writeToRedis(redis: RedisClient, key: string): () => Promise<unknown> {
  const script = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])";
  return () => redis.eval(script, 1, key, Date.now(), 60_000);
}

/**
 * A commit that reaches the disk without a table: a message in the write-ahead log. It needs no right beyond
 * connecting, and leaves nothing to vacuum.
 */
const COMMIT = `SELECT pg_logical_emit_message(true, 'flashgrid', ''), current_setting('transaction_read_only') AS "readOnly"`;

export function commitToPostgres(pool: Pool): () => Promise<unknown> {
  return async () => {
    const { rows } = await pool.query<{ readOnly: string }>(COMMIT);
    if (rows[0]?.readOnly === 'on')
      throw Object.assign(new Error('read-only transaction'), { code: '25006' });
  };
}

/**
 * Runs after this turn's input was read: an answer that waits in the socket because this process was late
 * still counts.
 */
export function afterArrivals(task: () => void): void {
  setImmediate(() => setImmediate(task));
}

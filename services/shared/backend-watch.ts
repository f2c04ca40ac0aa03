/**
 * Whether a backend works, by a real operation: a write, a commit. Real traffic proves the same, so the operation is left out while some
 * succeeds.
 */
import type { Pool } from 'pg';
import { nextHealth, troubleOf, type BackendHealth, type BackendTrouble } from './backend-trouble.ts';
import type { RedisClient } from './redis.ts';
import { withLimit } from './time-limit.ts';

/** ms between two looks. */
const INTERVAL_MS = 1_000;
/** ms that the operation may take. */
export const OPERATION_LIMIT_MS = 1_500;
/** A look that is no older than this many ms answers whoever asks. */
const FRESH_MS = 250;
/** ms for which a refusal of real traffic counts for more than an operation that succeeds. Longer than any pause between two tries. */
const REFUSAL_MEMORY_MS = 3_000;

export interface BackendWatchOptions {
  /** Writes something, durably; rejects when the backend does not take it. */
  readonly operate: () => Promise<unknown>;
  /** Grows with each success of real traffic. */
  readonly proofs?: () => number;
  readonly onChange?: (health: BackendHealth) => void;
}

export class BackendWatch {
  readonly #options: BackendWatchOptions;
  #health: BackendHealth = { state: 'ok', reason: 'ok', sinceMs: Date.now() };
  #look: Promise<BackendHealth> | undefined;
  /** An operation that has not ended, past its limit: a second one would only queue behind it. */
  #pending: Promise<unknown> | undefined;
  #lookedMs = -Infinity;
  #proofs = 0;
  #refusal: BackendTrouble | undefined;
  #refusedMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BackendWatchOptions) {
    this.#options = options;
  }

  /** As of the last look. */
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
   * Takes what real traffic was told. An operation can succeed where a bigger write is refused: on a full disk, a small commit
   * still fits.
   */
  hear(error: unknown): void {
    const trouble = troubleOf(error);
    // Whether it is away or silent, the operation finds out as well; one failure alone does not tell.
    if (trouble.state !== 'refusing') return;
    this.#refusal = trouble;
    this.#refusedMs = performance.now();
    this.#emit(trouble);
  }

  /** Looks now, unless that was done a moment ago or is under way. Never rejects. */
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
  }
}

/** A script that writes: what the engine needs of Redis. The key expires by itself. */
export function writeToRedis(redis: RedisClient, key: string): () => Promise<unknown> {
  const script = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])";
  return () => redis.eval(script, 1, key, Date.now(), 60_000);
}

/** ms after which a connection that gives no answer is dropped: its server may be gone without a word. */
const QUERY_LIMIT_MS = 10_000;

/**
 * A commit that reaches the disk, without a table: a message in the write-ahead log. It needs no right beyond connecting, and leaves
 * nothing to be vacuumed.
 */
const COMMIT = `SELECT pg_logical_emit_message(true, 'flashgrid', ''), current_setting('transaction_read_only') AS "readOnly"`;

export function commitToPostgres(pool: Pool): () => Promise<unknown> {
  return async () => {
    // Typed by hand: pg takes a limit for one query, and its types don't know it.
    const query = { text: COMMIT, query_timeout: QUERY_LIMIT_MS };
    const { rows } = await pool.query<{ readOnly: string }>(query);
    if (rows[0]?.readOnly === 'on')
      throw Object.assign(new Error('read-only transaction'), { code: '25006' });
  };
}

/** After the turn in which the limit was due: an answer that lies in the socket because this process was late counts. */
export function afterArrivals(task: () => void): void {
  setImmediate(() => setImmediate(task));
}

import type { Pool } from 'pg';
import { parseReservationId } from '../../services/shared/ids.ts';
import { RECORD_RETENTION_MS, recordPlace } from '../../services/shared/keys.ts';
import type { RedisClient } from '../../services/shared/redis.ts';
import { readRecord } from '../../services/shared/records.ts';
import type { EventTimes } from './evidence.ts';

interface Sources {
  readonly pool: Pool;
  readonly redis: RedisClient;
  readonly namespace: string;
  readonly saleId: string;
}

/**
 * When the rows and decisions of witnesses came about. It notes what is asked for, and `read` looks that up:
 * so a run without a failed check reads nothing. Postgres writes the time of a row; Redis only knows when a
 * record expires, which is a fixed time after it was written, or, in a bucket, what the script noted.
 */
export class BackendTimes implements EventTimes {
  readonly #startedAtMs: number;
  /** Unix times in ms, by row and by reservation. */
  readonly #rows = new Map<string, number | undefined>();
  readonly #decisions = new Map<string, number | undefined>();

  /** @param startedAtMs the moment 0 of the ledger, as a Unix time */
  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  rowAtMs(unitNo: number, reservationId: string): number | undefined {
    return this.#sinceStart(this.#rows, `${unitNo} ${reservationId}`);
  }

  decidedAtMs(reservationId: string): number | undefined {
    return this.#sinceStart(this.#decisions, reservationId);
  }

  #sinceStart(known: Map<string, number | undefined>, key: string): number | undefined {
    const atMs = known.get(key);
    if (atMs === undefined) known.set(key, undefined);
    // Both backends write whole milliseconds.
    return atMs === undefined ? undefined : Math.round(atMs - this.#startedAtMs);
  }

  /** Looks up what was asked for. */
  async read({ pool, redis, namespace, saleId }: Sources): Promise<void> {
    if (this.#rows.size > 0) {
      const { rows } = await pool.query<{ key: string; at: number }>(
        `SELECT unit_no || ' ' || reservation_id AS key, (extract(epoch FROM min(created_at)) * 1000)::float8 AS at
           FROM tickets WHERE sale_id = $1 AND unit_no = ANY($2)
          GROUP BY 1 HAVING min(created_at) = max(created_at)`,
        [saleId, [...this.#rows.keys()].map((key) => Number.parseInt(key, 10))],
      );
      for (const { key, at } of rows) if (this.#rows.has(key)) this.#rows.set(key, at);
    }
    for (const id of this.#decisions.keys()) {
      const reference = parseReservationId(id);
      if (reference?.kind !== 'framed') continue;
      const place = recordPlace(namespace, saleId, reference.frameId);
      const { atMs } = (await readRecord(redis, place)) ?? {};
      if (atMs !== undefined) {
        this.#decisions.set(id, atMs);
        continue;
      }
      const [[seconds, micros], leftMs] = await Promise.all([redis.time(), redis.pttl(place.key)]);
      const nowMs = Number(seconds) * 1_000 + Number(micros) / 1_000;
      if (leftMs > 0) this.#decisions.set(id, nowMs - (RECORD_RETENTION_MS - leftMs));
    }
  }
}

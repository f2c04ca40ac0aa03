/**
 * Where defects are planted: the tickets and records of one sale, with an undo for each change. The rows that a constraint would refuse
 * go to a table of their own that inherits from `tickets`: it has none of its unique and foreign keys, and whoever reads `tickets` reads it
 * too. To drop it is the undo.
 */
import { createPool, quoteIdentifier } from '../../services/shared/postgres.ts';
import { createRedis } from '../../services/shared/redis.ts';
import { recordPlace, saleKeys } from '../../services/shared/keys.ts';
import { parseRecord, recordOfSlot } from '../../services/shared/outcomes.ts';
import type { FramedRef } from '../../services/shared/ids.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import type { Deployment } from '../cluster/cluster.ts';

const TABLE = 'planted_tickets';
/** ms that one undo may take; dropping a table waits for whoever reads it. */
const UNDO_LIMIT_MS = 5_000;

export interface TicketChange {
  readonly unit?: number;
  readonly reservationId?: string;
  readonly userId?: string;
}

export class PlantBed {
  readonly #saleId: string;
  readonly #namespace: string;
  readonly #schema: string;
  readonly #pool: ReturnType<typeof createPool>;
  readonly #redis: ReturnType<typeof createRedis>;
  readonly #undo = new ReleaseStack(UNDO_LIMIT_MS);
  readonly #forget: (frameId: string) => void;

  /** @param forget makes the audit forget what was published of a frame */
  constructor(deployment: Deployment, saleId: string, forget: (frameId: string) => void) {
    this.#forget = forget;
    this.#saleId = saleId;
    this.#namespace = deployment.namespace;
    this.#schema = deployment.postgresSchema;
    this.#pool = createPool({
      url: deployment.postgresOwnerUrl ?? deployment.postgresUrl,
      schema: this.#schema,
      max: 1,
      name: 'plant',
    });
    this.#undo.add('Postgres connection', () => this.#pool.end());
    this.#redis = createRedis(deployment.redisUrl, { role: 'control', onError: () => undefined });
    this.#undo.add('Redis connection', () => this.#redis.disconnect());
  }

  /** Takes every change back, and closes the connections. */
  undo(): Promise<void> {
    return this.#undo.release();
  }

  async changeTicket(unit: number, { reservationId, userId }: Omit<TicketChange, 'unit'>): Promise<void> {
    const sql = `UPDATE tickets SET reservation_id = $3, user_id = $4 WHERE sale_id = $1 AND unit_no = $2`;
    const { rows } = await this.#pool.query<{ reservation_id: string; user_id: string }>(
      'SELECT reservation_id, user_id FROM tickets WHERE sale_id = $1 AND unit_no = $2',
      [this.#saleId, unit],
    );
    const was = rows[0];
    if (!was) throw new RangeError(`sale ${this.#saleId} has no ticket for unit ${unit}`);
    const write = (id: string, user: string) => this.#pool.query(sql, [this.#saleId, unit, id, user]);
    await write(reservationId ?? was.reservation_id, userId ?? was.user_id);
    this.#undo.add(`ticket ${unit}`, () => write(was.reservation_id, was.user_id));
  }

  async removeTicket(unit: number): Promise<void> {
    const { rows } = await this.#pool.query<{ row: string }>(
      'DELETE FROM tickets WHERE sale_id = $1 AND unit_no = $2 RETURNING to_jsonb(tickets) AS row',
      [this.#saleId, unit],
    );
    this.#undo.add(`ticket ${unit}`, () =>
      this.#pool.query('INSERT INTO tickets SELECT (jsonb_populate_record(NULL::tickets, $1)).*', [
        rows[0]?.row,
      ]),
    );
  }

  /** Adds a copy of a ticket, which may break every key of the table. */
  async copyTicket(unit: number, change: TicketChange = {}): Promise<void> {
    const table = `${quoteIdentifier(this.#schema)}.${TABLE}`;
    await this.#pool.query(
      `CREATE TABLE IF NOT EXISTS ${table} () INHERITS (${quoteIdentifier(this.#schema)}.tickets)`,
    );
    this.#undo.add('planted tickets', () => this.#pool.query(`DROP TABLE IF EXISTS ${table}`));
    await this.#pool.query(
      `INSERT INTO ${table} (sale_id, unit_no, generation, stock, reservation_id, item_no, user_id)
       SELECT sale_id, $3, generation, stock, COALESCE($4, reservation_id), item_no, COALESCE($5, user_id)
         FROM ONLY tickets WHERE sale_id = $1 AND unit_no = $2`,
      [this.#saleId, unit, change.unit ?? unit, change.reservationId, change.userId],
    );
  }

  /** Deletes the record of a frame, and what was published of it. */
  async removeRecord(frameId: string): Promise<void> {
    this.#forget(frameId);
    await this.#writeRecord(frameId, () => undefined);
  }

  /** Grants another unit to a granted reservation in its record, or refuses it as sold out. */
  async changeGrant({ frameId, index }: FramedRef, unit: number | 'refused'): Promise<void> {
    await this.#writeRecord(frameId, (text) => {
      // All grants of a folded record are listed: it has as many places.
      const folded = text.split('|')[1] ?? '';
      const count = folded.startsWith('*') ? (text.split('|')[2] ?? '').split(';').length : folded.length;
      const { epoch, codes, grants } = parseRecord(text, count);
      const others = grants.filter((grant) => grant.index !== index);
      const kept = unit === 'refused' ? others : [...others, { index, units: [unit] }];
      const newCodes = unit === 'refused' ? `${codes.slice(0, index)}S${codes.slice(index + 1)}` : codes;
      const list = kept
        .sort((a, b) => a.index - b.index)
        .map((grant) => `${grant.index}:${grant.units.join(',')}`);
      return `${epoch}|${newCodes}|${list.join(';')}`;
    });
  }

  async addRemaining(units: number): Promise<void> {
    const { sale } = saleKeys(this.#namespace, this.#saleId);
    await this.#redis.hincrby(sale, 'remaining', units);
    this.#undo.add('units left', () => this.#redis.hincrby(sale, 'remaining', -units));
  }

  async #writeRecord(frameId: string, change: (text: string) => string | undefined): Promise<void> {
    const { key, bucketKey, slot } = recordPlace(this.#namespace, this.#saleId, frameId);
    const kept = slot === '' ? null : await this.#redis.hget(bucketKey, slot);
    if (kept !== null) {
      const { record, atMs } = recordOfSlot(kept);
      const next = change(record);
      if (next === undefined) await this.#redis.hdel(bucketKey, slot);
      else await this.#redis.hset(bucketKey, slot, `${next}|${atMs}`);
      this.#undo.add(`record of ${frameId}`, () => this.#redis.hset(bucketKey, slot, kept));
      return;
    }
    const was = await this.#redis.get(key);
    if (was === null) throw new RangeError(`frame ${frameId} has no record`);
    const next = change(was);
    // The undo must not make a record that never expires.
    const leftMs = Math.max(1, await this.#redis.pttl(key));
    if (next === undefined) await this.#redis.unlink(key);
    else await this.#redis.set(key, next, 'PX', leftMs);
    this.#undo.add(`record of ${frameId}`, () => this.#redis.set(key, was, 'PX', leftMs));
  }
}

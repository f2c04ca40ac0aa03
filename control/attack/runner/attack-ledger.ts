/**
 * The whole attack's requests, put together from what each generator process sent. The columns stay as they
 * came: nothing is copied twice.
 */
import type { LoadLedger, RequestStatus } from '../../audit/ledger.ts';
import { shareOf, type ColumnsMessage } from '../protocol/generator-messages.ts';
import {
  NOTHING,
  STATUS_CODES,
  TextTable,
  emptyColumns,
  joinReservationId,
  type Columns,
} from '../protocol/request-log.ts';
import type { Crowd } from '../protocol/crowd.ts';
import { userIdFor } from '../protocol/user-ids.ts';

/** The requests of one process; number `k` of process `p` is request `p + k × processes` of the attack. */
class LedgerPart {
  readonly columns: Columns;
  readonly prefixes = new TextTable();
  received = 0;

  constructor(count: number) {
    this.columns = emptyColumns(count);
  }
}

export class AttackLedger implements LoadLedger {
  readonly count: number;
  readonly #crowd: Pick<Crowd, 'seed' | 'buyer'>;
  readonly #parts: readonly LedgerPart[];

  constructor(totalRequests: number, processes: number, crowd: Pick<Crowd, 'seed' | 'buyer'>) {
    this.count = totalRequests;
    this.#crowd = crowd;
    this.#parts = Array.from(
      { length: processes },
      (_, index) => new LedgerPart(shareOf(totalRequests, index, processes)),
    );
  }

  /** Takes the next columns of a process; they come in order. */
  addColumns(processIndex: number, columns: ColumnsMessage): void {
    const part = this.#part(processIndex);
    const { first } = columns;
    if (first !== part.received || first + columns.status.length > part.columns.status.length)
      throw new RangeError(`generator ${processIndex} sent columns of requests that are not the next ones`);
    part.columns.status.set(columns.status, first);
    part.columns.httpStatus.set(columns.httpStatus, first);
    part.columns.sentUs.set(columns.sentUs, first);
    part.columns.answeredUs.set(columns.answeredUs, first);
    part.columns.prefix.set(columns.prefix, first);
    part.columns.place.set(columns.place, first);
    part.received = first + columns.status.length;
  }

  /** Takes the texts that the `prefix` column of a process refers to. */
  addPrefixes(processIndex: number, text: Uint8Array): void {
    const { prefixes } = this.#part(processIndex);
    const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
    for (let from = 0, end = bytes.indexOf(0x0a); end >= 0; from = end + 1, end = bytes.indexOf(0x0a, from))
      prefixes.add(bytes.toString('latin1', from, end));
  }

  /** Requests of each status. */
  totals(): Record<RequestStatus, number> {
    const counts = [0, 0, 0, 0];
    for (const { columns } of this.#parts)
      for (const status of columns.status) counts[status] = (counts[status] ?? 0) + 1;
    const of = (code: number) => counts[code] ?? 0;
    return {
      accepted: of(STATUS_CODES.accepted),
      rejected: of(STATUS_CODES.rejected),
      unknown: of(STATUS_CODES.unknown),
      unsent: of(STATUS_CODES.unsent),
    };
  }

  userId(index: number): string {
    return userIdFor(this.#crowd.seed, this.#crowd.buyer(index));
  }

  status(index: number): RequestStatus {
    const code = this.#of(index).columns.status[this.#row(index)];
    if (code === STATUS_CODES.accepted) return 'accepted';
    if (code === STATUS_CODES.rejected) return 'rejected';
    return code === STATUS_CODES.unknown ? 'unknown' : 'unsent';
  }

  reservationId(index: number): string | undefined {
    const { columns, prefixes } = this.#of(index);
    const row = this.#row(index);
    const prefix = columns.prefix[row] ?? NOTHING;
    return prefix === NOTHING ? undefined : joinReservationId(prefixes.get(prefix), columns.place[row] ?? 0);
  }

  httpStatus(index: number): number {
    return this.#of(index).columns.httpStatus[this.#row(index)] ?? 0;
  }

  sentAtMs(index: number): number {
    return (this.#of(index).columns.sentUs[this.#row(index)] ?? 0) / 1000;
  }

  answeredAtMs(index: number): number {
    const us = this.#of(index).columns.answeredUs[this.#row(index)] ?? NOTHING;
    return us === NOTHING ? Number.NaN : us / 1000;
  }

  #of(index: number): LedgerPart {
    if (!Number.isInteger(index) || index < 0 || index >= this.count)
      throw new RangeError(`request ${index} does not exist; there are ${this.count}`);
    return this.#part(index % this.#parts.length);
  }

  #part(processIndex: number): LedgerPart {
    const part = this.#parts[processIndex];
    if (!part) throw new RangeError(`generator ${processIndex} does not exist`);
    return part;
  }

  #row(index: number): number {
    return Math.floor(index / this.#parts.length);
  }
}

/** The requests to a shop that is not ours, with reservation ids by which its owners can be joined. */
import { readNote } from '../attack/protocol/shop-note.ts';
import type { LoadLedger, RequestStatus } from '../audit/ledger.ts';

export class ShopLedger implements LoadLedger {
  readonly #seen: LoadLedger;
  /** By request; missing where none is known. */
  readonly #ids: ReadonlyMap<number, string>;

  constructor(seen: LoadLedger, ids: ReadonlyMap<number, string>) {
    this.#seen = seen;
    this.#ids = ids;
  }

  get count(): number {
    return this.#seen.count;
  }
  userId(index: number): string {
    return this.#seen.userId(index);
  }
  status(index: number): RequestStatus {
    return this.#seen.status(index);
  }
  reservationId(index: number): string | undefined {
    return this.#ids.get(index);
  }
  httpStatus(index: number): number {
    return this.#seen.httpStatus(index);
  }
  isSoldOut(index: number): boolean {
    return this.status(index) === 'rejected' && this.#seen.reservationId(index) === 'soldOut';
  }
  sentAtMs(index: number): number {
    return this.#seen.sentAtMs(index);
  }
  answeredAtMs(index: number): number {
    return this.#seen.answeredAtMs(index);
  }
}

/** Id and unit in the answer to an accepted request. */
export const toldBy = (seen: LoadLedger, index: number) => readNote(seen.reservationId(index));

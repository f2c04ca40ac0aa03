/**
 * What the load generator itself saw, request by request. The audit judges the engine by this and by the
 * databases, never only by the engine's own counters.
 */
import { createHash } from 'node:crypto';

/**
 * How a request ended. `rejected`: rejected by the gateway, which published nothing. `unknown`: no answer, by
 * time-out or reset, or one that leaves open whether it was accepted (503 `unconfirmed`); the audit finds its
 * outcome. `unsent`: the attack ended before its turn.
 */
export type RequestStatus = 'accepted' | 'rejected' | 'unknown' | 'unsent';

/**
 * A compact view of every request of one attack; each asked for one unit. Columns and not objects: a million
 * requests are a few typed arrays, and the audit walks over them several times.
 */
export interface LoadLedger {
  /**
   * Requests of the attack, unsent ones included. Indexes are 0..count-1, in the order in which the generator
   * took them up.
   */
  readonly count: number;
  /** The buyer of a request; reproducible from the seed. */
  userId(index: number): string;
  status(index: number): RequestStatus;
  /** As the gateway gave it: of an accepted request, and of one that was told `unconfirmed`. */
  reservationId(index: number): string | undefined;
  /** 0 when there was no answer. */
  httpStatus(index: number): number;
  /** Of a shop that is not ours: whether the answer said that it is sold out. The gateway says so by status 409. */
  isSoldOut?(index: number): boolean;
  /** ms since the start of the attack. */
  sentAtMs(index: number): number;
  /** ms since the start of the attack; NaN when there was no answer. */
  answeredAtMs(index: number): number;
}

/** Buyers that are hashed at once. */
const HASH_CHUNK = 4_096;

/** SHA-256 of the buyers in the order in which they were sent: the same for two attacks with the same arrivals. */
export function hashArrivals(ledger: LoadLedger): string {
  const hash = createHash('sha256');
  let chunk: string[] = [];
  for (let index = 0; index < ledger.count; index++) {
    if (ledger.status(index) !== 'unsent') chunk.push(ledger.userId(index));
    if (chunk.length < HASH_CHUNK && index < ledger.count - 1) continue;
    hash.update(`${chunk.join('\n')}\n`);
    chunk = [];
  }
  return hash.digest('hex');
}

/**
 * The outcomes of reservations, and the record that decide-frame.lua keeps and returns for a frame.
 *
 * Record: `<epoch>|<codes>|<grants>`. `codes` has one character a reservation, or `*` and one character when
 * all have the same code: so a sold-out frame of 200 takes six bytes. `grants` lists `index:unit` or
 * `index:unit,unit`, with `;` between, in rising order of index. `epoch` is the sale's epoch in Redis.
 */
import { HALF_DIGEST_LENGTH, askOf } from './ids.ts';

/** Codes in a record. A test compares this table with `lua/decide-frame.lua`. */
export const OUTCOME_CODES = {
  G: 'granted',
  S: 'sold_out',
  L: 'buyer_limit',
  Q: 'insufficient',
  C: 'sale_closed',
  R: 'sale_reset',
  K: 'key_reused',
} as const;

export type OutcomeCode = keyof typeof OUTCOME_CODES;
export type RefusalReason = Exclude<(typeof OUTCOME_CODES)[OutcomeCode], 'granted'>;

/** First value of decide-frame.lua's reply. */
export const DECIDE_STATUS = {
  /** Decided now. */
  decided: 0,
  /** Decided earlier: the record is the earlier one. */
  repeated: 1,
  /**
   * Redis does not know the sale, or only an older generation, or has started again since. Rebuild it from Postgres,
   * then decide again.
   */
  unknownSale: 2,
} as const;

export type Outcome =
  | { readonly status: 'granted'; readonly units: readonly number[] }
  | { readonly status: 'refused'; readonly reason: RefusalReason };

export interface Grant {
  /** Place in the frame, from 0. */
  readonly index: number;
  readonly units: readonly number[];
}

export interface FrameRecord {
  readonly epoch: number;
  /** One character a reservation. */
  readonly codes: string;
  readonly grants: readonly Grant[];
}

/** A record that no version of the script writes. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/** A record in a bucket (keys.ts): behind it stands when it was written, in ms since 1970. */
export function recordOfSlot(kept: string): { readonly record: string; readonly atMs: number } {
  const end = kept.lastIndexOf('|');
  return { record: kept.slice(0, end), atMs: Number(kept.slice(end + 1)) };
}

/**
 * Turns what Redis keeps for a granted key, or a former version kept for a refused one, into the record of the reservation
 * `digest`: `key_reused` if another used the key.
 */
export function keyedRecordOf(kept: string, digest: string): string {
  return kept.startsWith(askOf(digest)) ? kept.slice(HALF_DIGEST_LENGTH) : '0|K|';
}

/** The same for a refused key: the code, then the begin of the ask. Its epoch is unknown, and never asked for. */
export function refusedRecordOf(kept: string, digest: string): string {
  return `0|${askOf(digest).startsWith(kept.slice(1)) ? kept.slice(0, 1) : 'K'}|`;
}

/**
 * A grant of a key in the hash `granted` (keys.ts), in the form that `keyedRecordOf` reads. Its epoch 0 is
 * unknown.
 */
export function keptGrant(grant: string): string {
  return `${grant.slice(0, HALF_DIGEST_LENGTH)}0|G|0:${grant.slice(HALF_DIGEST_LENGTH)}`;
}

function isOutcomeCode(code: string): code is OutcomeCode {
  return Object.hasOwn(OUTCOME_CODES, code);
}

/**
 * Reads a frame's record.
 * @param count reservations in the frame; unfolds `*`
 * @throws RecordError
 */
export function parseRecord(text: string, count: number): FrameRecord {
  const [epochText, folded, grantsText, ...rest] = text.split('|');
  const epoch = Number(epochText);
  if (folded === undefined || grantsText === undefined || rest.length > 0 || !Number.isInteger(epoch)) {
    throw new RecordError(`not a frame record: ${text.slice(0, 80)}`);
  }
  const codes = folded.startsWith('*') ? folded.slice(1).repeat(count) : folded;
  if (codes.length !== count)
    throw new RecordError(`a record of ${codes.length} outcomes for a frame of ${count}`);
  const grants = grantsText === '' ? [] : grantsText.split(';').map(parseGrant);
  return { epoch, codes, grants };
}

function parseGrant(text: string): Grant {
  const colon = text.indexOf(':');
  const index = Number(text.slice(0, colon));
  const units = text
    .slice(colon + 1)
    .split(',')
    .map(Number);
  if (colon < 1 || !Number.isInteger(index) || !units.every((unit) => Number.isInteger(unit) && unit > 0)) {
    throw new RecordError(`not a grant: ${text.slice(0, 80)}`);
  }
  return { index, units };
}

/** The epoch in a record's text. */
export function epochOf(text: string): number {
  return Number(text.slice(0, text.indexOf('|')));
}

/**
 * The outcome of the reservation at `index` in a record's text, without unfolding the rest.
 * @throws RecordError when the record has no such place or an unknown code
 */
export function outcomeAt(text: string, index: number): Outcome {
  const first = text.indexOf('|');
  const second = text.indexOf('|', first + 1);
  const code =
    text[first + 1] === '*'
      ? text[first + 2]
      : first + 1 + index < second
        ? text[first + 1 + index]
        : undefined;
  if (first < 1 || second < 0 || code === undefined || !isOutcomeCode(code))
    throw new RecordError(`no outcome ${index} in: ${text.slice(0, 80)}`);
  const name = OUTCOME_CODES[code];
  if (name !== 'granted') return { status: 'refused', reason: name };
  const grant = text
    .slice(second + 1)
    .split(';')
    .find((part) => part.startsWith(`${index}:`));
  if (!grant) throw new RecordError(`grant ${index} has no unit in: ${text.slice(0, 80)}`);
  return { status: 'granted', units: parseGrant(grant).units };
}

/**
 * The buyers of an attack. A buyer's id is a pure function of seed and index, so that the generator needs no
 * table, the ledger stores no ids, and the same seed brings the same buyers in the same order.
 */

/**
 * Characters of every id: `u` and seven digits in base 36. Fixed, so that a request's length never changes.
 */
export const USER_ID_LENGTH = 8;
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const DIGIT_CODES = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const LETTER_U = 0x75;

/**
 * Scrambles an index under a seed. Each step (xor, odd multiplication, xor with a shift of itself) can be
 * undone, so within 32 bits two indexes never meet; buyers that were plain numbers in order would flatter an
 * index that likes order.
 */
export function scramble(seed: number, index: number): number {
  let x = (index ^ Math.imul(seed + 1, 0x9e3779b1)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
  x = (x ^ Math.imul(seed, 0x27d4eb2f)) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * Who sends request `index` of an attack, as a number from 0. All buyers ask in turn; every second turn goes
 * backwards, so that who came last asks again first.
 */
export function buyerOf(index: number, buyers: number): number {
  const turn = Math.floor(index / buyers);
  const place = index % buyers;
  return turn % 2 === 0 ? place : buyers - 1 - place;
}

/** The id of buyer `index` (0..2³²-1) of an attack; the one of request `index` where each buyer sends one. */
export function userIdFor(seed: number, index: number): string {
  return (
    'u' +
    scramble(seed, index)
      .toString(36)
      .padStart(USER_ID_LENGTH - 1, '0')
  );
}

/** Writes the same id into a buffer: what the hot path uses, without a string. */
export function writeUserId(target: Uint8Array, at: number, seed: number, index: number): void {
  let rest = scramble(seed, index);
  target[at] = LETTER_U;
  for (let place = USER_ID_LENGTH - 1; place > 0; place--) {
    const next = Math.floor(rest / 36);
    target[at + place] = DIGIT_CODES[rest - next * 36] ?? 0;
    rest = next;
  }
}

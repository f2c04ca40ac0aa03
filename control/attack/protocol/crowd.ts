/**
 * Who sends each request of an attack, and how: a pure function of the seed and the request's number, so that generators and ledger
 * agree without a table.
 *
 * With behaviours, requests are dealt to buyers in blocks: each block draws its buyers from the seed, and every buyer's requests
 * stay in its block. So any request is found by dealing one block.
 */
import type { AttackSettings } from '../../../contract/attack-settings.ts';
import { parseBehaviours, unitsOfSeveral, type Behaviour } from '../../../contract/behaviours.ts';
import { randomFrom } from '../../../contract/chaos.ts';
import { buyerOf, scramble } from './user-ids.ts';

const BLOCK = 1_024;
const NOBODY = 0xffff;
/** Sales are drawn otherwise than buyers' ids are. */
const SALE_SALT = 0x53a1e5;
/** Blocks that are remembered: answers come back to requests of earlier blocks, one for each connection in flight. */
const REMEMBERED = 32;

/** Of each request of a block: the place of its buyer's first request, and that buyer's behaviour, from 1; 0 for none. */
interface Dealt {
  readonly number: number;
  readonly first: Uint16Array;
  readonly behaviour: Uint8Array;
}

export type CrowdSettings = Pick<
  AttackSettings,
  'seed' | 'keys' | 'requestsPerBuyer' | 'perBuyerLimit' | 'behaviours' | 'sales' | 'zipf'
>;

export class Crowd {
  readonly seed: number;
  readonly sales: number;
  /** Whether all requests are alike, but for the buyer, the key and the sale. */
  readonly isUniform: boolean;
  readonly #hasOwnKeys: boolean;
  readonly #perBuyerLimit: number;
  /** Requests of one turn, in which each buyer comes once. */
  readonly #turn: number;
  readonly #behaviours: readonly Behaviour[];
  readonly #dealt: Dealt[] = [];
  /** Of several sales, the share of the requests that is for one of the sales up to each place. */
  readonly #sharesUpTo: Float64Array;

  constructor(settings: CrowdSettings, totalRequests: number) {
    this.seed = settings.seed;
    this.#hasOwnKeys = settings.keys === 'own';
    this.#perBuyerLimit = settings.perBuyerLimit;
    this.#turn = Math.ceil(totalRequests / settings.requestsPerBuyer);
    this.#behaviours = parseBehaviours(settings.behaviours ?? '');
    this.isUniform = this.#behaviours.length === 0;
    this.sales = settings.sales ?? 1;
    this.#sharesUpTo = sharesUpTo(this.sales, settings.zipf ?? 0);
  }

  /** The buyer of a request, as a number from 0. */
  buyer(index: number): number {
    const place = buyerOf(index, this.#turn);
    return this.isUniform ? place : this.#firstOf(place);
  }

  /** The request whose Idempotency-Key it carries: its own, or one that it repeats; `undefined` without a key. */
  key(index: number): number | undefined {
    const isRepeat = this.behaviour(index)?.hasOneKey === true;
    if (!isRepeat) return this.#hasOwnKeys ? index : undefined;
    return this.#firstOfBuyer(index);
  }

  /** Which sale a request is for, from 0, the hottest. In one turn a buyer asks for one sale, however often. */
  sale(index: number): number {
    if (this.sales === 1) return 0;
    const chance = scramble(this.seed ^ SALE_SALT, this.#firstOfBuyer(index)) / 2 ** 32;
    let [low, high] = [0, this.sales - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (chance < (this.#sharesUpTo[middle] ?? 1)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Units that a request asks for. */
  units(index: number): number {
    return this.behaviour(index)?.asksForSeveral ? unitsOfSeveral(this.#perBuyerLimit) : 1;
  }

  /** What is special about the buyer of a request. */
  behaviour(index: number): Behaviour | undefined {
    if (this.isUniform) return undefined;
    const place = buyerOf(index, this.#turn);
    return this.#behaviours[(this.#blockOf(place).behaviour[place % BLOCK] ?? 0) - 1];
  }

  /** The number of the first request that the buyer of a request sends in the same turn. */
  #firstOfBuyer(index: number): number {
    const turn = Math.floor(index / this.#turn);
    const place = buyerOf(index, this.#turn);
    return turn * this.#turn + (this.isUniform ? place : this.#firstOf(place));
  }

  #firstOf(place: number): number {
    return place - (place % BLOCK) + (this.#blockOf(place).first[place % BLOCK] ?? 0);
  }

  #blockOf(place: number): Dealt {
    const number = Math.floor(place / BLOCK);
    const known = this.#dealt[number % REMEMBERED];
    if (known?.number === number) return known;
    const { first = new Uint16Array(BLOCK), behaviour = new Uint8Array(BLOCK) } = known ?? {};
    this.#deal(number, first, behaviour);
    return (this.#dealt[number % REMEMBERED] = { number, first, behaviour });
  }

  #deal(number: number, first: Uint16Array, behaviour: Uint8Array): void {
    first.fill(NOBODY);
    const random = randomFrom((Math.imul(this.seed + 1, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b)) >>> 0);
    for (let place = 0; place < BLOCK; place++) {
      if (first[place] !== NOBODY) continue;
      const kind = this.#draw(random());
      const { requests = 1, within = 1 } = this.#behaviours[kind - 1] ?? {};
      for (let left = requests, at = place; left > 0 && at < BLOCK; left--) {
        first[at] = place;
        behaviour[at] = kind;
        at += within === 1 ? 1 : 1 + Math.floor(random() * within);
        while (at < BLOCK && first[at] !== NOBODY) at++;
      }
    }
  }

  /** The behaviour of a buyer, from 1; 0 for none. */
  #draw(chance: number): number {
    let rest = chance;
    for (const [at, { share }] of this.#behaviours.entries()) {
      rest -= share;
      if (rest < 0) return at + 1;
    }
    return 0;
  }
}

/** By Zipf's law: the sale at place n is asked for 1/n^s as often as the first one. */
function sharesUpTo(sales: number, exponent: number): Float64Array {
  const shares = new Float64Array(sales);
  let sum = 0;
  for (let place = 0; place < sales; place++) shares[place] = sum += (place + 1) ** -exponent;
  return shares.map((share) => share / sum);
}

/** The checks of an audit, in the order in which a reader wants them. Audit, window, reports and docs name them by this table. */

interface CheckText {
  /** What the check proves, as a sentence without its full stop. */
  readonly title: string;
  /** A promise to the buyers, short enough to be read from the last row. */
  readonly shortName: string;
  /** What it compares, for the docs. */
  readonly proves: string;
  /** What its witness consists of when it fails, for the docs. */
  readonly witness: string;
  /** Its title on a shop that is not ours, where it names a backend. */
  readonly shopTitle?: string;
}

const TABLE = {
  no_oversell: {
    title: 'Nothing was sold that was not in stock, and nothing twice',
    shortName: 'Nothing sold twice',
    proves: 'tickets ≤ stock, unit numbers distinct and within 1..stock',
    witness: 'two tickets of one unit; or the stock, and a ticket of a unit outside it',
  },
  no_undersell: {
    title: 'Everything was sold that somebody could have had',
    shortName: 'No ticket held back',
    proves: 'sold = the smaller of stock and demand',
    witness: 'what a buyer was told who got less than was due, and the count of tickets',
  },
  conservation: {
    title: 'Every accepted request was decided, none is pending',
    shortName: 'Nobody left waiting',
    proves: 'accepted = granted + refused, none pending',
    witness: 'the answer 202, and that neither an outcome nor a ticket exists',
  },
  single_outcome: {
    title: 'Every accepted reservation has exactly one outcome',
    shortName: 'One outcome each',
    proves: 'each accepted reservation has exactly one outcome',
    witness:
      'the decision, and the ticket that it forbids or that is missing; or two answers with one reservation',
  },
  no_phantom: {
    title: 'Every ticket belongs to a request that was really sent',
    shortName: 'No ticket from thin air',
    proves: 'each ticket belongs to a request that was really sent',
    witness: 'the ticket, and all requests of its buyer that could explain it',
  },
  stock_balance: {
    title: 'Stock left in Redis and tickets in Postgres add up',
    shopTitle: 'Units left and units sold add up to the stock',
    shortName: 'The books add up',
    proves: 'stock left in Redis + tickets in Postgres = stock of the sale',
    witness: 'the stock, what is left in Redis, and the count of tickets',
  },
  buyer_limit: {
    title: 'No buyer holds more than the limit',
    shortName: 'No buyer over the limit',
    proves: 'nobody holds more than the sale allows',
    witness: 'the limit, and one ticket more than that of one buyer',
  },
  queues_empty: {
    title: 'The queue and the dead-letter queue are empty',
    shortName: 'The queue is empty',
    proves: 'the queue and the dead-letter queue are empty',
    witness: 'what was promised, and the frame that was dead-lettered, or the count of those that wait',
  },
  order: {
    title: 'First come, first served',
    shortName: 'First come, first served',
    proves: 'grants depart from the order of acceptance by no more than the tolerance',
    witness: 'answer and refusal of the one, request and grant of the other who asked later',
  },
} as const satisfies Record<string, CheckText>;

export type CheckId = keyof typeof TABLE;
export const CHECKS: Readonly<Record<CheckId, CheckText>> = TABLE;
/** How a check ended: `notJudged` has no data, and proves nothing. */
export type CheckState = 'passed' | 'failed' | 'open' | 'notJudged';

/** The one place that reads a check's marks. */
export function checkState(check: {
  readonly ok: boolean;
  readonly isOpen?: boolean | undefined;
  readonly isNotJudged?: boolean | undefined;
}): CheckState {
  if (check.isNotJudged === true) return 'notJudged';
  if (check.ok) return 'passed';
  return check.isOpen === true ? 'open' : 'failed';
}

export const CHECK_IDS = Object.keys(TABLE) as CheckId[];

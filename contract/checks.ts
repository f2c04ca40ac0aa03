/** The checks of an audit, in the order in which a reader wants them. Audit, window, reports and docs name them by this table. */

interface CheckText {
  /** What the check proves, as a sentence without its full stop. */
  readonly title: string;
  /** A promise to the buyers, short enough to be read from the last row. */
  readonly shortName: string;
  /** What it compares, for the docs. */
  readonly proves: string;
}

const TABLE = {
  no_oversell: {
    title: 'Nothing was sold that was not in stock, and nothing twice',
    shortName: 'Nothing sold twice',
    proves: 'tickets ≤ stock, unit numbers distinct and within 1..stock',
  },
  no_undersell: {
    title: 'Everything was sold that somebody could have had',
    shortName: 'No ticket held back',
    proves: 'sold = the smaller of stock and demand',
  },
  conservation: {
    title: 'Every accepted request was decided, none is pending',
    shortName: 'Nobody left waiting',
    proves: 'accepted = granted + refused, none pending',
  },
  single_outcome: {
    title: 'Every accepted reservation has exactly one outcome',
    shortName: 'One outcome each',
    proves: 'each accepted reservation has exactly one outcome',
  },
  no_phantom: {
    title: 'Every ticket belongs to a request that was really sent',
    shortName: 'No ticket from thin air',
    proves: 'each ticket belongs to a request that was really sent',
  },
  stock_balance: {
    title: 'Stock left in Redis and tickets in Postgres add up',
    shortName: 'The books add up',
    proves: 'stock left in Redis + tickets in Postgres = stock of the sale',
  },
  buyer_limit: {
    title: 'No buyer holds more than the limit',
    shortName: 'No buyer over the limit',
    proves: 'nobody holds more than the sale allows',
  },
  queues_empty: {
    title: 'The queue and the dead-letter queue are empty',
    shortName: 'The queue is empty',
    proves: 'the queue and the dead-letter queue are empty',
  },
  order: {
    title: 'First come, first served',
    shortName: 'First come, first served',
    proves: 'grants depart from the order of acceptance by no more than the tolerance',
  },
} as const satisfies Record<string, CheckText>;

export type CheckId = keyof typeof TABLE;
export const CHECKS: Readonly<Record<CheckId, CheckText>> = TABLE;
export const CHECK_IDS = Object.keys(TABLE) as CheckId[];

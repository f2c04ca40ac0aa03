import type { CheckId } from '../../contract/run-record.ts';

/** Each check as a promise to the buyers, short enough to be read from the last row. What it proves in full is its title. */
export const CHECK_NAMES: Readonly<Record<CheckId, string>> = {
  no_oversell: 'Nothing sold twice',
  no_undersell: 'No ticket held back',
  conservation: 'Nobody left waiting',
  single_outcome: 'One outcome each',
  no_phantom: 'No ticket from thin air',
  stock_balance: 'The books add up',
  buyer_limit: 'No buyer over the limit',
  queues_empty: 'The queue is empty',
  order: 'First come, first served',
};

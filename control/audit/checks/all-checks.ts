import type { CheckId } from '../../../contract/checks.ts';
import { checkBuyerLimit } from './buyer-limit.ts';
import type { CheckFunction } from './check.ts';
import { checkConservation } from './conservation.ts';
import { checkNoOversell } from './no-oversell.ts';
import { checkNoPhantom } from './no-phantom.ts';
import { checkNoUndersell } from './no-undersell.ts';
import { checkOrder } from './order.ts';
import { checkQueuesEmpty } from './queues-empty.ts';
import { checkSingleOutcome } from './single-outcome.ts';
import { checkStockBalance } from './stock-balance.ts';

/** One function for each check of the run record, in its order. */
export const ALL_CHECKS: Readonly<Record<CheckId, CheckFunction>> = {
  no_oversell: checkNoOversell,
  no_undersell: checkNoUndersell,
  conservation: checkConservation,
  single_outcome: checkSingleOutcome,
  no_phantom: checkNoPhantom,
  stock_balance: checkStockBalance,
  buyer_limit: checkBuyerLimit,
  queues_empty: checkQueuesEmpty,
  order: checkOrder,
};

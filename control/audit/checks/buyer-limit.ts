import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';
import { Offenders, result } from './check.ts';

/** No buyer holds more tickets than the sale allows. */
export function checkBuyerLimit({ sale, tickets }: Evidence): Check {
  const heldBy = new Map<string, number>();
  for (const userId of tickets.userId) heldBy.set(userId, (heldBy.get(userId) ?? 0) + 1);
  const over = new Offenders();
  let most = 0;
  for (const [userId, held] of heldBy) {
    most = Math.max(most, held);
    if (held > sale.perBuyerLimit) over.add(`${userId} (${held})`);
  }
  return result(
    'buyer_limit',
    over.count === 0,
    over.count === 0
      ? `${plural(heldBy.size, 'buyer')} with at most ${plural(most, 'ticket')} each; the limit is ${figure(sale.perBuyerLimit)}.`
      : `${plural(over.count, 'buyer')} over the limit of ${figure(sale.perBuyerLimit)}; one holds ${figure(most)}.`,
    { buyers: heldBy.size, limit: sale.perBuyerLimit, most, overLimit: over.count },
    over.list,
  );
}

import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { WitnessEvent } from '../../../contract/witness.ts';
import type { Evidence } from '../evidence.ts';
import { holdersOf, PROMISED, nameOf, promiseEvent, rowEvent, witness } from '../witness.ts';
import { Offenders, result } from './check.ts';

/** No buyer holds more tickets than the sale allows. */
export function checkBuyerLimit(evidence: Evidence): Check {
  const { sale, tickets } = evidence;
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
    () => overLimit(evidence, [...heldBy].find(([, held]) => held > sale.perBuyerLimit)?.[0] ?? ''),
  );
}

/** The fewest tickets that exceed the limit. */
function overLimit(evidence: Evidence, userId: string) {
  const { sale, tickets } = evidence;
  const rows: WitnessEvent[] = [];
  for (let ticket = 0; ticket < tickets.count && rows.length <= sale.perBuyerLimit; ticket++)
    if (tickets.userId[ticket] === userId) rows.push(rowEvent(evidence, 1, ticket));
  return witness(
    `Buyer ${nameOf(userId)} holds more than one buyer may.`,
    [PROMISED, holdersOf(evidence).lane],
    [promiseEvent(0, `A buyer holds at most ${plural(sale.perBuyerLimit, 'unit')}.`)],
    ...rows.map((row) => [row]),
  );
}

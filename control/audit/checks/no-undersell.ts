import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import { FATE, type Evidence } from '../evidence.ts';
import { result } from './check.ts';

/** HTTP status by which a gateway rejects a buyer because the sale is sold out. */
const SOLD_OUT_STATUS = 409;
/** The sale was closed, or reset, before the reservation's turn: no unit was due to it. */
const NOT_DUE = new Set([...'CRK'].map((code) => code.charCodeAt(0)));

/** Tickets = min(stock, units that eligible buyers asked for). */
export function checkNoUndersell(evidence: Evidence): Check {
  const { sale, tickets } = evidence;
  // A sold-out sale can't be undersold, whatever the demand was: the walk over all buyers is spared.
  if (tickets.count >= sale.stock) {
    return result('no_undersell', true, `All ${plural(sale.stock, 'unit')} were sold.`, {
      sold: tickets.count,
      stock: sale.stock,
      undersold: 0,
    });
  }
  const demand = eligibleDemand(evidence);
  const due = Math.min(sale.stock, demand);
  const undersold = Math.max(0, due - tickets.count);
  return result(
    'no_undersell',
    undersold === 0,
    undersold === 0
      ? `${plural(tickets.count, 'unit')} of ${figure(sale.stock)} sold, to everybody who was due one: eligible buyers asked for ${figure(demand)}.`
      : `${plural(undersold, 'unit')} stayed unsold: ${figure(tickets.count)} of ${figure(sale.stock)} sold, though eligible buyers asked for ${figure(demand)}.`,
    { sold: tickets.count, stock: sale.stock, demand, undersold },
  );
}

/** Units asked for, at most the limit a buyer, by requests that were taken or rejected as sold out. */
function eligibleDemand({ sale, ledger, outcomes, fate, ticketsOf, ownerOfStray }: Evidence): number {
  const ownsTicket = new Set(ownerOfStray);
  const unitsByUser = new Map<string, number>();
  for (let request = 0; request < ledger.count; request++) {
    const status = ledger.status(request);
    const isEligible =
      status === 'accepted'
        ? fate[request] !== FATE.refused || !NOT_DUE.has(outcomes.code[request] ?? 0)
        : (ticketsOf[request] ?? 0) > 0 ||
          ownsTicket.has(request) ||
          (ledger.httpStatus(request) === SOLD_OUT_STATUS && sale.status === 'open');
    if (!isEligible) continue;
    const userId = ledger.userId(request);
    unitsByUser.set(userId, (unitsByUser.get(userId) ?? 0) + 1);
  }
  let demand = 0;
  for (const units of unitsByUser.values()) demand += Math.min(units, sale.perBuyerLimit);
  return demand;
}

import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Witness } from '../../../contract/witness.ts';
import { FATE, type Evidence } from '../evidence.ts';
import { holdersOf, TOLD, answerEvent, countEvent, decisionEvent, nameOf, witness } from '../witness.ts';
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
    const counts = { sold: tickets.count, stock: sale.stock, undersold: 0 };
    const summary = `All ${plural(sale.stock, 'unit')} were sold.`;
    return result('no_undersell', true, summary, counts, [], () => leftOut(evidence));
  }
  let demand = 0;
  for (const units of eligibleUnits(evidence).values()) demand += Math.min(units, sale.perBuyerLimit);
  const due = Math.min(sale.stock, demand);
  const undersold = Math.max(0, due - tickets.count);
  return result(
    'no_undersell',
    undersold === 0,
    undersold === 0
      ? `${plural(tickets.count, 'unit')} of ${figure(sale.stock)} sold, to everybody who was due one: eligible buyers asked for ${figure(demand)}.`
      : `${plural(undersold, 'unit')} stayed unsold: ${figure(tickets.count)} of ${figure(sale.stock)} sold, though eligible buyers asked for ${figure(demand)}.`,
    { sold: tickets.count, stock: sale.stock, demand, undersold },
    [],
    () => leftOut(evidence),
  );
}

/** Units that each buyer asked for by requests that were taken or rejected as sold out. */
function eligibleUnits(evidence: Evidence): Map<string, number> {
  const { ledger } = evidence;
  const ownsTicket = new Set(evidence.ownerOfStray);
  const unitsByUser = new Map<string, number>();
  for (let request = 0; request < ledger.count; request++) {
    if (evidence.repeats?.has(request) || !isEligible(evidence, ownsTicket, request)) continue;
    const userId = ledger.userId(request);
    unitsByUser.set(userId, (unitsByUser.get(userId) ?? 0) + 1);
  }
  return unitsByUser;
}

function isEligible(evidence: Evidence, ownsTicket: ReadonlySet<number>, request: number): boolean {
  const { sale, ledger, fate, outcomes, ticketsOf } = evidence;
  return ledger.status(request) === 'accepted'
    ? fate[request] !== FATE.refused || !NOT_DUE.has(outcomes.code[request] ?? 0)
    : (ticketsOf[request] ?? 0) > 0 ||
        ownsTicket.has(request) ||
        (ledger.isSoldOut?.(request) ??
          (ledger.httpStatus(request) === SOLD_OUT_STATUS && sale.status === 'open'));
}

/** A buyer who was due more than came. There is one: together, eligible buyers were due more than was sold. */
function leftOut(evidence: Evidence): Witness {
  const { sale, ledger, tickets, ticketsOf, ownerOfStray, outcomes } = evidence;
  const unitsByUser = eligibleUnits(evidence);
  const ownsTicket = new Set(ownerOfStray);
  const heldBy = new Map<string, number>();
  const addHeld = (request: number, units: number) => {
    if (units > 0) heldBy.set(ledger.userId(request), (heldBy.get(ledger.userId(request)) ?? 0) + units);
  };
  for (let request = 0; request < ledger.count; request++)
    if (!evidence.repeats?.has(request)) addHeld(request, ticketsOf[request] ?? 0);
  ownerOfStray.forEach((owner, at) => owner >= 0 && addHeld(owner, ticketsOf[ledger.count + at] ?? 0));
  let request = 0;
  let [due, held] = [0, 0];
  for (; request < ledger.count; request++) {
    if ((ticketsOf[request] ?? 0) > 0 || ownsTicket.has(request)) continue;
    if (!isEligible(evidence, ownsTicket, request)) continue;
    const userId = ledger.userId(request);
    due = Math.min(unitsByUser.get(userId) ?? 0, sale.perBuyerLimit);
    held = heldBy.get(userId) ?? 0;
    if (held < due) break;
  }
  const isDecided = (outcomes.code[request] ?? 0) !== 0;
  return witness(
    'A buyer got nothing, although units are left.',
    [TOLD, holdersOf(evidence).lane],
    [
      isDecided ? decisionEvent(evidence, 0, request) : answerEvent(evidence, 0, request),
      countEvent(
        1,
        `${plural(tickets.count, 'ticket')} of ${plural(sale.stock, 'unit')}; ${nameOf(ledger.userId(request))} holds ${held} and was due ${due}.`,
      ),
    ],
  );
}

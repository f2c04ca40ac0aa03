import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Witness } from '../../../contract/witness.ts';
import { isUnsettled, type Evidence } from '../evidence.ts';
import {
  holdersOf,
  answerEvent,
  countEvent,
  missingEvent,
  nameOf,
  rowEvent,
  ticketsOfSubject,
  witness,
} from '../witness.ts';
import { Offenders, result } from './check.ts';

/** Each ticket's reservation and buyer are those of a request that was sent and not refused for good. */
export function checkNoPhantom(evidence: Evidence): Check {
  const { ledger, tickets, join, ownerOfStray, totals } = evidence;
  const phantoms = new Offenders();
  const otherBuyers = new Offenders();
  join.subjectOfTicket.forEach((subject, ticket) => {
    const userId = tickets.userId[ticket] ?? '';
    const isStray = subject >= ledger.count;
    const request = isStray ? (ownerOfStray[subject - ledger.count] ?? -1) : subject;
    const name = `${tickets.reservationId[ticket] ?? ''} (unit ${tickets.unitNo[ticket] ?? 0}, buyer ${userId})`;
    if (request === -1) phantoms.add(name, ticket);
    else if (ledger.userId(request) !== userId) otherBuyers.add(name, ticket);
  });
  const ok = phantoms.count === 0 && otherBuyers.count === 0;
  const unanswered = totals.unknownGranted + totals.failedGranted;
  return result(
    'no_phantom',
    ok,
    ok
      ? `Each of ${plural(tickets.count, 'ticket')} goes back to a request that was sent${unanswered > 0 ? `, ${figure(unanswered)} of them to requests that got no clear answer` : ''}.`
      : `${plural(phantoms.count, 'ticket')} of no request that was sent, ${plural(otherBuyers.count, 'ticket')} in another buyer’s name.`,
    {
      tickets: tickets.count,
      phantoms: phantoms.count,
      otherBuyer: otherBuyers.count,
      ofUnknownRequests: totals.unknownGranted,
      ofFailedRequests: totals.failedGranted,
    },
    [...phantoms.list, ...otherBuyers.list],
    () =>
      phantoms.count > 0 ? fromNowhere(evidence, phantoms.first) : ofAnother(evidence, otherBuyers.first),
  );
}

const lanesOf = (evidence: Evidence): Witness['lanes'] => ['What buyers asked for', holdersOf(evidence).lane];
/** Tickets of a buyer that are events of their own; of more, only their number is told. */
const MAX_ROWS = 6;

/** A ticket, and everything of its buyer that could explain it but explains other tickets. */
function fromNowhere(evidence: Evidence, ticket: number): Witness {
  const { ledger, tickets, ownerOfStray, shop } = evidence;
  const userId = tickets.userId[ticket] ?? '';
  const unsettled = new Set<number>();
  let sent = 0;
  let accepted = 0;
  for (let request = 0; request < ledger.count; request++) {
    if (ledger.status(request) === 'unsent' || ledger.userId(request) !== userId) continue;
    sent++;
    if (ledger.status(request) === 'accepted') accepted++;
    if (isUnsettled(ledger, request)) unsettled.add(request);
  }
  const buyer = `Buyer ${nameOf(userId)}`;
  if (unsettled.size === 0) {
    const id = nameOf(tickets.reservationId[ticket] ?? '');
    const none = `${shop ? `${figure(accepted)} accepted` : `none was told reservation ${id}`}, none was left without a clear answer`;
    return witness('A ticket exists that nobody asked for.', lanesOf(evidence), [
      missingEvent(
        0,
        sent === 0 ? `${buyer} sent no request.` : `${buyer} sent ${plural(sent, 'request')}: ${none}.`,
      ),
      rowEvent(evidence, 1, ticket),
    ]);
  }
  const strays = [...ownerOfStray.keys()].filter((at) => unsettled.has(ownerOfStray[at] ?? -1));
  const rows = strays.slice(0, MAX_ROWS).map((at) => {
    const own = ticketsOfSubject(evidence, ledger.count + at);
    return [rowEvent(evidence, 1, own.find((one) => tickets.userId[one] === userId) ?? -1)];
  });
  return witness(
    'A buyer owns more reservations than requests explain.',
    lanesOf(evidence),
    [countEvent(0, `${buyer} sent ${plural(unsettled.size, 'request')} without a clear answer.`)],
    ...(strays.length < MAX_ROWS
      ? [...rows, [rowEvent(evidence, 1, ticket)]]
      : [
          [countEvent(1, `${plural(strays.length + 1, 'reservation')} with tickets, which no answer named.`)],
        ]),
  );
}

/** A ticket in another name than its reservation. */
function ofAnother(evidence: Evidence, ticket: number): Witness {
  const { ledger, tickets, join, ownerOfStray } = evidence;
  const subject = join.subjectOfTicket[ticket] ?? -1;
  const owner = ownerOfStray[subject - ledger.count];
  // Only tickets name a stray: one of them is in the name of its request.
  const rightful = ticketsOfSubject(evidence, subject).find(
    (one) => owner !== undefined && tickets.userId[one] === ledger.userId(owner),
  );
  return witness(
    'A ticket is in another buyer’s name than its reservation.',
    lanesOf(evidence),
    [rightful === undefined ? answerEvent(evidence, 0, subject) : rowEvent(evidence, 0, rightful)],
    [rowEvent(evidence, 1, ticket)],
  );
}

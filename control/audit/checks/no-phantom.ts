import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';
import { Offenders, result } from './check.ts';

/** Each ticket's reservation and buyer are those of a request that was sent and not refused for good. */
export function checkNoPhantom({ ledger, tickets, join, ownerOfStray, totals }: Evidence): Check {
  const phantoms = new Offenders();
  const otherBuyers = new Offenders();
  join.subjectOfTicket.forEach((subject, ticket) => {
    const userId = tickets.userId[ticket] ?? '';
    const isStray = subject >= ledger.count;
    const request = isStray ? (ownerOfStray[subject - ledger.count] ?? -1) : subject;
    const name = `${tickets.reservationId[ticket] ?? ''} (unit ${tickets.unitNo[ticket] ?? 0}, buyer ${userId})`;
    if (request === -1) phantoms.add(name);
    else if (ledger.userId(request) !== userId) otherBuyers.add(name);
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
  );
}

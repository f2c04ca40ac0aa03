import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import { FATE, GRANTED_CODE, type Evidence } from '../evidence.ts';
import { Offenders, result } from './check.ts';

export interface OutcomeFaults {
  /** Accepted, and no outcome. */
  readonly without: Offenders;
  /** Granted by the record, and a ticket is missing. */
  readonly ticketMissing: Offenders;
  /** Refused by the record, and yet with a ticket. */
  readonly ticketOfRefused: Offenders;
  /** Tickets for other units than the record grants, or for more. */
  readonly otherUnits: Offenders;
  /** The same reservation id given to two requests. */
  readonly sharedId: Offenders;
}

/** Goes through all reservations once; `audit.lost` and `audit.duplicated` are counted from this, too. */
export function findOutcomeFaults(evidence: Evidence): OutcomeFaults {
  const { ledger, fate, outcomes, ticketsOf, join, tickets, duplicates } = evidence;
  const faults: OutcomeFaults = {
    without: new Offenders(),
    ticketMissing: new Offenders(),
    ticketOfRefused: new Offenders(),
    otherUnits: new Offenders(),
    sharedId: new Offenders(),
  };
  const idOf = (subject: number) =>
    subject < ledger.count
      ? (ledger.reservationId(subject) ?? `request ${subject}`)
      : (join.strays[subject - ledger.count] ?? `subject ${subject}`);
  const shared = new Set(duplicates);

  const wrongUnit = new Set<number>();
  join.subjectOfTicket.forEach((subject, ticket) => {
    if (outcomes.code[subject] !== GRANTED_CODE) return;
    const unit = tickets.unitNo[ticket] ?? 0;
    const isGranted = outcomes.units.get(subject)?.includes(unit) ?? outcomes.firstUnit[subject] === unit;
    if (!isGranted) wrongUnit.add(subject);
  });
  for (let subject = 0; subject < ticketsOf.length; subject++) {
    const isRequest = subject < ledger.count;
    if (isRequest && ledger.status(subject) !== 'accepted') continue;
    if (shared.has(subject)) {
      faults.sharedId.add(idOf(subject));
      continue;
    }
    const code = outcomes.code[subject] ?? 0;
    const held = ticketsOf[subject] ?? 0;
    if (isRequest && fate[subject] === FATE.none) faults.without.add(idOf(subject));
    else if (code === GRANTED_CODE) {
      const due = outcomes.units.get(subject)?.length ?? 1;
      if (wrongUnit.has(subject) || held > due) faults.otherUnits.add(idOf(subject));
      else if (held < due) faults.ticketMissing.add(idOf(subject));
    } else if (code !== 0 && held > 0) faults.ticketOfRefused.add(idOf(subject));
  }
  return faults;
}

/** Each accepted reservation has exactly one outcome, and the tickets that go with it. */
export function checkSingleOutcome(evidence: Evidence): Check {
  const { without, ticketMissing, ticketOfRefused, otherUnits, sharedId } = findOutcomeFaults(evidence);
  const { totals } = evidence;
  const parts = [
    [without, 'without any outcome'],
    [ticketMissing, 'granted without a ticket'],
    [ticketOfRefused, 'refused and yet with a ticket'],
    [otherUnits, 'with tickets for other units than were granted'],
    [sharedId, 'with an id that another request was given, too'],
  ] as const;
  const found = parts.filter(([offenders]) => offenders.count > 0);
  return result(
    'single_outcome',
    found.length === 0,
    found.length === 0
      ? `Each of ${plural(totals.accepted, 'accepted reservation')} has one outcome; ${figure(totals.granted)} granted ones own exactly their tickets, refused ones own none.`
      : `${found.map(([offenders, what]) => `${plural(offenders.count, 'reservation')} ${what}`).join('; ')}.`,
    {
      accepted: totals.accepted,
      withoutOutcome: without.count,
      ticketMissing: ticketMissing.count,
      ticketOfRefused: ticketOfRefused.count,
      otherUnits: otherUnits.count,
      sharedId: sharedId.count,
    },
    found.flatMap(([offenders]) => offenders.list),
  );
}

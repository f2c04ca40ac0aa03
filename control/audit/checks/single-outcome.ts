import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Witness } from '../../../contract/witness.ts';
import { FATE, GRANTED_CODE, reservationOf, type Evidence } from '../evidence.ts';
import {
  holdersOf,
  TOLD,
  answerEvent,
  decisionEvent,
  missingEvent,
  pairOf,
  nameOf,
  rowEvent,
  ticketsOfSubject,
  witness,
} from '../witness.ts';
import { undecided } from './conservation.ts';
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
  const idOf = (subject: number) => reservationOf(evidence, subject) ?? `request ${subject}`;
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
      faults.sharedId.add(idOf(subject), subject);
      continue;
    }
    const code = outcomes.code[subject] ?? 0;
    const held = ticketsOf[subject] ?? 0;
    if (isRequest && fate[subject] === FATE.none) faults.without.add(idOf(subject), subject);
    else if (code === GRANTED_CODE) {
      const due = outcomes.units.get(subject)?.length ?? 1;
      if (wrongUnit.has(subject) || held > due) faults.otherUnits.add(idOf(subject), subject);
      else if (held < due) faults.ticketMissing.add(idOf(subject), subject);
    } else if (code !== 0 && held > 0) faults.ticketOfRefused.add(idOf(subject), subject);
  }
  return faults;
}

/** Each accepted reservation has exactly one outcome, and the tickets that go with it. */
export function checkSingleOutcome(evidence: Evidence): Check {
  const { without, ticketMissing, ticketOfRefused, otherUnits, sharedId } = findOutcomeFaults(evidence);
  const { totals } = evidence;
  const parts = [
    [without, 'without any outcome', undecided],
    [ticketMissing, 'granted without a ticket', grantWithoutTicket],
    [ticketOfRefused, 'refused and yet with a ticket', ticketOfRefusal],
    [otherUnits, 'with tickets for other units than were granted', ticketOfOtherUnit],
    [sharedId, 'with an id that another request was given, too', sharedReservation],
  ] as const;
  const found = parts.filter(([offenders]) => offenders.count > 0);
  // What contradicts itself says more than what is missing, which may still be on its way.
  const worst = found.at(-1);
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
    () => (worst?.[2] ?? undecided)(evidence, worst?.[0].first ?? -1),
  );
}

function unitsGranted({ outcomes }: Evidence, subject: number): readonly number[] {
  return outcomes.units.get(subject) ?? [outcomes.firstUnit[subject] ?? 0];
}

function grantWithoutTicket(evidence: Evidence, subject: number): Witness {
  const held = ticketsOfSubject(evidence, subject).map((ticket) => evidence.tickets.unitNo[ticket]);
  const unit = unitsGranted(evidence, subject).find((granted) => !held.includes(granted)) ?? 0;
  const id = nameOf(reservationOf(evidence, subject) ?? '');
  return witness(
    'A unit was granted, and its ticket does not exist.',
    [TOLD, holdersOf(evidence).lane],
    [
      decisionEvent(evidence, 0, subject),
      missingEvent(
        1,
        evidence.shop
          ? `The shop’s list of owners has no such unit of ${nameOf(evidence.ledger.userId(subject))}.`
          : `Postgres has no ticket of unit ${unit} for reservation ${id}.`,
      ),
    ],
  );
}

function ticketOfRefusal(evidence: Evidence, subject: number): Witness {
  return witness(
    'A reservation was refused, and yet owns a ticket.',
    [TOLD, holdersOf(evidence).lane],
    [
      decisionEvent(evidence, 0, subject),
      rowEvent(evidence, 1, evidence.join.subjectOfTicket.indexOf(subject)),
    ],
  );
}

function ticketOfOtherUnit(evidence: Evidence, subject: number): Witness {
  const granted = unitsGranted(evidence, subject);
  const held = ticketsOfSubject(evidence, subject);
  const unitOf = (ticket: number) => evidence.tickets.unitNo[ticket] ?? 0;
  const other = held.find((ticket) => !granted.includes(unitOf(ticket)));
  // Without another unit, more tickets than units granted are two for one unit.
  const isSame = (ticket: number) => (one: number) => unitOf(one) === unitOf(ticket);
  const second = held.find((ticket, at) => held.findIndex(isSame(ticket)) < at) ?? -1;
  const rows = other === undefined ? [held.find(isSame(second)) ?? -1, second] : [other];
  return witness(
    'A reservation owns another ticket than was granted.',
    [TOLD, holdersOf(evidence).lane],
    [decisionEvent(evidence, 0, subject), ...rows.map((ticket) => rowEvent(evidence, 1, ticket))],
  );
}

function sharedReservation(evidence: Evidence, second: number): Witness {
  const { ledger } = evidence;
  const id = ledger.reservationId(second);
  let first = 0;
  while (ledger.reservationId(first) !== id) first++;
  return witness(
    'Two requests were given one reservation.',
    ['One request', 'Another request'],
    ...pairOf(answerEvent(evidence, 0, first), answerEvent(evidence, 1, second)),
  );
}

/**
 * Puts witnesses together: each function gives one event of the evidence, in words that always have the same
 * form. A check chooses the fewest that contradict each other.
 */
import { OUTCOME_CODES, type OutcomeCode } from '../../services/shared/outcomes.ts';
import { plural } from '../../contract/format.ts';
import type { Witness, WitnessEvent, WitnessKind } from '../../contract/witness.ts';
import { GRANTED_CODE, reservationOf, type DeadLetter, type Evidence } from './evidence.ts';

type Lane = WitnessEvent['lane'];

/** Titles of lanes that several checks have. */
export const TOLD = 'What buyers were told';
export const PROMISED = 'What was promised';
export const HELD = 'What the backends hold';
const SHOP_HELD = 'What the shop holds';

/** Who holds tickets and counts, as texts name them. */
export const holdersOf = ({ shop }: Pick<Evidence, 'shop'>) =>
  shop
    ? { lane: SHOP_HELD, tickets: 'the shop’s list of owners', counts: 'the shop', outcomes: 'the shop' }
    : { lane: HELD, tickets: 'Postgres', counts: 'Redis', outcomes: 'Redis' };

/** ms by which the clocks of two backends may differ through rounding alone: within it, logic gives the order. */
const CLOCK_STEP_MS = 2;
/** Characters of a name that are shown: a row in the database may hold any text. */
const MAX_NAME = 80;

/**
 * A witness with its events in the order of time.
 * @param threads events that led to each other, each in its logical order
 */
export function witness(
  contradiction: string,
  lanes: Witness['lanes'],
  ...threads: readonly (readonly WitnessEvent[])[]
): Witness {
  const placed = threads.flatMap((thread) => {
    let last = -Infinity;
    return thread.map((event, at) => {
      const place = placeOf(thread, at);
      if (event.kind !== 'decision' && event.kind !== 'row') return { event, at: place };
      if (last - place > CLOCK_STEP_MS || place > last) last = place;
      return { event, at: last };
    });
  });
  placed.sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
  return { contradiction, lanes, events: placed.map(({ event }) => event) };
}

/** An event without a known time stands right before the next of its thread that has one, else after the last. */
function placeOf(thread: readonly WitnessEvent[], at: number): number {
  const kind = thread[at]?.kind;
  if (kind === 'promise') return -Infinity;
  if (kind === 'count' || kind === 'missing' || kind === 'owner') return Infinity;
  const next = thread.slice(at).find(({ tMs }) => tMs !== undefined);
  const last = thread.slice(0, at).findLast(({ tMs }) => tMs !== undefined);
  return next?.tMs ?? last?.tMs ?? Infinity;
}

function event(lane: Lane, kind: WitnessKind, text: string, tMs?: number): WitnessEvent {
  return { lane, kind, text, ...(tMs === undefined || Number.isNaN(tMs) ? {} : { tMs }) };
}

export const promiseEvent = (lane: Lane, text: string): WitnessEvent => event(lane, 'promise', text);
export const countEvent = (lane: Lane, text: string): WitnessEvent => event(lane, 'count', text);
export const missingEvent = (lane: Lane, text: string): WitnessEvent => event(lane, 'missing', text);

/** A request, at the moment when it left. */
export function requestEvent({ ledger }: Evidence, lane: Lane, request: number): WitnessEvent {
  const status = ledger.httpStatus(request);
  const answer =
    ledger.status(request) === 'accepted'
      ? ''
      : status === 0
        ? ', and got no answer'
        : `, and was told ${status}`;
  return event(
    lane,
    'request',
    `${nameOf(ledger.userId(request))} asked for a unit${answer}.`,
    ledger.sentAtMs(request),
  );
}

/** An answer, at the moment when it came. */
export function answerEvent({ ledger, shop }: Evidence, lane: Lane, request: number): WitnessEvent {
  const id = shop?.hasIds === false ? undefined : ledger.reservationId(request);
  const status = ledger.httpStatus(request);
  const told = ledger.status(request);
  const word = told === 'unknown' ? 'unconfirmed' : told;
  return event(
    lane,
    'answer',
    `${nameOf(ledger.userId(request))} was told ${status}: ${word}${id !== undefined ? `, reservation ${nameOf(id)}` : told === 'accepted' && !shop ? ', without a reservation id' : ''}.`,
    ledger.answeredAtMs(request),
  );
}

/** A frame that was dead-lettered, at the moment when its gateway closed it. */
export function deadFrameEvent(
  lane: Lane,
  { id, reservations, reason, closedAtMs }: DeadLetter,
): WitnessEvent {
  const holds = reservations === undefined ? '' : `, ${plural(reservations, 'reservation')},`;
  const text = `${nameOf(id)}${holds} is in the dead-letter queue. ${reason}`;
  return event(lane, 'frame', text, closedAtMs);
}

/** What the record in Redis says of a subject. */
export function decisionEvent(evidence: Evidence, lane: Lane, subject: number): WitnessEvent {
  const { ledger, tickets, join, outcomes, times, shop } = evidence;
  const id = reservationOf(evidence, subject) ?? '';
  const buyer =
    subject < ledger.count ? ledger.userId(subject) : tickets.userId[join.subjectOfTicket.indexOf(subject)];
  const code = outcomes.code[subject] ?? 0;
  const units = outcomes.units.get(subject) ?? [outcomes.firstUnit[subject] ?? 0];
  const outcome = OUTCOME_CODES[String.fromCharCode(code) as OutcomeCode];
  if (shop) {
    const named = shop.unitName(units[0] ?? 0);
    const what = named === undefined ? 'a unit' : `unit ${nameOf(named)}`;
    const name = shop.hasIds ? `Reservation ${nameOf(id)}` : 'The request';
    const text = `${name} of ${nameOf(buyer ?? '')}: ${code === GRANTED_CODE ? `granted ${what}` : `refused, ${outcome === 'sold_out' ? 'sold out' : 'for another reason'}`}.`;
    return event(lane, 'outcome', text);
  }
  return event(
    lane,
    'decision',
    `Reservation ${nameOf(id)} of ${nameOf(buyer ?? '')}: ${code === GRANTED_CODE ? `granted ${unitsText(units)}` : `refused, ${outcome}`}.`,
    times?.decidedAtMs(id),
  );
}

/** A ticket, at the moment when its row was written. */
export function rowEvent({ tickets, times, shop }: Evidence, lane: Lane, ticket: number): WitnessEvent {
  const id = tickets.reservationId[ticket] ?? '';
  const unit = tickets.unitNo[ticket] ?? 0;
  if (shop) {
    const named = shop.unitName(unit);
    const what = named === undefined ? 'A unit' : `Unit ${nameOf(named)}`;
    const by = shop.hasIds ? `, reservation ${nameOf(id)}` : '';
    return event(lane, 'owner', `${what} belongs to ${nameOf(tickets.userId[ticket] ?? '')}${by}.`);
  }
  return event(
    lane,
    'row',
    `Unit ${unit} belongs to ${nameOf(tickets.userId[ticket] ?? '')}, reservation ${nameOf(id)}.`,
    times?.rowAtMs(unit, id),
  );
}

/** Two events of one kind that exclude each other, each on a lane: the earlier one on the first. */
export function pairOf(one: WitnessEvent, other: WitnessEvent): WitnessEvent[][] {
  const isTurned = (one.tMs ?? -Infinity) > (other.tMs ?? Infinity);
  return (isTurned ? [other, one] : [one, other]).map((event, at) => [{ ...event, lane: at === 0 ? 0 : 1 }]);
}

/** How a subject ended: its record, or its ticket when the record is gone. */
export function outcomeEvent(evidence: Evidence, lane: Lane, subject: number): WitnessEvent {
  return (evidence.outcomes.code[subject] ?? 0) !== 0
    ? decisionEvent(evidence, lane, subject)
    : rowEvent(evidence, lane, evidence.join.subjectOfTicket.indexOf(subject));
}

/** Numbers of the tickets of a subject. */
export function ticketsOfSubject({ join }: Evidence, subject: number): number[] {
  const numbers: number[] = [];
  join.subjectOfTicket.forEach((owner, ticket) => {
    if (owner === subject) numbers.push(ticket);
  });
  return numbers;
}

/** A name as a witness shows it. */
export function nameOf(name: string): string {
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
}

/** `unit 7`, `units 7, 8`. */
function unitsText(units: readonly number[]): string {
  return `${units.length === 1 ? 'unit' : 'units'} ${units.join(', ')}`;
}

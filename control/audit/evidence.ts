/**
 * What the audit judges, gathered from every side and joined once, so that each check is a pure function of
 * it.
 *
 * A *subject* is something that has an outcome: subjects 0..count-1 are the ledger's requests, the following
 * ones are *strays*, reservations that own tickets but that no answer named. A stray is rightful when its
 * buyer has an *unsettled* request: one without an answer, or one that was told 5xx after its frame had left
 * (the broker's confirm came too late).
 */
import type { SaleCounters, SaleStatus } from '../../services/shared/sales.ts';
import type { CheckId } from '../../contract/checks.ts';
import type { LoadLedger } from './ledger.ts';

export interface AuditedSale {
  readonly id: string;
  readonly stock: number;
  readonly perBuyerLimit: number;
  readonly status: SaleStatus;
}

/** Every ticket of the sale, in columns. */
export interface TicketColumns {
  readonly count: number;
  readonly unitNo: Int32Array;
  readonly reservationId: readonly string[];
  readonly userId: readonly string[];
}

/** What the frame records say of each subject: those in Redis, or, where Redis lost one, that which its worker published. */
export interface RecordedOutcomes {
  /** Character code of an outcome (outcomes.ts), 0 without a record. */
  readonly code: Uint8Array;
  /** First unit of a granted subject, 0 without one. */
  readonly firstUnit: Int32Array;
  /** All units of the granted subjects that have several. */
  readonly units: ReadonlyMap<number, readonly number[]>;
  /** Frames whose record could not be read. */
  readonly unreadable: readonly string[];
  /** Subjects whose outcome Redis had lost. */
  readonly fromPublished?: number;
}

export interface QueueCounts {
  /** Frames in the queue. */
  readonly waiting: number;
  /** Frames in the dead-letter queue. */
  readonly dead: number;
  /** Frames that lay in the dead-letter queue before the run. */
  readonly deadBefore: number;
}

/** How tickets and requests belong together, by reservation id. */
export interface TicketJoin {
  /** Subject of each ticket. */
  readonly subjectOfTicket: Int32Array;
  /** Reservation ids that only tickets name. */
  readonly strays: readonly string[];
}

export interface RawEvidence {
  readonly sale: AuditedSale;
  readonly ledger: LoadLedger;
  readonly tickets: TicketColumns;
  readonly join: TicketJoin;
  readonly outcomes: RecordedOutcomes;
  /** Requests whose reservation id another request was given, too. */
  readonly duplicates: readonly number[];
  /** Requests that were sent again under their key, each with the first one of its reservation. */
  readonly repeats?: ReadonlyMap<number, number>;
  /** `undefined` when Redis does not know the sale. */
  readonly counters: Pick<SaleCounters, 'remaining'> | undefined;
  readonly queues: QueueCounts;
  /** ms for which a part stood still or was away, the longest one; 0 by default. */
  readonly heldUpMs?: number;
  /** Tells witnesses when something happened; without it they say that they don't know. */
  readonly times?: EventTimes;
  /** The first frame that the run put into the dead-letter queue, once it was looked up. */
  readonly deadLetter?: DeadLetter;
  /** Where the shop is not ours. */
  readonly shop?: ShopFacts;
  /** Checks that can't be right under the attack's behaviours, each with the reason. */
  readonly notJudged?: Readonly<Partial<Record<CheckId, string>>>;
}

export interface DeadLetter {
  readonly id: string;
  readonly reservations?: number | undefined;
  /** Why it is there, as a sentence. */
  readonly reason: string;
  /** When its gateway closed it, in ms since the start of the attack. */
  readonly closedAtMs?: number | undefined;
}

/** A shop that is not ours: what its adapter can tell, and how its units are called. */
export interface ShopFacts {
  /** Checks that its data does not allow, each with the reason. */
  readonly notJudged: Readonly<Partial<Record<CheckId, string>>>;
  /** Name of a unit number; `undefined` where the shop names none. */
  unitName(unitNo: number): string | undefined;
  /** Whether reservation ids are the shop's own. */
  readonly hasIds: boolean;
}

/** When rows and decisions came about, in ms since the start of the attack; `undefined` when nobody knows. */
export interface EventTimes {
  rowAtMs(unitNo: number, reservationId: string): number | undefined;
  decidedAtMs(reservationId: string): number | undefined;
}

export const FATE = { none: 0, granted: 1, refused: 2 } as const;

export interface Evidence extends RawEvidence {
  /** Tickets of each subject. */
  readonly ticketsOf: Int32Array;
  /** What became of each accepted request; `none` when it is pending, and of all others. */
  readonly fate: Uint8Array;
  /** The unsettled request that each stray belongs to, -1 when there is none. */
  readonly ownerOfStray: Int32Array;
  readonly totals: {
    readonly accepted: number;
    readonly granted: number;
    readonly refused: number;
    readonly pending: number;
    readonly unknown: number;
    /** Unknown requests that own a ticket. */
    readonly unknownGranted: number;
    /** Requests told 5xx that own a ticket. */
    readonly failedGranted: number;
  };
}

export const GRANTED_CODE = 'G'.charCodeAt(0);

/** Joins tickets and accepted requests by reservation id. */
export function joinTickets(ledger: LoadLedger, tickets: TicketColumns): TicketJoin {
  const placeOf = new Map<string, number>();
  const placeOfTicket = new Int32Array(tickets.count);
  tickets.reservationId.forEach((id, ticket) => {
    const place = placeOf.get(id) ?? placeOf.size;
    if (place === placeOf.size) placeOf.set(id, place);
    placeOfTicket[ticket] = place;
  });
  const subjectOfPlace = new Int32Array(placeOf.size).fill(-1);
  if (placeOf.size > 0) {
    for (let request = 0; request < ledger.count; request++) {
      const id = ledger.reservationId(request);
      const place = id === undefined ? undefined : placeOf.get(id);
      if (place !== undefined && subjectOfPlace[place] === -1) subjectOfPlace[place] = request;
    }
  }
  const strays: string[] = [];
  for (const [id, place] of placeOf) {
    if (subjectOfPlace[place] !== -1) continue;
    subjectOfPlace[place] = ledger.count + strays.length;
    strays.push(id);
  }
  return { subjectOfTicket: placeOfTicket.map((place) => subjectOfPlace[place] ?? -1), strays };
}

/** Computes once what several checks need. */
export function prepareEvidence(raw: RawEvidence): Evidence {
  const { ledger, join, outcomes } = raw;
  const ticketsOf = new Int32Array(ledger.count + join.strays.length);
  for (const subject of join.subjectOfTicket) ticketsOf[subject] = (ticketsOf[subject] ?? 0) + 1;
  // A reservation that was asked for twice is one: whoever asked again has its tickets.
  for (const [again, first] of raw.repeats ?? []) ticketsOf[again] = ticketsOf[first] ?? 0;

  const fate = new Uint8Array(ledger.count);
  let accepted = 0;
  let granted = 0;
  let refused = 0;
  let unknown = 0;
  for (let request = 0; request < ledger.count; request++) {
    const status = ledger.status(request);
    if (status === 'unknown') unknown++;
    if (status !== 'accepted') continue;
    accepted++;
    const code = outcomes.code[request] ?? 0;
    // Records expire after minutes, or go when Redis loses its data; a ticket always proves its grant.
    if (code === GRANTED_CODE || (code === 0 && (ticketsOf[request] ?? 0) > 0)) {
      fate[request] = FATE.granted;
      granted++;
    } else if (code !== 0) {
      fate[request] = FATE.refused;
      refused++;
    }
  }
  const ownerOfStray = findOwners(raw);
  // An `unconfirmed` answer names its reservation: the ticket is then its own, and no stray.
  let unknownGranted = 0;
  for (let request = 0; request < ledger.count; request++)
    if ((ticketsOf[request] ?? 0) > 0 && ledger.status(request) === 'unknown') unknownGranted++;
  let failedGranted = 0;
  for (const owner of ownerOfStray) {
    if (owner === -1) continue;
    if (ledger.status(owner) === 'unknown') unknownGranted++;
    else failedGranted++;
  }
  const pending = accepted - granted - refused;
  return {
    ...raw,
    ticketsOf,
    fate,
    ownerOfStray,
    totals: { accepted, granted, refused, pending, unknown, unknownGranted, failedGranted },
  };
}

/** Nobody asked for a unit of the sale, and nobody has one. */
export const isUnasked = ({ ledger, tickets }: RawEvidence): boolean =>
  ledger.count === 0 && tickets.count === 0;

/** Whether the answer leaves open if the request was accepted. */
export function isUnsettled(ledger: LoadLedger, request: number): boolean {
  const status = ledger.status(request);
  return status === 'unknown' || (status === 'rejected' && ledger.httpStatus(request) >= 500);
}

/** The reservation of a subject; `undefined` for a request that was told none. */
export function reservationOf({ ledger, join }: RawEvidence, subject: number): string | undefined {
  return subject < ledger.count ? ledger.reservationId(subject) : join.strays[subject - ledger.count];
}

function findOwners({ ledger, join, tickets }: RawEvidence): Int32Array {
  const owners = new Int32Array(join.strays.length).fill(-1);
  if (owners.length === 0) return owners;
  const unsettled = new Map<string, number[]>();
  for (let request = 0; request < ledger.count; request++) {
    if (!isUnsettled(ledger, request)) continue;
    const userId = ledger.userId(request);
    const requests = unsettled.get(userId);
    if (requests) requests.push(request);
    else unsettled.set(userId, [request]);
  }
  join.subjectOfTicket.forEach((subject, ticket) => {
    const stray = subject - ledger.count;
    if (stray < 0 || owners[stray] !== -1) return;
    // Each request accounts for one reservation: a second stray of the same buyer needs a second request.
    owners[stray] = unsettled.get(tickets.userId[ticket] ?? '')?.shift() ?? -1;
  });
  return owners;
}

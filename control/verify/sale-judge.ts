/**
 * Judges the records of one sale as they come, in one pass: what it keeps grows with the tickets, not with the
 * requests.
 */
import { EvidenceError, cutOff } from './evidence-error.ts';
import { endOf, headerOf, type End, type Header } from './parse-records.ts';

/** `notJudged`: the file has no data for it, and says so. */
export type CheckState = 'passed' | 'open' | 'failed' | 'notJudged';

export type Checks = Readonly<Record<string, { readonly state: CheckState; readonly found: string }>>;

export interface SaleJudgement {
  readonly runId: string;
  readonly sale: string;
  /** How many sales the file has. */
  readonly parts: number;
  /** The defect that was planted on purpose: the run says nothing about the engine. */
  readonly planted?: string;
  /** The shop is not FlashGrid's own. */
  readonly isOther?: true;
  readonly requests: number;
  readonly tickets: number;
  readonly stock: number;
  readonly checks: Checks;
  /** Checks about which the audit that wrote the file said something else. */
  readonly disputed: readonly string[];
}

export interface EvidenceRequest {
  readonly index: number;
  /** Of a run with several sales: the one that it was for. */
  readonly sale?: string;
  readonly user: string;
  readonly status: string;
  readonly sentUs: number;
  /** Missing without an answer. */
  readonly answeredUs: number | undefined;
  readonly outcome: string;
  readonly units: string;
}

/** Of a reservation in its frame. */
const MAX_PLACE = 999_999;
/** How far, in µs, grants may depart from the order of acceptance, beside what a part stood still. */
const ORDER_TOLERANCE_US = 2_000_000;

/** The id of a reservation that was sent with an Idempotency-Key. */
const KEYED = /^[^.]+\.k\./;
const STATUSES = new Set(['accepted', 'rejected', 'unknown', 'unsent']);
/**
 * The sale was closed or reset before the reservation's turn, or the key was another's: no unit was due to
 * it.
 */
const NOT_DUE = new Set(['sale_closed', 'sale_reset', 'key_reused']);

interface Ticket {
  readonly unit: number;
  readonly user: string;
}

/** Tickets of one reservation, and whether a request has accounted for them. */
interface Holding {
  readonly tickets: Ticket[];
  isClaimed: boolean;
  /** Outcome of a reservation that no answer named. */
  stray?: { readonly outcome: string; readonly units: string };
}

/** Counts a fault and remembers the first few. */
class Faults {
  count = 0;
  readonly first: string[] = [];
  add(what: string): void {
    if (this.count++ < 3) this.first.push(what);
  }
}

/** Judges the records of one sale. */
export class SaleJudge {
  readonly #onRequest: (request: EvidenceRequest, sale: string) => void;
  #section = 'H';
  #header: Header | undefined;
  #end: End | undefined;

  readonly #holdings = new Map<string, Holding>();
  readonly #heldBy = new Map<string, number>();
  #tickets = 0;
  #unitTwice = new Faults();
  #unitOutside = new Faults();

  #requests = 0;
  #accepted = 0;
  #granted = 0;
  #refused = 0;
  /** Places already given of each frame, a byte each. */
  readonly #given = new Map<string, Uint8Array>();
  readonly #pending = new Faults();
  readonly #ticketMissing = new Faults();
  readonly #outcomeBroken = new Faults();
  readonly #otherBuyer = new Faults();
  /** Requests of a buyer that may own a ticket which no answer named. */
  readonly #unsettled = new Map<string, number>();
  readonly #demand = new Map<string, number>();
  #lastGrantedSentUs = -Infinity;
  #firstSoldOutAnsweredUs = Infinity;
  readonly #units: Uint8Array[] = [];

  constructor(onRequest: (request: EvidenceRequest, sale: string) => void) {
    this.#onRequest = onRequest;
  }

  get isComplete(): boolean {
    return this.#end !== undefined;
  }

  get parts(): number {
    return this.#header?.parts ?? 1;
  }

  read(line: string, kind: string): void {
    if ('HTSRE'.indexOf(kind) < 'HTSRE'.indexOf(this.#section) || (kind === 'H' && this.#header))
      throw new EvidenceError(`A record of kind ${kind} stands where it can't.`);
    this.#section = kind;
    if (kind === 'H') this.#header = headerOf(line.slice(2));
    else if (!this.#header) throw new EvidenceError('The first record must be the header.');
    else if (kind === 'T') this.#readTicket(line, this.#header);
    else if (kind === 'S') this.#readStray(line);
    else if (kind === 'R') this.#readRequest(line, this.#header);
    else if (this.#end) throw new EvidenceError('There are two end records.');
    else this.#end = endOf(line.slice(2));
  }

  #readTicket(line: string, { stock }: Header): void {
    const [, unitText, id, user, ...more] = line.split('\t');
    const unit = Number(unitText);
    if (!Number.isInteger(unit) || !id || !user || more.length > 0)
      throw new EvidenceError(`Not a ticket: ${line}`);
    this.#tickets++;
    if (unit < 1 || unit > stock) this.#unitOutside.add(`unit ${unit}`);
    else if (this.#isSold(unit)) this.#unitTwice.add(`unit ${unit}`);
    const holding = this.#holdings.get(id);
    if (holding) holding.tickets.push({ unit, user });
    else this.#holdings.set(id, { tickets: [{ unit, user }], isClaimed: false });
    this.#heldBy.set(user, (this.#heldBy.get(user) ?? 0) + 1);
  }

  /**
   * Marks a unit as sold, and tells whether it was before. Pages, since the stock may be ten million of which
   * twenty are sold.
   */
  #isSold(unit: number): boolean {
    const page = (this.#units[unit >> 16] ??= new Uint8Array(1 << 16));
    const at = unit & 0xffff;
    const was = page[at] === 1;
    page[at] = 1;
    return was;
  }

  #readStray(line: string): void {
    const [, id = '', outcome = '', units = ''] = line.split('\t');
    const holding = this.#holdings.get(id);
    if (!holding) throw new EvidenceError(`An outcome of a reservation without a ticket: ${id}`);
    holding.stray = { outcome, units };
  }

  #readRequest(line: string, { sale, saleStatus, stock, isOther }: Header): void {
    const fields = line.split('\t');
    const [, at, user = '', status = '', http, sent, answered, id = '', outcome = '', units = ''] = fields;
    const sentUs = Number(sent);
    const answeredUs = answered === '-' ? undefined : Number(answered);
    if (
      fields.length !== 10 ||
      Number(at) !== this.#requests ||
      !STATUSES.has(status) ||
      !Number.isInteger(sentUs)
    )
      throw new EvidenceError(`Request ${this.#requests} is missing or damaged: ${line.slice(0, 120)}`);
    this.#onRequest({ index: this.#requests, user, status, sentUs, answeredUs, outcome, units }, sale);
    this.#requests++;
    const holding = id === '-' ? undefined : this.#holdings.get(id);
    if (id !== '-' && this.#isGivenAgain(id)) this.#outcomeBroken.add(`${id} was given to two requests`);
    const isFirst = holding?.isClaimed === false && status !== 'unsent';
    if (holding && isFirst) {
      holding.isClaimed = true;
      for (const ticket of holding.tickets)
        if (ticket.user !== user) this.#otherBuyer.add(`${id}: ticket of ${ticket.user}, request of ${user}`);
    }
    const isUnsettled = status === 'unknown' || (status === 'rejected' && Number(http) >= 500);
    if (isUnsettled && !holding) this.#unsettled.set(user, (this.#unsettled.get(user) ?? 0) + 1);
    // A sale that is sold out can't be undersold: its million buyers need not be kept.
    const isDue =
      this.#tickets < stock &&
      (status === 'accepted'
        ? !NOT_DUE.has(outcome)
        : holding !== undefined ||
          (isOther ? outcome === 'sold_out' : http === '409' && saleStatus === 'open'));
    if (isDue) this.#demand.set(user, (this.#demand.get(user) ?? 0) + 1);
    if (status !== 'accepted') return;

    this.#accepted++;
    // A ticket stands for one grant: that of the first request that names it.
    // Under a key it stands for all that named it, who asked when the first one did.
    const isAgain = holding !== undefined && !isFirst && KEYED.test(id);
    if (outcome === 'granted' || (outcome === '-' && (isFirst || isAgain))) {
      this.#granted++;
      if (!isAgain) this.#lastGrantedSentUs = Math.max(this.#lastGrantedSentUs, sentUs);
    } else if (outcome === '-') this.#pending.add(id === '-' ? `request ${at}` : id);
    else {
      this.#refused++;
      if (outcome === 'sold_out' && answeredUs !== undefined)
        this.#firstSoldOutAnsweredUs = Math.min(this.#firstSoldOutAnsweredUs, answeredUs);
    }
    this.#compare(id, outcome, units, holding);
  }

  /**
   * Notes a reservation id. A request that is sent again with its key gets the same id, and is no second
   * reservation.
   */
  #isGivenAgain(id: string): boolean {
    const dot = id.lastIndexOf('.') + 1;
    const frame = id.slice(0, dot);
    const place = Number(id.slice(dot));
    if (!Number.isInteger(place) || place > MAX_PLACE) return false;
    let places = this.#given.get(frame) ?? new Uint8Array(64);
    if (place >= places.length) {
      const more = new Uint8Array(Math.max(place + 1, places.length * 2));
      more.set(places);
      places = more;
    }
    this.#given.set(frame, places);
    const was = places[place] === 1;
    places[place] = 1;
    return was;
  }

  /** A reservation's outcome against the tickets that it owns. */
  #compare(id: string, outcome: string, units: string, holding: Holding | undefined): void {
    const held = holding?.tickets ?? [];
    if (outcome === '-') return;
    if (outcome !== 'granted') {
      if (held.length > 0) this.#outcomeBroken.add(`${id} was refused (${outcome}) and owns a ticket`);
      return;
    }
    const due = units.split(',').map(Number);
    if (held.some(({ unit }) => !due.includes(unit)) || held.length > due.length)
      this.#outcomeBroken.add(
        `${id} was granted ${units} and owns ${held.map(({ unit }) => unit).join(',')}`,
      );
    else if (held.length < due.length)
      this.#ticketMissing.add(`${id} was granted ${units} and owns ${held.length}`);
  }

  finish(): SaleJudgement {
    const { runId, sale, parts, planted, isOther, openUnder, stock, perBuyerLimit, heldUpMs } =
      this.#header ?? cutOff('it is empty');
    const { requests, tickets } = this.#header ?? cutOff('it is empty');
    const { remaining, waiting, newDead, undecided, claims } =
      this.#end ?? cutOff('the end record is missing');
    if (requests !== this.#requests || tickets !== this.#tickets)
      throw new EvidenceError('The header counts other requests or tickets than there are.');

    const phantoms = this.#claimStrays();
    const over = [...this.#heldBy].filter(([, held]) => held > perBuyerLimit);
    const beyond = Math.max(0, this.#tickets - stock);
    const demand = [...this.#demand.values()].reduce((sum, units) => sum + Math.min(units, perBuyerLimit), 0);
    const undersold = Math.max(0, Math.min(stock, demand) - this.#tickets);
    const difference = remaining === null ? undefined : remaining + this.#tickets - stock;
    const gapUs = Math.max(0, this.#lastGrantedSentUs - this.#firstSoldOutAnsweredUs);
    const broken = (...all: Faults[]) => all.flatMap(({ first }) => first).join('; ');
    const isMissing = this.#pending.count + this.#ticketMissing.count > 0;

    const checks: Record<string, { state: CheckState; found: string }> = {};
    const set = (name: string, isFine: boolean, found: string, canBeOpen = false) => {
      if (claims[name] === 'notJudged' && (isOther || openUnder.includes(name))) {
        const found = isOther
          ? 'There is no data for it in the attack on another shop.'
          : 'It can’t be right under the behaviours of this attack.';
        checks[name] = { state: 'notJudged', found };
        return;
      }
      checks[name] = { state: isFine ? 'passed' : canBeOpen && undecided ? 'open' : 'failed', found };
    };
    set(
      'no_oversell',
      beyond + this.#unitTwice.count + this.#unitOutside.count === 0,
      `${this.#tickets} tickets for ${stock} units. ${broken(this.#unitTwice, this.#unitOutside)}`,
    );
    set(
      'no_undersell',
      undersold === 0,
      `${this.#tickets} sold, ${demand} asked for by eligible buyers.`,
      true,
    );
    set(
      'conservation',
      this.#pending.count === 0,
      `${this.#accepted} accepted = ${this.#granted} granted + ${this.#refused} refused + ${this.#pending.count} pending. ${broken(this.#pending)}`,
      true,
    );
    set(
      'single_outcome',
      !isMissing && this.#outcomeBroken.count === 0,
      `${this.#accepted} accepted. ${broken(this.#outcomeBroken, this.#ticketMissing)}`,
      this.#outcomeBroken.count === 0,
    );
    set(
      'no_phantom',
      phantoms.count + this.#otherBuyer.count === 0,
      `${this.#tickets} tickets. ${broken(phantoms, this.#otherBuyer)}`,
    );
    set(
      'stock_balance',
      difference === 0 && remaining !== null && remaining >= 0,
      difference === undefined
        ? 'Redis did not know the sale.'
        : `${remaining} left + ${this.#tickets} tickets, ${stock} in stock.`,
      (remaining ?? 0) >= 0 && (difference ?? -1) < 0,
    );
    set(
      'buyer_limit',
      over.length === 0,
      `${this.#heldBy.size} buyers, at most ${perBuyerLimit} each. ${over
        .slice(0, 3)
        .map(([user, held]) => `${user} holds ${held}`)
        .join('; ')}`,
    );
    set(
      'queues_empty',
      waiting === 0 && newDead === 0,
      `${waiting} frames wait, ${newDead} were dead-lettered.`,
      newDead === 0,
    );
    set(
      'order',
      gapUs <= ORDER_TOLERANCE_US + heldUpMs * 1_000,
      `A buyer was refused ${gapUs / 1_000} ms after a later one, who got a unit, had asked (tolerated: ${ORDER_TOLERANCE_US / 1_000 + heldUpMs} ms).`,
    );
    for (const check of Object.values(checks)) check.found = check.found.trim();
    return {
      runId,
      ...(planted === undefined ? {} : { planted }),
      ...(isOther ? { isOther } : {}),
      sale,
      parts,
      requests,
      tickets,
      stock,
      checks,
      disputed: Object.keys(checks).filter((name) => claims[name] !== checks[name]?.state),
    };
  }

  /**
   * Gives every ticket that no answer named to a request of its buyer that may own it; the others come from
   * nowhere.
   */
  #claimStrays(): Faults {
    const phantoms = new Faults();
    for (const [id, { tickets, isClaimed, stray }] of this.#holdings) {
      if (isClaimed) continue;
      const user = tickets.find((ticket) => (this.#unsettled.get(ticket.user) ?? 0) > 0)?.user;
      if (user === undefined) phantoms.add(`${id} (buyer ${tickets[0]?.user ?? ''})`);
      else {
        this.#unsettled.set(user, (this.#unsettled.get(user) ?? 0) - 1);
        this.#demand.set(user, (this.#demand.get(user) ?? 0) + 1);
        for (const ticket of tickets)
          if (ticket.user !== user)
            this.#otherBuyer.add(`${id}: ticket of ${ticket.user}, request of ${user}`);
      }
      if (stray) this.#compare(id, stray.outcome, stray.units, { tickets, isClaimed: true });
    }
    return phantoms;
  }
}

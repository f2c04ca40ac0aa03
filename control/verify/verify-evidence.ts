/**
 * Judges a run again from its evidence file, offline. It shares no code with the audit, the writer of the file or the engine, on purpose: a
 * mistake in one of them must not hide itself here. docs/evidence.md describes the file and what each check compares.
 */
import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** A file that can't be judged: damaged, changed, or no evidence at all. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
}

export type CheckState = 'passed' | 'open' | 'failed';

export interface Judgement {
  readonly runId: string;
  readonly root: string;
  readonly records: number;
  readonly requests: number;
  readonly tickets: number;
  readonly stock: number;
  readonly checks: Readonly<Record<string, { readonly state: CheckState; readonly found: string }>>;
  /** Checks about which the audit that wrote the file said something else. */
  readonly disputed: readonly string[];
}

export interface VerifyOptions {
  /** The root that was printed with the verdict; a file with another one was changed. */
  readonly expectedRoot?: string;
  /** Receives every request, for a history in another form. */
  onRequest?(request: EvidenceRequest): void;
}

export interface EvidenceRequest {
  readonly index: number;
  readonly user: string;
  readonly status: string;
  readonly sentUs: number;
  /** Missing without an answer. */
  readonly answeredUs: number | undefined;
  readonly outcome: string;
  readonly units: string;
}

/** Characters of the longest line: the first one holds the settings and incidents of the run. */
const MAX_LINE = 4 * 1024 * 1024;
/** Of a reservation in its frame. */
const MAX_PLACE = 999_999;
/** How far, in µs, grants may depart from the order of acceptance, beside what a part stood still. */
const ORDER_TOLERANCE_US = 2_000_000;

/**
 * Reads the file once and judges it.
 * @throws EvidenceError
 */
export async function verifyEvidence(path: string, options: VerifyOptions = {}): Promise<Judgement> {
  const judge = new Judge(options.onRequest);
  let rest = '';
  try {
    await pipeline(createReadStream(path), createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        const lines = (rest + chunk.toString('latin1')).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_LINE) throw new EvidenceError('A record is longer than any of this format.');
        for (const line of lines) judge.read(line);
      }
    });
  } catch (error) {
    if (error instanceof EvidenceError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
      throw new EvidenceError(`${path} can't be read (${code}).`, { cause: error });
    throw new EvidenceError('The file is no gzip file, or was cut off or changed.', { cause: error });
  }
  if (rest !== '') throw new EvidenceError('The file was cut off: its last record is not complete.');
  return judge.finish(options.expectedRoot);
}

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

class Judge {
  readonly #onRequest: VerifyOptions['onRequest'];
  readonly #tree = new RootBuilder();
  #section = 'H';
  #root: string | undefined;
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

  constructor(onRequest: VerifyOptions['onRequest']) {
    this.#onRequest = onRequest;
  }

  read(line: string): void {
    if (this.#root !== undefined) throw new EvidenceError('There are records after the root.');
    const kind = line[0] ?? '';
    if (line[1] !== '\t' || !'HTSREM'.includes(kind))
      throw new EvidenceError(`Not a record: ${line.slice(0, 40)}`);
    if ('HTSREM'.indexOf(kind) < 'HTSREM'.indexOf(this.#section) || (kind === 'H' && this.#header))
      throw new EvidenceError(`A record of kind ${kind} stands where it can't.`);
    this.#section = kind;
    if (kind === 'M') return this.#readRoot(line);
    this.#tree.add(line);
    if (kind === 'H') this.#header = headerOf(line.slice(2));
    else if (!this.#header) throw new EvidenceError('The first record must be the header.');
    else if (kind === 'T') this.#readTicket(line, this.#header);
    else if (kind === 'S') this.#readStray(line);
    else if (kind === 'R') this.#readRequest(line, this.#header);
    else if (this.#end) throw new EvidenceError('There are two end records.');
    else this.#end = endOf(line.slice(2));
  }

  #readRoot(line: string): void {
    const [, root, leaves] = line.split('\t');
    const found = this.#tree.root();
    if (Number(leaves) !== this.#tree.leaves || root !== found)
      throw new EvidenceError(
        `The records do not make the root that the file names: a record was changed, added or removed. Named ${String(root).slice(0, 64)}, found ${found}.`,
      );
    this.#root = found;
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

  /** Marks a unit as sold, and tells whether it was before. Pages, since the stock may be ten million of which twenty are sold. */
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

  #readRequest(line: string, { saleStatus, stock }: Header): void {
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
    this.#onRequest?.({ index: this.#requests, user, status, sentUs, answeredUs, outcome, units });
    this.#requests++;
    const holding = id === '-' ? undefined : this.#holdings.get(id);
    if (id !== '-' && this.#isGivenAgain(id)) this.#outcomeBroken.add(`${id} was given to two requests`);
    if (holding && status !== 'unsent' && !holding.isClaimed) {
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
        : holding !== undefined || (http === '409' && saleStatus === 'open'));
    if (isDue) this.#demand.set(user, (this.#demand.get(user) ?? 0) + 1);
    if (status !== 'accepted') return;

    this.#accepted++;
    if (outcome === 'granted' || (outcome === '-' && holding)) {
      this.#granted++;
      this.#lastGrantedSentUs = Math.max(this.#lastGrantedSentUs, sentUs);
    } else if (outcome === '-') this.#pending.add(id === '-' ? `request ${at}` : id);
    else {
      this.#refused++;
      if (outcome === 'sold_out' && answeredUs !== undefined)
        this.#firstSoldOutAnsweredUs = Math.min(this.#firstSoldOutAnsweredUs, answeredUs);
    }
    this.#compare(id, outcome, units, holding);
  }

  /** Notes a reservation id. A request that is sent again with its key gets the same id, and is no second reservation. */
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

  finish(expectedRoot: string | undefined): Judgement {
    const { runId, stock, perBuyerLimit, heldUpMs, requests, tickets } = this.#header ?? fail('it is empty');
    const { remaining, waiting, newDead, undecided, claims } = this.#end ?? fail('the end record is missing');
    const root = this.#root ?? fail('its root is missing');
    if (expectedRoot !== undefined && expectedRoot.toLowerCase() !== root)
      throw new EvidenceError(
        `The root of this file is ${root}, not ${expectedRoot}: it is not the evidence of that verdict.`,
      );
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
      difference === 0,
      difference === undefined
        ? 'Redis did not know the sale.'
        : `${remaining} left + ${this.#tickets} tickets, ${stock} in stock.`,
      difference === undefined || difference < 0,
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
      root,
      records: this.#tree.leaves,
      requests,
      tickets,
      stock,
      checks,
      disputed: Object.keys(checks).filter((name) => claims[name] !== checks[name]?.state),
    };
  }

  /** Gives every ticket that no answer named to a request of its buyer that may own it; the others come from nowhere. */
  #claimStrays(): Faults {
    const phantoms = new Faults();
    for (const [id, { tickets, isClaimed, stray }] of this.#holdings) {
      if (isClaimed) continue;
      const user = tickets[0]?.user ?? '';
      const left = this.#unsettled.get(user) ?? 0;
      if (left === 0) phantoms.add(`${id} (buyer ${user})`);
      else {
        this.#unsettled.set(user, left - 1);
        this.#demand.set(user, (this.#demand.get(user) ?? 0) + 1);
      }
      if (stray) this.#compare(id, stray.outcome, stray.units, { tickets, isClaimed: true });
    }
    return phantoms;
  }
}

const STATUSES = new Set(['accepted', 'rejected', 'unknown', 'unsent']);
/** The sale was closed or reset before the reservation's turn, or the key was another's: no unit was due to it. */
const NOT_DUE = new Set(['sale_closed', 'sale_reset', 'key_reused']);

interface Header {
  readonly runId: string;
  readonly stock: number;
  readonly perBuyerLimit: number;
  readonly saleStatus: string;
  readonly heldUpMs: number;
  readonly requests: number;
  readonly tickets: number;
}

interface End {
  readonly remaining: number | null;
  readonly waiting: number;
  readonly newDead: number;
  readonly undecided: boolean;
  /** What the audit that wrote the file found, by check. */
  readonly claims: Readonly<Record<string, unknown>>;
}

function headerOf(text: string): Header {
  const header = fieldsOf(text);
  if (header['format'] !== 'flashgrid.evidence/1')
    throw new EvidenceError(
      `The format is ${JSON.stringify(header['format'] ?? null).slice(0, 40)}; this checks flashgrid.evidence/1.`,
    );
  const sale = fieldsOf(header['sale']);
  return {
    runId: String(fieldsOf(header['run'])['id']),
    stock: wholeOf(sale, 'stock'),
    perBuyerLimit: wholeOf(sale, 'perBuyerLimit'),
    saleStatus: String(sale['status']),
    heldUpMs: Number(header['heldUpMs']),
    requests: wholeOf(header, 'requests'),
    tickets: wholeOf(header, 'tickets'),
  };
}

function endOf(text: string): End {
  const end = fieldsOf(text);
  const queues = fieldsOf(end['queues']);
  return {
    remaining: end['remaining'] === null ? null : Number(end['remaining']),
    waiting: wholeOf(queues, 'waiting'),
    newDead: Math.max(0, wholeOf(queues, 'dead') - wholeOf(queues, 'deadBefore')),
    undecided: Array.isArray(end['undecided']) && end['undecided'].length > 0,
    claims: fieldsOf(end['checks']),
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  let parsed = value;
  if (typeof value === 'string') {
    try {
      parsed = JSON.parse(value);
    } catch {
      throw new EvidenceError(`Not JSON: ${value.slice(0, 40)}`);
    }
  }
  if (typeof parsed !== 'object' || parsed === null) throw new EvidenceError('A group of fields is missing.');
  return { ...parsed };
}

function wholeOf(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw new EvidenceError(`The field ${name} is not a whole number.`);
  return value;
}

function fail(why: string): never {
  throw new EvidenceError(`The file was cut off: ${why}.`);
}

/** The root of the Merkle tree over the records, by recursion over the sizes that RFC 6962 gives. */
class RootBuilder {
  #leaves = 0;
  /** The hash of each full subtree that still waits for its sibling, by its height. */
  readonly #waiting: (Buffer | undefined)[] = [];

  get leaves(): number {
    return this.#leaves;
  }

  add(record: string): void {
    this.#leaves++;
    let node: Buffer = hash('sha256', `\0${record}`, 'buffer');
    let height = 0;
    for (; this.#waiting[height] !== undefined; height++) {
      node = parentOf(this.#waiting[height] ?? node, node);
      this.#waiting[height] = undefined;
    }
    this.#waiting[height] = node;
  }

  root(): string {
    let root: Buffer | undefined;
    for (const node of this.#waiting) if (node) root = root ? parentOf(node, root) : node;
    return root?.toString('hex') ?? '';
  }
}

function parentOf(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update('\u0001').update(left).update(right).digest();
}

/** Joins what the load generators saw of a shop that is not ours with what the shop holds. */
import { UNDERSELL_UNTOLD, notJudgedWith } from '../../contract/adapter.ts';
import { shownName } from '../../contract/target.ts';
import { joinTickets, prepareEvidence, type Evidence, type ShopFacts } from '../audit/evidence.ts';
import type { LoadLedger } from '../audit/ledger.ts';
import { ShopLedger, toldBy } from './shop-ledger.ts';
import type { Decided, Owned, ShopReader } from './shop-reader.ts';

/** Codes of services/shared/outcomes.ts. */
const CODES: Readonly<Record<Decided, number>> = {
  granted: 'G'.charCodeAt(0),
  soldOut: 'S'.charCodeAt(0),
  // `sale_closed`: for another reason than the stock, so that no unit was due.
  refused: 'C'.charCodeAt(0),
  pending: 0,
};

export interface ShopFindings {
  readonly seen: LoadLedger;
  readonly owners: readonly Owned[];
  /** What became of accepted requests; missing where being accepted is to own. */
  readonly outcomes: ReadonlyMap<number, Decided> | undefined;
  /** Units left, where the shop tells. */
  readonly left: number | undefined;
  readonly sale: { readonly id: string; readonly stock: number; readonly perBuyerLimit: number };
  readonly reader: Pick<ShopReader, 'hasIds' | 'tellsSoldOut'>;
  readonly hasLimit: boolean;
}

/** The evidence of an attack on such a shop. */
export function shopEvidence(found: ShopFindings): Evidence {
  const { seen, owners, outcomes, left, sale, reader } = found;
  const decided = (request: number): Decided =>
    outcomes === undefined ? 'granted' : (outcomes.get(request) ?? 'pending');
  const { ids, idsOfOwners, duplicates } = joinIds(found, decided);
  const ledger = new ShopLedger(seen, ids);
  const units = new UnitNumbers(owners);
  const tickets = {
    count: owners.length,
    unitNo: units.ofOwners,
    reservationId: idsOfOwners,
    userId: owners.map(({ buyer }) => buyer),
  };
  const join = joinTickets(ledger, tickets);
  const subjects = ledger.count + join.strays.length;
  const code = new Uint8Array(subjects);
  const firstUnit = new Int32Array(subjects);
  join.subjectOfTicket.forEach((subject, ticket) => (firstUnit[subject] ||= tickets.unitNo[ticket] ?? 0));
  for (let request = 0; request < ledger.count; request++) {
    if (ledger.status(request) !== 'accepted') continue;
    code[request] = CODES[decided(request)];
    const { unit } = toldBy(seen, request);
    if (unit !== '' && units.hasNames) firstUnit[request] = units.numberOf(unit);
  }
  return prepareEvidence({
    sale: { ...sale, status: 'open' },
    ledger,
    tickets,
    join,
    outcomes: { code, firstUnit, units: new Map(), unreadable: [] },
    duplicates,
    counters: left === undefined ? undefined : { remaining: left },
    queues: { waiting: 0, dead: 0, deadBefore: 0 },
    shop: {
      notJudged: notJudged(found),
      unitName: (unitNo) => units.nameOf(unitNo),
      hasIds: reader.hasIds,
    },
  });
}

/** Numbers for the names of units, in the order in which the owners have them; a unit without a name has a number of its own. */
class UnitNumbers {
  readonly ofOwners: Int32Array;
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];

  constructor(owners: readonly Owned[]) {
    for (const { unit } of owners) if (unit !== '') this.numberOf(unit);
    let nameless = this.#names.length;
    this.ofOwners = Int32Array.from(owners, ({ unit }) => (unit === '' ? ++nameless : this.numberOf(unit)));
  }

  get hasNames(): boolean {
    return this.#names.length > 0;
  }

  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#names.push(name);
    this.#numbers.set(name, this.#names.length);
    return this.#names.length;
  }

  nameOf(unitNo: number): string | undefined {
    const name = this.#names[unitNo - 1];
    return name === undefined ? undefined : shownName(name);
  }
}

/**
 * One id for a request and what it owns: the shop's own, or else the buyer's next. A buyer's granted requests come first,
 * since they are those that should own something.
 */
function joinIds({ seen, owners, reader }: ShopFindings, decided: (request: number) => Decided) {
  const ids = new Map<number, string>();
  const duplicates: number[] = [];
  const taken = new Map<string, number>();
  const next = (name: string) => {
    const count = taken.get(name) ?? 0;
    taken.set(name, count + 1);
    return count === 0 ? name : `${name}~${count + 1}`;
  };
  const accepted: number[] = [];
  for (let request = 0; request < seen.count; request++)
    if (seen.status(request) === 'accepted') accepted.push(request);
  if (reader.hasIds) {
    const given = new Set<string>();
    for (const request of accepted) {
      const { id } = toldBy(seen, request);
      if (id === '') continue;
      if (given.has(id)) duplicates.push(request);
      given.add(id);
      ids.set(request, id);
    }
    return { ids, duplicates, idsOfOwners: owners.map(({ id, buyer }) => (id === '' ? next(buyer) : id)) };
  }
  const rank = (request: number) => (decided(request) === 'granted' ? 0 : 1);
  const open = new Map<string, { readonly id: string; readonly unit: string }[]>();
  for (const request of accepted.sort((one, other) => rank(one) - rank(other) || one - other)) {
    const buyer = seen.userId(request);
    const told = { id: next(buyer), unit: toldBy(seen, request).unit };
    ids.set(request, told.id);
    const others = open.get(buyer);
    if (others) others.push(told);
    else open.set(buyer, [told]);
  }
  // The unit that a request was told is its own; what is left goes to the buyer's other requests in their order.
  const own = owners.map(({ buyer, unit }) => {
    const at = unit === '' ? -1 : (open.get(buyer)?.findIndex((told) => told.unit === unit) ?? -1);
    return at < 0 ? undefined : open.get(buyer)?.splice(at, 1)[0]?.id;
  });
  const idsOfOwners = owners.map(({ buyer }, at) => own[at] ?? open.get(buyer)?.shift()?.id ?? next(buyer));
  return { ids, duplicates, idsOfOwners };
}

/** Why a check has no data. */
function notJudged({ outcomes, left, reader, hasLimit, owners, sale }: ShopFindings): ShopFacts['notJudged'] {
  const { tellsSoldOut } = reader;
  const tellsLeft = left !== undefined;
  return {
    ...notJudgedWith({ hasOutcome: outcomes !== undefined, tellsSoldOut, tellsLeft, hasLimit }),
    ...(!tellsSoldOut && owners.length < sale.stock && { no_undersell: UNDERSELL_UNTOLD }),
  };
}

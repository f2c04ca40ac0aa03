/** An attack on several sales: each is judged like a single one, by the requests that were for it, and the run tells their sums. */
import { CHECK_IDS, checkState } from '../../contract/checks.ts';
import { plural, whole } from '../../contract/format.ts';
import type { Audit, Check } from '../../contract/run-record.ts';
import { MAX_OFFENDERS } from './checks/check.ts';
import type { Evidence } from './evidence.ts';
import type { LoadLedger } from './ledger.ts';

/** What a verdict rests on, and what its checks found. */
export interface JudgedSale {
  readonly evidence: Evidence;
  readonly audit: Audit;
}

/** The requests for each of several sales, in their order. */
export function ledgersBySale(
  all: LoadLedger,
  sales: number,
  saleOf: (request: number) => number,
): readonly LoadLedger[] {
  const counts = new Uint32Array(sales);
  const place = new Uint16Array(all.count);
  for (let request = 0; request < all.count; request++) {
    place[request] = saleOf(request);
    counts[place[request] ?? 0] = (counts[place[request] ?? 0] ?? 0) + 1;
  }
  const requests = Array.from(counts, (count) => new Uint32Array(count));
  const filled = new Uint32Array(sales);
  for (let request = 0; request < all.count; request++) {
    const sale = place[request] ?? 0;
    const at = filled[sale] ?? 0;
    const own = requests[sale];
    if (own) own[at] = request;
    filled[sale] = at + 1;
  }
  return requests.map((own) => new PartOfLedger(all, own));
}

class PartOfLedger implements LoadLedger {
  readonly count: number;
  readonly #all: LoadLedger;
  readonly #requests: Uint32Array;

  constructor(all: LoadLedger, requests: Uint32Array) {
    this.count = requests.length;
    this.#all = all;
    this.#requests = requests;
  }

  readonly userId = (index: number) => this.#all.userId(this.#of(index));
  readonly status = (index: number) => this.#all.status(this.#of(index));
  readonly reservationId = (index: number) => this.#all.reservationId(this.#of(index));
  readonly httpStatus = (index: number) => this.#all.httpStatus(this.#of(index));
  readonly sentAtMs = (index: number) => this.#all.sentAtMs(this.#of(index));
  readonly answeredAtMs = (index: number) => this.#all.answeredAtMs(this.#of(index));

  #of(index: number): number {
    const request = this.#requests[index];
    if (request === undefined)
      throw new RangeError(`request ${index} does not exist; there are ${this.count}`);
    return request;
  }
}

const SUMMED = [
  'stock',
  'sold',
  'granted',
  'refused',
  'pending',
  'lost',
  'duplicated',
  'oversold',
  'undersold',
  'unknownResolved',
] as const;

/**
 * What the audit of all sales found.
 * @param sales how many there are; of one it is what was found of that one
 */
export function sumOfSales(judged: readonly JudgedSale[], sales: number): Audit {
  const [first] = judged;
  if (!first) throw new RangeError('no sale was judged');
  if (sales === 1) return first.audit;
  const audits = judged.map(({ audit }) => audit);
  const sum = (of: (audit: Audit) => number | undefined) =>
    audits.reduce((total, audit) => total + (of(audit) ?? 0), 0);
  const unasked = sales - judged.length;
  const fromPublished = sum((audit) => audit.fromPublished);
  return {
    ...first.audit,
    ...(Object.fromEntries(SUMMED.map((name) => [name, sum((audit) => audit[name])])) as Pick<
      Audit,
      (typeof SUMMED)[number]
    >),
    stock: first.audit.stock * sales,
    unknownGranted: sum((audit) => audit.unknownGranted),
    ...(fromPublished === 0 ? {} : { fromPublished }),
    checks: CHECK_IDS.map((_, at) => checkOfAll(judged, at)),
    sales: {
      count: sales,
      broken: audits.filter((audit) => failedOf(audit).length > 0).length,
      unasked,
      worst: worstOf(judged, first),
    },
  };
}

const failedOf = ({ checks }: Audit) =>
  checks.filter((check) => !['passed', 'notJudged'].includes(checkState(check))).map(({ id }) => id);

type Worst = NonNullable<Audit['sales']>['worst'];

function worstOf(judged: readonly JudgedSale[], first: JudgedSale): Worst {
  const badness = ({ audit, evidence }: JudgedSale) => [
    failedOf(audit).length,
    audit.oversold + audit.lost + audit.duplicated + audit.undersold + audit.pending,
    evidence.ledger.count,
  ];
  const { audit, evidence } = judged.reduce((worst, one) => {
    const [mine, other] = [badness(one), badness(worst)];
    const at = mine.findIndex((value, place) => value !== other[place]);
    return at >= 0 && (mine[at] ?? 0) > (other[at] ?? 0) ? one : worst;
  }, first);
  const { stock, sold, granted, refused, pending, lost, duplicated, oversold, undersold } = audit;
  return {
    id: evidence.sale.id,
    requests: evidence.ledger.count,
    ...{ stock, sold, granted, refused, pending, lost, duplicated, oversold, undersold },
    failed: failedOf(audit),
  };
}

/** A check of all sales: it holds when it holds for each, and shows the first sale for which it does not. */
function checkOfAll(judged: readonly JudgedSale[], at: number): Check {
  const all = judged.flatMap(({ evidence, audit }) => {
    const check = audit.checks[at];
    return check ? [{ id: evidence.sale.id, check }] : [];
  });
  const [any] = all;
  if (!any) throw new RangeError('a check is missing');
  // The queue is one for all sales.
  if (any.check.id === 'queues_empty' || any.check.isNotJudged) return any.check;
  const failing = all.filter(({ check }) => !check.ok);
  const broken = failing.find(({ check }) => !check.isOpen);
  const shown = broken ?? failing[0];
  const sales = plural(all.length, 'sale');
  if (!shown)
    return {
      ...any.check,
      evidence: {
        summary: `It holds for each of the ${sales}.`,
        counts: { sales: all.length, failing: 0 },
        offenders: [],
      },
    };
  const { witness, ...evidence } = shown.check.evidence;
  return {
    ...shown.check,
    evidence: {
      summary: `It does not hold for ${whole(failing.length)} of ${sales}. Sale ${shown.id}: ${evidence.summary}`,
      counts: { ...evidence.counts, sales: all.length, failing: failing.length },
      offenders: failing
        .flatMap(({ id, check }) =>
          check.evidence.offenders.map((one) => (one === id ? id : `${id}: ${one}`)),
        )
        .slice(0, MAX_OFFENDERS),
      ...(witness && {
        witness: { ...witness, contradiction: `Sale ${shown.id}: ${witness.contradiction}` },
      }),
    },
  };
}

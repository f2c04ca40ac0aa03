/**
 * Searches for the highest rate that a system holds. It doubles the rate until an attack breaks a threshold, halves the gap, and
 * then repeats the attacks at both ends: one attack alone may have been luck.
 */

/** What one attack showed. */
export interface Attempt {
  readonly ratePerSec: number;
  /** `untold`: load generator or machine was the limit, or the run was invalid. */
  readonly result: 'held' | 'broken' | 'untold';
  /** Why it did not hold, one sentence each. */
  readonly reasons: readonly string[];
}

export interface SearchPlan {
  readonly fromPerSec: number;
  readonly toPerSec: number;
  /** Attacks at each end of the range. */
  readonly confirm: number;
}

export interface Limit<One extends Attempt = Attempt> {
  /**
   * `found`: between `heldPerSec` and `brokenPerSec`. `above`: nothing broke up to the highest rate. `below`: the lowest rate broke
   * already. `untold`: it could not be told at `untoldPerSec`.
   */
  readonly kind: 'found' | 'above' | 'below' | 'untold';
  /** The highest rate that held in every attack: the knee. */
  readonly heldPerSec: number | undefined;
  /** The lowest rate above it that broke in every attack. */
  readonly brokenPerSec: number | undefined;
  readonly untoldPerSec: number | undefined;
  readonly attempts: readonly One[];
}

/** The gap between both ends, as a share, at which the search is over. */
const PRECISION = 0.05;
/** Attacks at one rate of which none could be judged. */
const MAX_UNTOLD = 3;
const MAX_ATTEMPTS = 80;

class Untold extends Error {
  readonly ratePerSec: number;
  constructor(ratePerSec: number) {
    super();
    this.ratePerSec = ratePerSec;
  }
}

export async function searchLimit<One extends Attempt>(
  { fromPerSec, toPerSec, confirm }: SearchPlan,
  attack: (ratePerSec: number) => Promise<One>,
): Promise<Limit<One>> {
  const attempts: One[] = [];
  const resultsAt = (rate: number) =>
    attempts.flatMap(({ ratePerSec, result }) =>
      ratePerSec === rate && result !== 'untold' ? [result] : [],
    );
  /** Attacks until there are so many results at a rate. */
  const judge = async (rate: number, count: number): Promise<'held' | 'broken' | 'mixed'> => {
    for (let untold = 0; resultsAt(rate).length < count;) {
      if (untold >= MAX_UNTOLD || attempts.length >= MAX_ATTEMPTS) throw new Untold(rate);
      const attempt = await attack(rate);
      attempts.push(attempt);
      if (attempt.result === 'untold') untold++;
    }
    const [first = 'held', ...others] = resultsAt(rate);
    return others.every((one) => one === first) ? first : 'mixed';
  };
  const tried = (result: Attempt['result']) =>
    [...new Set(attempts.map(({ ratePerSec }) => ratePerSec))]
      .filter((rate) => resultsAt(rate).every((one) => one === result))
      .sort((a, b) => a - b);
  const end = (kind: Limit['kind'], more: Partial<Limit> = {}): Limit<One> => ({
    heldPerSec: undefined,
    brokenPerSec: undefined,
    untoldPerSec: undefined,
    ...more,
    kind,
    attempts,
  });

  let low: number | undefined;
  let high: number | undefined;
  try {
    for (let rate = fromPerSec; high === undefined; rate = Math.min(rate * 2, toPerSec)) {
      if ((await judge(rate, 1)) === 'held') low = rate;
      else high = rate;
      if (low === toPerSec) break;
    }
    while (low !== undefined && high !== undefined && high > Math.max(low * (1 + PRECISION), low + 1)) {
      const middle = Math.round((low + high) / 2);
      if ((await judge(middle, 1)) === 'held') low = middle;
      else high = middle;
    }
    // What did not hold every time is within the range: its ends move apart.
    while (low !== undefined && (await judge(low, confirm)) !== 'held') {
      if ((await judge(low, confirm)) === 'broken') high = low;
      low =
        low === fromPerSec ? undefined : (tried('held').findLast((rate) => rate < (low ?? 0)) ?? fromPerSec);
    }
    if (low === toPerSec) return end('above', { heldPerSec: low });
    high ??= tried('broken').find((rate) => rate > (low ?? 0));
    while (high !== undefined && (await judge(high, confirm)) !== 'broken') {
      const above: number = high;
      high =
        tried('broken').find((rate) => rate > above) ??
        (above >= toPerSec ? undefined : Math.min(Math.ceil(above * (1 + PRECISION)), toPerSec));
    }
  } catch (error) {
    if (!(error instanceof Untold)) throw error;
    return end('untold', { heldPerSec: low, brokenPerSec: high, untoldPerSec: error.ratePerSec });
  }
  if (low === undefined) return end('below', { brokenPerSec: high });
  return end('found', { heldPerSec: low, brokenPerSec: high });
}

/**
 * Which failed checks are only open: reservations that are not decided yet explain everything that they miss,
 * and nothing contradicts a promise. A check that is not listed here is broken whenever it fails.
 */
import type { CheckId } from '../../../contract/checks.ts';
import type { Check } from '../../../contract/run-record.ts';

type Counts = Readonly<Record<string, number>>;

const of = (counts: Counts, name: string) => counts[name] ?? 0;

const OPEN_WHEN: Partial<Record<CheckId, (counts: Counts) => boolean>> = {
  conservation: () => true,
  no_undersell: () => true,
  single_outcome: (counts) =>
    of(counts, 'ticketOfRefused') + of(counts, 'otherUnits') + of(counts, 'sharedId') === 0,
  // Granted in Redis, and the ticket is on its way; or Redis has yet to be rebuilt and does not know the
  // sale.
  stock_balance: (counts) => of(counts, 'difference') <= 0 && of(counts, 'remaining') >= 0,
  queues_empty: (counts) => of(counts, 'deadLettered') === 0,
};

/** Whether a check that failed is explained by what is still undecided. */
export function isOpen({ id, evidence }: Pick<Check, 'id' | 'evidence'>): boolean {
  return OPEN_WHEN[id]?.(evidence.counts) ?? false;
}

/** What all checks share: their titles, and how a result is put together. */
import type { Check, CheckId } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';

/** Offenders that a check names; counts tell how many there are. */
export const MAX_OFFENDERS = 10;

export const CHECK_TITLES: Readonly<Record<CheckId, string>> = {
  no_oversell: 'Nothing was sold that was not in stock, and nothing twice',
  no_undersell: 'Everything was sold that somebody could have had',
  conservation: 'Every accepted request was decided, none is pending',
  single_outcome: 'Every accepted reservation has exactly one outcome',
  no_phantom: 'Every ticket belongs to a request that was really sent',
  stock_balance: 'Stock left in Redis and tickets in Postgres add up',
  buyer_limit: 'No buyer holds more than the limit',
  queues_empty: 'The queue and the dead-letter queue are empty',
  order: 'First come, first served',
};

export type CheckFunction = (evidence: Evidence) => Check;

/** Collects the first offenders and counts them all. */
export class Offenders {
  readonly list: string[] = [];
  count = 0;

  add(name: string): void {
    this.count++;
    if (this.list.length < MAX_OFFENDERS) this.list.push(name);
  }
}

/** A check's result. */
export function result(
  id: CheckId,
  ok: boolean,
  summary: string,
  counts: Readonly<Record<string, number>>,
  offenders: readonly string[] = [],
): Check {
  return {
    id,
    title: CHECK_TITLES[id],
    ok,
    evidence: { summary, counts: { ...counts }, offenders: offenders.slice(0, MAX_OFFENDERS) },
  };
}

const NUMBERS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** `12345` → `12,345`. */
export function figure(value: number): string {
  return NUMBERS.format(value);
}

/** `1 ticket`, `20 tickets`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${figure(count)} ${count === 1 ? one : many}`;
}

/** What all checks share: how a result is put together. */
import { CHECKS, type CheckId } from '../../../contract/checks.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';

/** Offenders that a check names; counts tell how many there are. */
export const MAX_OFFENDERS = 10;

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
    title: CHECKS[id].title,
    ok,
    evidence: { summary, counts: { ...counts }, offenders: offenders.slice(0, MAX_OFFENDERS) },
  };
}

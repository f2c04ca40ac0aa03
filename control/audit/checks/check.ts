/** What all checks share: how a result is put together. */
import { CHECKS, type CheckId } from '../../../contract/checks.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Witness } from '../../../contract/witness.ts';
import type { Evidence } from '../evidence.ts';

/** Offenders that a check names; counts tell how many there are. */
export const MAX_OFFENDERS = 10;

export type CheckFunction = (evidence: Evidence) => Check;

/** Collects the first offenders and counts them all. */
export class Offenders {
  readonly list: string[] = [];
  count = 0;
  /** Number of the first one in the evidence: a ticket, a subject. */
  first = -1;

  add(name: string, at = -1): void {
    if (this.count === 0) this.first = at;
    this.count++;
    if (this.list.length < MAX_OFFENDERS) this.list.push(name);
  }
}

/**
 * A check's result.
 * @param witness of a failed check: the fewest events that contradict each other
 */
export function result(
  id: CheckId,
  ok: boolean,
  summary: string,
  counts: Readonly<Record<string, number>>,
  offenders: readonly string[],
  witness: () => Witness,
): Check {
  return {
    id,
    title: CHECKS[id].title,
    ok,
    evidence: {
      summary,
      counts: { ...counts },
      offenders: offenders.slice(0, MAX_OFFENDERS),
      ...(ok ? {} : { witness: witness() }),
    },
  };
}

/** The result of a check that has no data. */
export function unjudged(id: CheckId, title: string, why: string): Check {
  return { id, title, ok: false, isNotJudged: true, evidence: { summary: why, counts: {}, offenders: [] } };
}

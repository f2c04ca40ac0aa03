/** The notification of a verdict, for somebody who looks elsewhere meanwhile. */
import type { AttackState } from '../control/contract.ts';

export interface Notice {
  readonly title: string;
  readonly body: string;
}

const TITLES = {
  pass: 'Passed: nothing oversold, lost or duplicated',
  fail: 'Failed: the audit found a fault',
  invalid: 'Invalid: the load generator was the limit',
} as const;

/** What to say about an attack's end; undefined while it goes on, or when the person ended it. */
export function noticeOf(attack: AttackState): Notice | undefined {
  if (attack.phase === 'failed') {
    return {
      title: 'The attack could not be carried out',
      body: attack.failure?.message ?? 'Open the logs.',
    };
  }
  if (attack.phase !== 'finished' || !attack.verdict) return undefined;
  const sold = attack.audit ? `${attack.audit.sold} of ${attack.audit.stock} sold` : undefined;
  const rate = attack.load ? `${Math.round(attack.load.rps).toLocaleString('en')} requests/s` : undefined;
  const body = [sold, rate, ...attack.reasons.slice(0, 1)].filter((part) => part !== undefined).join(', ');
  return { title: TITLES[attack.verdict], body };
}

/** Calls `show` once for each run that ends while `isWatched()` says that nobody looks. */
export class VerdictNotice {
  readonly #show: (notice: Notice) => void;
  readonly #isWatched: () => boolean;
  #toldRunId: string | undefined;

  constructor(isWatched: () => boolean, show: (notice: Notice) => void) {
    this.#isWatched = isWatched;
    this.#show = show;
  }

  takeAttack(attack: AttackState): void {
    const notice = noticeOf(attack);
    if (!notice || attack.runId === this.#toldRunId) return;
    this.#toldRunId = attack.runId;
    if (!this.#isWatched()) this.#show(notice);
  }
}

/** The notification of a verdict, for somebody who looks elsewhere meanwhile. */
import { whole } from '../contract/format.ts';
import type { AttackState } from '../contract/contract.ts';
import { describeVerdict } from '../contract/verdict-text.ts';

export interface Notice {
  readonly title: string;
  readonly body: string;
}

/** What to say about an attack's end; undefined while it goes on, or when the person ended it. */
export function noticeOf(attack: AttackState): Notice | undefined {
  if (attack.phase === 'failed') {
    return {
      title: 'The attack could not be brought to a verdict',
      body: attack.failure?.message ?? 'Open the logs.',
    };
  }
  const { phase, verdict, exitCode, audit, load, settings, reasons } = attack;
  if (phase !== 'finished' || !verdict || !audit || !load) return undefined;
  const { headline } = describeVerdict({ verdict, exitCode, attack: settings, load, audit });
  const rate = `${whole(load.rps)} requests/s`;
  const body = [`${audit.sold} of ${audit.stock} sold`, rate, ...reasons.slice(0, 1)].join(', ');
  return { title: headline, body };
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

  handleAttack(attack: AttackState): void {
    const notice = noticeOf(attack);
    if (!notice || attack.runId === this.#toldRunId) return;
    this.#toldRunId = attack.runId;
    if (!this.#isWatched()) this.#show(notice);
  }
}

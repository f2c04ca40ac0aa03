/** The notification of a verdict, for a user who looks elsewhere. */
import { whole } from '../contract/format.ts';
import type { AttackState } from '../contract/state.ts';
import { describeVerdict } from '../contract/verdict-text.ts';

export interface Notice {
  readonly title: string;
  readonly body: string;
}

/** The notification for the end of an attack; undefined while it runs, or if the user cancelled it. */
export function noticeOf(attack: AttackState): Notice | undefined {
  if (attack.phase === 'failed') {
    return {
      title: 'The attack ended without a verdict',
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

/** Calls `show` once for each run that ends while the window is not watched. */
export class VerdictNotice {
  readonly #show: (notice: Notice) => void;
  readonly #isWatched: () => boolean;
  #shownRunId: string | undefined;

  constructor(isWatched: () => boolean, show: (notice: Notice) => void) {
    this.#isWatched = isWatched;
    this.#show = show;
  }

  handleAttack(attack: AttackState): void {
    const notice = noticeOf(attack);
    if (!notice || attack.runId === this.#shownRunId) return;
    this.#shownRunId = attack.runId;
    if (!this.#isWatched()) this.#show(notice);
  }
}

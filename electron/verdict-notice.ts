/** The notification of a verdict, for a user who looks elsewhere. */
import { plural, whole } from '../contract/format.ts';
import type { MatrixState } from '../contract/matrix.ts';
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
  const { phase, verdict, exitCode, audit, load, settings, target, reasons } = attack;
  if (phase !== 'finished' || !verdict || !audit || !load) return undefined;
  const { headline } = describeVerdict({
    verdict,
    exitCode,
    attack: settings,
    ...(target && { target }),
    load,
    audit,
  });
  const rate = `${whole(load.rps)} requests/s`;
  const body = [`${audit.sold} of ${audit.stock} sold`, rate, ...reasons.slice(0, 1)].join(', ');
  return { title: headline, body };
}

/** The notification for the end of a crash matrix; undefined for one that a person stopped. */
function noticeOfMatrix({ failure, done, total }: MatrixState): Notice | undefined {
  if (failure) return { title: 'The crash matrix was broken off', body: failure.message };
  if (done < total) return undefined;
  return { title: 'The crash matrix is done', body: `${plural(total, 'attack')}: see what held.` };
}

/** Calls `show` once for each run, or for a whole matrix, that ends while the window is not watched. */
export class VerdictNotice {
  readonly #show: (notice: Notice) => void;
  readonly #isWatched: () => boolean;
  #shownRunId: string | undefined;
  #isMatrix = false;

  constructor(isWatched: () => boolean, show: (notice: Notice) => void) {
    this.#isWatched = isWatched;
    this.#show = show;
  }

  handleAttack(attack: AttackState): void {
    const notice = noticeOf(attack);
    if (!notice || attack.runId === this.#shownRunId || this.#isMatrix) return;
    this.#shownRunId = attack.runId;
    if (!this.#isWatched()) this.#show(notice);
  }

  handleMatrix(matrix: MatrixState): void {
    const wasRunning = this.#isMatrix;
    this.#isMatrix = matrix.phase !== 'idle';
    if (!wasRunning || this.#isMatrix || this.#isWatched()) return;
    const notice = noticeOfMatrix(matrix);
    if (notice) this.#show(notice);
  }
}

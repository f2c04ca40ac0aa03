/**
 * Counters of the hot path: plain numbers, which /metrics, the samples and the live updates read when they
 * need them.
 */
import { rareCounts } from '../shared/rare-paths.ts';
import { PROBLEM_KINDS } from './problems.ts';
import type { ProblemKind } from './problems.ts';

export class GatewayCounters {
  /** Reservations that the broker has confirmed, answered 202. */
  accepted = 0;
  /** Frames that the broker confirmed. */
  frames = 0;
  /** Sale id → reservations answered 202. */
  readonly acceptedBySale = new Map<string, number>();
  /** Rejections of `POST /reserve`. */
  readonly rejected: Partial<Record<ProblemKind, number>> = {};
  readonly rare = rareCounts('gateway');

  countRejection(kind: ProblemKind): void {
    this.rejected[kind] = (this.rejected[kind] ?? 0) + 1;
  }

  /** Rejections of `POST /reserve`, by the classes of a run record. */
  rejectedByClass(): { client4xx: number; soldOut409: number; unavailable503: number } {
    const classes = { client4xx: 0, soldOut409: 0, unavailable503: 0 };
    for (const kind of problemKinds()) {
      const count = this.rejected[kind] ?? 0;
      if (kind === 'sold-out') classes.soldOut409 += count;
      else if (PROBLEM_KINDS[kind].status >= 500) classes.unavailable503 += count;
      else classes.client4xx += count;
    }
    return classes;
  }
}

/** All kinds of problems. */
export function problemKinds(): ProblemKind[] {
  return Object.keys(PROBLEM_KINDS).filter(isProblemKind);
}

function isProblemKind(text: string): text is ProblemKind {
  return Object.hasOwn(PROBLEM_KINDS, text);
}

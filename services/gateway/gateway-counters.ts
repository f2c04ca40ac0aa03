/** Counters of the hot path: plain numbers, which /metrics, the samples and the live updates read when they need them. */
import { PROBLEM_KINDS } from './problems.ts';
import type { ProblemKind } from './problems.ts';

export class GatewayCounters {
  /** Reservations that the broker has confirmed, answered 202. */
  accepted = 0;
  /** Repeats under an Idempotency-Key whose reservation was decided already: answered 202 again, not queued. */
  repeated = 0;
  /** Frames that the broker confirmed. */
  frames = 0;
  /** Sale id → reservations answered 202. */
  readonly acceptedBySale = new Map<string, number>();
  /** Rejections of `POST /reserve`. */
  readonly rejected: Record<ProblemKind, number>;

  constructor() {
    this.rejected = zeroOfEachKind();
  }

  /** Rejections of `POST /reserve`, by the classes of a run record. */
  rejectedByClass(): { client4xx: number; soldOut409: number; unavailable503: number } {
    const classes = { client4xx: 0, soldOut409: 0, unavailable503: 0 };
    for (const kind of problemKinds()) {
      const { status } = PROBLEM_KINDS[kind];
      if (kind === 'sold-out') classes.soldOut409 += this.rejected[kind];
      else if (status >= 500) classes.unavailable503 += this.rejected[kind];
      else classes.client4xx += this.rejected[kind];
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

function zeroOfEachKind(): Record<ProblemKind, number> {
  return {
    invalid: 0,
    unauthorised: 0,
    forbidden: 0,
    'unknown-sale': 0,
    'unknown-reservation': 0,
    'unknown-route': 0,
    'method-not-allowed': 0,
    'too-slow': 0,
    'sale-exists': 0,
    'sale-closed': 0,
    'sold-out': 0,
    'too-large': 0,
    'idempotency-key-reused': 0,
    'unsupported-media-type': 0,
    'unknown-host': 0,
    'head-too-large': 0,
    unexpected: 0,
    overloaded: 0,
    'broker-away': 0,
    'broker-blocked': 0,
    'broker-refused': 0,
    unconfirmed: 0,
    'store-away': 0,
    stopping: 0,
  };
}

/**
 * The counterexamples of docs/model as attacks: without its guard, each way to a broken promise that spin finds can be walked on the real
 * parts, in the language of `--fault`. With all guards these attacks pass: they are rows of the matrix (`flashgrid matrix --only model`).
 *
 * A steady trickle, so that each request is a frame of its own. All buyers ask in turn, and the next turn goes backwards: who came last
 * asks again first, while a worker still holds their first grant. Times are far apart, so that a busy machine changes nothing.
 */
import type { AttackSettingsInput } from './attack-settings.ts';

interface ModelWay {
  /** The counterexample, as faults in order. */
  readonly faults: string;
  /** What comes about, in a sentence. */
  readonly does: string;
  readonly settings?: Partial<Extract<AttackSettingsInput, { profile: 'sustained' }>>;
}
/** A counterexample that no attack can show. */
interface NoWay {
  readonly why: string;
}

const TRICKLE = {
  profile: 'sustained',
  ratePerSec: 40,
  durationSec: 8,
  connections: 20,
  stock: 1_000,
  timeoutMs: 8_000,
  // What is lost is waited for until this is over.
  drainTimeoutMs: 20_000,
} as const satisfies AttackSettingsInput;

/** 80 buyers: a turn takes two seconds. Redis loses its data before the second: it has refused nobody yet. */
const ASK_AGAIN = { requestsPerBuyer: 4 } as const;
/** 180 buyers at 30 a second: a turn takes six seconds. */
const ASK_ONCE_MORE = { ratePerSec: 30, durationSec: 12, requestsPerBuyer: 2 } as const;

/** Every guard of the model, by the option that leaves it out. */
export const MODEL_CELLS = {
  NO_CONFIRM: {
    faults: 'die:gateway.before-publish@1s+5s',
    does: 'A gateway dies before it publishes a frame.',
  },
  NO_MANDATORY: {
    faults: 'no-queue:rabbitmq@1s',
    does: 'The queue is missing when frames are published.',
  },
  NO_DURABLE: {
    faults: 'pause:workers@500ms+3s kill:rabbitmq@2500ms',
    does: 'RabbitMQ starts again while frames wait in the queue.',
    // More than the workers are handed out in advance.
    settings: { ratePerSec: 200, durationSec: 5 },
  },
  NO_LATE_ACK: {
    faults: 'die:worker.after-lua@1s+5s',
    does: 'A worker dies after Lua.',
  },
  NO_LATE_TELL: {
    why: 'The audit judges what the backends hold in the end, not what a buyer was told on the way: only a listener sees it.',
  },
  NO_LATE_LOOKUP: {
    why: 'The audit judges what the backends hold in the end, not what a buyer was told on the way: only a lookup sees it.',
  },
  NO_RECORD: {
    faults: 'duplicate:frames@1s+2s',
    does: 'Frames come twice.',
  },
  NO_KEY: {
    faults: 'resend:frames@1s+2s',
    does: 'Requests with keys are sent twice, and the second is another frame.',
    settings: { keys: 'own' },
  },
  NO_REBUILD: {
    faults: 'flush:redis@2s',
    does: 'Redis loses its data.',
  },
  NO_RECALL: {
    faults: 'halt:worker-1.after-commit@1s+3s flush:redis@2s kill:worker-1@2500ms',
    does: 'A worker stands still after a commit, Redis loses its data, and the worker dies before the ack.',
  },
  NO_FENCE: {
    faults:
      'pause:worker-1@0s+3200ms halt:worker-1.after-lua@2800ms+8s pause:worker-2@0s+3600ms halt:worker-2.after-lua@3300ms+2s flush:redis@3900ms',
    does: 'Two workers stand still with grants in hand, Redis loses its data, and the buyers of the second ask again.',
    // Slower than the others: the second must have its units after the first, and go on before those of the first are sold.
    settings: { ...ASK_AGAIN, ratePerSec: 20, durationSec: 16 },
  },
  NO_RAISE_FIRST: {
    faults:
      'pause:worker-1@0s+1300ms halt:worker-1.after-lua@1s+6s pause:worker-2@0s+1500ms halt:worker-2.after-lua@1200ms+1500ms halt:worker-3.rebuild-loaded@1600ms+2s flush:redis@1850ms',
    does: 'The same, and the rebuild of a third stands still after it has read the tickets, until the second has gone on.',
    settings: ASK_AGAIN,
  },
  NO_COMPLETE: {
    faults:
      'pause:worker-2@1800ms+1800ms pause:worker-3@1800ms+1800ms halt:worker-1.rebuild-loaded@1600ms+1500ms flush:redis@1850ms flush:redis@2700ms',
    does: 'Redis loses its data again while a rebuild stands still before its last step, and no other worker looks.',
    settings: ASK_AGAIN,
  },
  NO_LATER_WINS: {
    faults:
      'halt:worker-1.rebuild-loaded@500ms+6s pause:worker-2@900ms+800ms pause:worker-3@900ms+800ms flush:redis@1s pause:worker-2@5s+500ms halt:worker-2.after-commit@5300ms+3s pause:worker-3@5900ms+1700ms halt:worker-1.rebuild-started@6800ms+1500ms kill:worker-2@7100ms',
    does: 'A rebuild stands still longer than its lock lasts, a second worker rebuilds the sale and dies after a commit, the first rebuild goes on, and a third worker gets that frame again.',
    settings: ASK_ONCE_MORE,
  },
  NO_LOCK: {
    why: 'Nothing is oversold without it, but two workers may never end: no attack can wait for that.',
  },
  NO_RUN_ID: {
    faults:
      'set-back:redis@4500ms+500ms pause:worker-1@4900ms+3300ms pause:worker-2@4900ms+4100ms pause:worker-3@4900ms+4100ms halt:worker-1.after-lua@7s+3s',
    does: 'Redis starts again from an older file, a worker stands still with grants of the units that it has forgotten, and their holders ask again.',
    settings: ASK_ONCE_MORE,
  },
  NO_UNIQUE_UNIT: {
    faults: 'set-back:redis@2s+1s',
    does: 'Redis starts again from an older file.',
  },
  NO_UNIQUE_RESERVATION: {
    faults:
      'set-back:redis@4500ms+500ms halt:worker-3.after-commit@4550ms+5s pause:worker-1@4900ms+3300ms pause:worker-2@4900ms+4100ms halt:worker-1.after-lua@7s+3s kill:worker-3@8600ms',
    does: 'A worker stands still after a commit, Redis starts again from an older file, another worker stands still with the same units, and the first dies.',
    settings: ASK_ONCE_MORE,
  },
} as const satisfies Readonly<Record<string, ModelWay | NoWay>>;

export type ModelGuard = keyof typeof MODEL_CELLS;
export const MODEL_GUARDS = Object.keys(MODEL_CELLS) as ModelGuard[];

/** The attack of a guard's counterexample, or why there is none. */
export const modelCell = (guard: ModelGuard): ModelWay | NoWay => MODEL_CELLS[guard];

/** Its settings; `undefined` where no attack can show it. */
export function modelSettings(
  guard: ModelGuard,
  seed: number,
): (AttackSettingsInput & { faults: string }) | undefined {
  const cell = modelCell(guard);
  return 'why' in cell ? undefined : { ...TRICKLE, ...cell.settings, seed, faults: cell.faults };
}

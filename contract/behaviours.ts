/**
 * How buyers behave beside sending one request and waiting for its answer: `double-click:10%`. One descriptor for each; parser, help,
 * form, reports and docs read it.
 */
import type { CheckId } from './checks.ts';
import { percent } from './format.ts';

interface About {
  /** What such a buyer does. */
  readonly does: string;
  /** Requests of such a buyer; 1 by default. */
  readonly requests?: number;
  /** All its requests carry one Idempotency-Key. */
  readonly hasOneKey?: true;
  /** How far apart its requests are at most, in requests of the attack; the next one by default. */
  readonly within?: number;
  /** It asks for several units at once, as many as its limit allows. */
  readonly asksForSeveral?: true;
  /** What it does with the answer. */
  readonly manner?: 'leaves' | 'slow';
  /** What the audit can't tell then, with the reason. */
  readonly notJudged?: (perBuyerLimit: number) => Readonly<Partial<Record<CheckId, string>>>;
}

/** ms for which a slow reader leaves its answer unread; never more than half a time-out. */
export const SLOW_READ_MS = 1_000;
/** Units that a buyer asks for at most. */
const MOST_UNITS = 4;

export const BEHAVIOURS = {
  'double-click': {
    does: 'sends the same request twice, right after each other and without a common key',
    requests: 2,
  },
  retry: {
    does: 'sends its request again with the same Idempotency-Key, at once or a little later, whatever became of the first',
    requests: 2,
    hasOneKey: true,
    within: 64,
    notJudged: (perBuyerLimit) =>
      perBuyerLimit === 1
        ? {}
        : {
            no_undersell:
              'Buyers repeat requests, and a rejected one does not tell whether it was a repetition: what they were due is not known.',
          },
  },
  bot: { does: 'sends 20 requests in a row, whatever its limit', requests: 20 },
  several: {
    does: `asks for several units at once: 2 to ${MOST_UNITS}, as many as --limit allows`,
    asksForSeveral: true,
    notJudged: () => ({
      no_undersell:
        'Buyers ask for several units, all or none: the last ones may rightly stay when nobody wants so few.',
      order:
        'Buyers ask for several units: one who wants fewer may rightly be granted later than one who was refused.',
    }),
  },
  leaves: {
    does: 'closes the connection as soon as the request is sent: its outcome is known to the audit alone',
    manner: 'leaves',
  },
  'slow-reader': {
    does: `reads the answer only after ${SLOW_READ_MS} ms; its own delay is left out of the latencies`,
    manner: 'slow',
  },
} as const satisfies Record<string, About>;
type BehaviourKind = keyof typeof BEHAVIOURS;

export const BEHAVIOUR_KINDS = Object.keys(BEHAVIOURS) as BehaviourKind[];
export const BEHAVIOUR_FORM = 'KIND:SHARE%, such as double-click:10% or leaves:2.5%';

/** A text that is no behaviour; the message says why and what would be one. */
export class BehaviourSyntaxError extends Error {
  override readonly name = 'BehaviourSyntaxError';
}

export interface Behaviour extends About {
  readonly kind: BehaviourKind;
  /** Of the buyers, 0..1. */
  readonly share: number;
}

/**
 * Reads behaviours with white space between them.
 * @throws BehaviourSyntaxError that names the wrong one
 */
export function parseBehaviours(text: string): Behaviour[] {
  const found = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseBehaviour);
  const kinds = found.map(({ kind }) => kind);
  const twice = kinds.find((kind, at) => kinds.indexOf(kind) !== at);
  if (twice !== undefined) throw new BehaviourSyntaxError(`"${twice}" is given twice`);
  const sum = found.reduce((total, { share }) => total + share, 0);
  if (sum > 1 + 1e-9)
    throw new BehaviourSyntaxError(
      `all shares together are ${percent(sum)}; a buyer behaves in one way only`,
    );
  return found;
}

function parseBehaviour(text: string): Behaviour {
  const wrong = (why: string) => new BehaviourSyntaxError(`"${text}": ${why}`);
  const [, name = '', digits = ''] = /^([a-z-]+):(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (name === '') throw wrong(`write ${BEHAVIOUR_FORM}`);
  const kind = BEHAVIOUR_KINDS.find((one) => one === name);
  if (!kind) throw wrong(`there is no behaviour "${name}", only ${BEHAVIOUR_KINDS.join(', ')}`);
  const share = Number(digits) / 100;
  if (share <= 0 || share > 1) throw wrong('a share is above 0 % and at most 100 %');
  return { ...BEHAVIOURS[kind], kind, share };
}

/** `double-click:10%`. */
export const behaviourText = ({ kind, share }: Behaviour): string =>
  `${kind}:${Number((share * 100).toFixed(6))}%`;

/** Units that a buyer asks for who wants several. */
export const unitsOfSeveral = (perBuyerLimit: number): number => Math.min(perBuyerLimit, MOST_UNITS);

/** Checks that can't be right under these behaviours, each with the reason. */
export function notJudgedUnder(
  text: string | undefined,
  perBuyerLimit: number,
): Readonly<Partial<Record<CheckId, string>>> {
  return Object.assign({}, ...parseBehaviours(text ?? '').map((one) => one.notJudged?.(perBuyerLimit) ?? {}));
}

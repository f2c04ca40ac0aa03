/** Settings of an attack that are right one by one, and contradict each other. */
import type { AttackField, AttackSettings } from './attack-settings.ts';
import { parseBehaviours } from './behaviours.ts';
import { parseFaults } from './fault-syntax.ts';

/** Sales that workers bring back by themselves when Redis has lost them (services/worker/recent-sales.ts). */
const MOST_SALES_BROUGHT_BACK = 1_000;
/** Faults after which a Redis that starts again may not know a sale any more. */
const LOSES_SALES = ['lose', 'set-back'];

/** Two settings of which each is right by itself; the field is the one to change, and the message follows its option. */
const CONTRADICTIONS: readonly {
  readonly field: AttackField;
  readonly message: string;
  is(settings: AttackSettings): boolean;
}[] = [
  {
    field: 'behaviours',
    message: 'several needs a limit of 2 tickets for one buyer, or more (--limit)',
    is: ({ behaviours = '', perBuyerLimit }) =>
      perBuyerLimit === 1 && parseBehaviours(behaviours).some(({ asksForSeveral }) => asksForSeveral),
  },
  {
    field: 'zipf',
    message: 'needs 2 sales or more (--sales)',
    is: ({ zipf, sales = 1 }) => zipf !== undefined && sales === 1,
  },
  {
    field: 'sales',
    message: 'does not go with --plant: a defect is planted in an attack on one sale',
    is: ({ sales = 1, plant }) => sales > 1 && plant !== undefined,
  },
  {
    field: 'faults',
    message:
      'flush needs one sale (--sales): when Redis does not start again, a worker looks after its newest sale alone',
    is: ({ sales = 1, faults = '' }) => sales > 1 && parseFaults(faults).some(({ kind }) => kind === 'flush'),
  },
  {
    field: 'sales',
    message: `may be at most ${MOST_SALES_BROUGHT_BACK} with --fault ${LOSES_SALES.join(', ')}: workers bring back no more of those that Redis has lost`,
    is: ({ sales = 1, faults = '' }) =>
      sales > MOST_SALES_BROUGHT_BACK && parseFaults(faults).some(({ kind }) => LOSES_SALES.includes(kind)),
  },
];

/** What contradicts itself in settings that are right one by one. */
export function contradictionOf(
  settings: AttackSettings,
): { readonly field: AttackField; readonly message: string } | undefined {
  return CONTRADICTIONS.find((one) => one.is(settings));
}

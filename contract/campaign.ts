/** Several attacks that belong together: one repeated, two set-ups in turn, or the search for the limit. */
import { z } from 'zod';
import {
  ATTACK_OPTIONS,
  UsageError,
  readAttack,
  readCount,
  readOptions,
  shellWords,
} from './attack-options.ts';
import { attackSettingsSchema } from './attack-settings.ts';
import { EXIT } from './exit-codes.ts';
import { failureSchema } from './failure.ts';
import { searchPlanSchema } from './limit.ts';
import { groupSchema } from './run-record.ts';

/** Most attacks of one set-up. */
export const MAX_REPEATS = 200;

const services = z.number().int().min(1).max(16).optional();
const repeats = z.number().int().min(2).max(MAX_REPEATS);
/** An attack, and how many gateways and workers it is made on; missing where that is left as it is. */
const setUpSchema = z.strictObject({
  settings: attackSettingsSchema,
  gateways: services,
  workers: services,
});
export type SetUp = Readonly<z.infer<typeof setUpSchema>>;

/** A preset would replace the first set-up. */
const OF_SET_UP = Object.fromEntries(Object.entries(ATTACK_OPTIONS).filter(([name]) => name !== 'preset'));

/**
 * The other set-up: the first, and over it the options of a text.
 * @throws UsageError that names the option
 */
export function readOther(text: string, { settings }: SetUp): SetUp {
  const service = { type: 'string', help: '' } as const;
  const words = shellWords(text);
  const { values, positionals } = readOptions(words, { ...OF_SET_UP, gateways: service, workers: service });
  if (words.length === 0 || positionals.length > 0)
    throw new UsageError('Write what differs as options: --workers 3 --connections 100.');
  return setUpSchema.parse({
    settings: readAttack(values, settings),
    gateways: readCount(values, 'gateways', 1, 16),
    workers: readCount(values, 'workers', 1, 16),
  });
}

export const campaignPlanSchema = z.strictObject({
  setUp: setUpSchema,
  how: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('repeat'),
      count: repeats,
      /** The runs are compared with the baseline, and a regression is told. */
      isAgainstBaseline: z.boolean().default(false),
    }),
    z.strictObject({ kind: z.literal('versus'), count: repeats, other: setUpSchema }),
    z.strictObject({ kind: z.literal('limit'), search: searchPlanSchema }),
  ]),
});
export type CampaignPlan = z.output<typeof campaignPlanSchema>;

export const campaignStateSchema = z.object({
  phase: z.enum(['idle', 'running', 'stopping']),
  kind: z.enum(['repeat', 'versus', 'limit']).optional(),
  /** Of the attack that was launched last. */
  lastRunId: z.string().optional(),
  /** Attacks in all; missing where it depends on what is found. */
  total: z.number().int().optional(),
  attempts: z.array(
    z.object({
      runId: z.string(),
      /** The set-up, A or B, or the rate that was asked for. */
      of: z.string(),
      result: z.string(),
      rps: z.number(),
      p99Ms: z.number(),
      isSpeedWithheld: z.boolean(),
    }),
  ),
  /** Of the runs: `compare` takes them. */
  groups: z.array(groupSchema),
  /** What came of it. */
  sentences: z.array(z.string()),
  exitCode: z.number().int().optional(),
  failure: failureSchema.optional(),
});
export type CampaignState = z.infer<typeof campaignStateSchema>;

/** Exit codes from the worst to the best: the one of several runs is the worst of theirs. */
const WORST_FIRST = [
  EXIT.interrupted,
  EXIT.auditFailed,
  EXIT.infrastructure,
  EXIT.invalid,
  EXIT.thresholdMissed,
];
export const worstOf = (codes: readonly number[]): number =>
  WORST_FIRST.find((code) => codes.includes(code)) ?? EXIT.pass;

interface Turn {
  readonly setUp: SetUp;
  /** Missing for an attack that is made once. */
  readonly group?: string;
}

/** Both set-ups in turn, each first every second time: a machine that gets slower meanwhile does so for both. */
export function turnsOf(
  {
    count,
    setUp,
    versus,
  }: { readonly count: number; readonly setUp: SetUp; readonly versus: SetUp | undefined },
  group: string,
): Turn[] {
  const a = { setUp, group: versus ? `${group}-a` : group };
  if (!versus) return count === 1 ? [{ setUp }] : Array.from({ length: count }, () => a);
  const b = { setUp: versus, group: `${group}-b` };
  return Array.from({ length: count }, (_, at) => (at % 2 === 0 ? [a, b] : [b, a])).flat();
}

/**
 * What a person can ask of an attack: one descriptor for each setting. The schema's limits, the terminal's options and help,
 * the form, the rows of every report and the table in docs/usage.md are made from it.
 */
import { z } from 'zod';
import { BEHAVIOUR_FORM, BehaviourSyntaxError, behaviourText, parseBehaviours } from './behaviours.ts';
import { FAULT_FORM, FaultSyntaxError, faultText, parseFaults } from './fault-syntax.ts';
import {
  STAGES_FORM,
  StageSyntaxError,
  paceOf,
  parseStages,
  stageText,
  type Pace,
  type Stage,
} from './load-stages.ts';
import { PLANTS, PLANT_IDS } from './plants.ts';
import { SLO_FORM, SloSyntaxError, parseSlos } from './slo.ts';

interface About {
  /** The terminal's option, without its dashes. */
  readonly option: string;
  readonly label: string;
  /** What it does, in words that may follow an option. */
  readonly help: string;
  /** Of the number: `ms`, `s`, `% of the requests`. */
  readonly unit?: string;
  /** How far one click in the form goes. */
  readonly step?: number;
  /** Shown in the form without asking for more. */
  readonly isMain?: true;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

const range = ({ min, max }: Range) => z.number().min(min).max(max);
const whole = (limits: Range) => range(limits).int();

/** A whole number that has a default. */
const number = <const T extends About & Range & { default: number }>(about: T) => ({
  ...about,
  schema: whole(about).default(about.default),
});
/** A whole number that must be given; the form starts with a value. */
const needed = <const T extends About & Range & { start: number }>(about: T) => ({
  ...about,
  schema: whole(about),
});
/** A whole number that may be left out; `whenEmpty` says what happens then. */
const optional = <const T extends About & Range & { whenEmpty: string }>(about: T) => ({
  ...about,
  schema: whole(about).optional(),
});
/** Any number that may be left out. */
const threshold = <const T extends About & Range & { whenEmpty: string }>(about: T) => ({
  ...about,
  schema: range(about).optional(),
});

/** Several things in a text, as `read` writes each; what it can't read is told in its words. */
const several = (read: (text: string) => string[], isSyntaxError: (error: unknown) => error is Error) =>
  z
    .string()
    .max(50_000)
    .transform((text, issues) => {
      try {
        return read(text).join(' ');
      } catch (error) {
        if (!isSyntaxError(error)) throw error;
        issues.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    });

const faults = several(
  (text) => parseFaults(text).map(faultText),
  (error) => error instanceof FaultSyntaxError,
);
const slos = several(
  (text) => parseSlos(text).map((one) => one.text),
  (error) => error instanceof SloSyntaxError,
);
const behaviours = several(
  (text) => parseBehaviours(text).map(behaviourText),
  (error) => error instanceof BehaviourSyntaxError,
);
const stages = several(
  (text) => [parseStages(text).map(stageText).join(',')],
  (error) => error instanceof StageSyntaxError,
);

const BURST = {
  requests: number({
    option: 'requests',
    label: 'Requests',
    min: 1,
    max: 5_000_000,
    default: 10_000,
    step: 1_000,
    isMain: true,
    help: 'requests in all: one of each buyer, or as many as --requests-per-buyer says',
  }),
};

const SUSTAINED = {
  ratePerSec: needed({
    option: 'rate',
    label: 'Requests a second',
    min: 1,
    max: 200_000,
    start: 2_600,
    step: 100,
    isMain: true,
    help: 'requests a second, held for the whole duration',
  }),
  durationSec: needed({
    option: 'duration',
    label: 'Duration',
    unit: 's',
    min: 1,
    max: 3_600,
    start: 20,
    isMain: true,
    help: 'how long the rate is held',
  }),
};

const STAGED = {
  stages: {
    option: 'stages',
    label: 'Stages',
    isText: 'STAGES' as const,
    form: STAGES_FORM,
    start: '0..2000@10s,2000@10s',
    isMain: true as const,
    help: 'requests a second over time: a ramp, steps, a spike or a soak',
    schema: stages,
  },
};

const MODES = { queue: 'Still queue everybody', shed: 'Reject once sold out' } as const;

const KEYS = { none: 'None', own: 'One for each request' } as const;

const PLANT_TITLES = Object.fromEntries(PLANT_IDS.map((id) => [id, PLANTS[id].title]));

const COMMON = {
  stock: number({
    option: 'stock',
    label: 'Tickets',
    min: 1,
    max: 10_000_000,
    default: 20,
    isMain: true,
    help: 'units on sale; with --sales, in each of them',
  }),
  sales: optional({
    option: 'sales',
    label: 'Sales at once',
    min: 1,
    max: 10_000,
    whenEmpty: 'one sale',
    help: 'sales that are open at once, each with --stock units; the seed deals the requests to them',
  }),
  zipf: threshold({
    option: 'zipf',
    label: 'Hot sales, exponent of Zipf',
    min: 0,
    max: 5,
    step: 0.1,
    whenEmpty: '0, all sales alike',
    help: 'how much more the first of several sales is asked for than the next ones; 1 is usual',
  }),
  connections: number({
    option: 'connections',
    label: 'Connections at once',
    min: 1,
    max: 20_000,
    default: 1_000,
    step: 100,
    isMain: true,
    help: 'sockets opened at once, over all generator processes',
  }),
  mode: {
    option: 'mode',
    label: 'Once sold out',
    choices: MODES,
    default: 'queue',
    help: 'with shed, the gateway rejects by itself once it knows that the sale is sold out',
    schema: z.enum(['queue', 'shed']).default('queue'),
  },
  perBuyerLimit: number({
    option: 'limit',
    label: 'Most tickets for one buyer',
    min: 1,
    max: 10,
    default: 1,
    help: 'units that one buyer may hold',
  }),
  requestsPerBuyer: number({
    option: 'requests-per-buyer',
    label: 'Requests of each buyer',
    min: 1,
    max: 1_000,
    default: 1,
    help: 'all buyers ask in turn, that often; every second turn goes backwards, so that who came last asks again first',
  }),
  keys: {
    option: 'keys',
    label: 'Idempotency keys',
    choices: KEYS,
    default: 'none',
    help: 'whether requests carry an Idempotency-Key',
    schema: z.enum(['none', 'own']).default('none'),
  },
  behaviours: {
    option: 'behaviour',
    label: 'Behaviours',
    isText: 'BEHAVIOUR' as const,
    form: BEHAVIOUR_FORM,
    whenEmpty: 'every buyer waits for the answer',
    help: 'how a share of the buyers behaves; may be given several times',
    schema: behaviours.optional(),
  },
  seed: number({
    option: 'seed',
    label: 'Seed',
    min: 0,
    max: 2 ** 31 - 1,
    default: 1,
    help: 'the same seed gives the same buyers in the same order',
  }),
  timeoutMs: number({
    option: 'timeout',
    label: 'Time-out of a request',
    unit: 'ms',
    min: 100,
    max: 120_000,
    default: 30_000,
    step: 1_000,
    help: 'a request without an answer counts as unknown after this time',
  }),
  drainTimeoutMs: number({
    option: 'drain-timeout',
    label: 'Time for the queue to empty',
    unit: 'ms',
    min: 1_000,
    max: 3_600_000,
    default: 60_000,
    step: 1_000,
    help: 'how long the queue may take to empty after the last answer',
  }),
  processes: optional({
    option: 'processes',
    label: 'Generator processes',
    min: 1,
    max: 16,
    whenEmpty: 'as many as the load and the cores ask for',
    help: 'processes that send the requests',
  }),
  faults: {
    option: 'fault',
    label: 'Faults',
    isMain: true as const,
    isText: 'FAULT' as const,
    form: FAULT_FORM,
    whenEmpty: 'nothing is broken',
    help: 'break a part on purpose; may be given several times',
    schema: faults.optional(),
  },
  plant: {
    option: 'plant',
    label: 'Planted defect',
    choices: PLANT_TITLES,
    whenEmpty: 'nothing is planted',
    help: 'spoil the run before the audit’s last look, to see its checks fail (exit code 3)',
    schema: z.enum(PLANT_IDS).optional(),
  },
  slo: {
    option: 'slo',
    label: 'Thresholds',
    isText: 'SLO' as const,
    form: SLO_FORM,
    whenEmpty: 'no thresholds',
    help: 'fail (exit code 4) when one is missed; may be given several times',
    schema: slos.optional(),
  },
  maxP99Ms: threshold({
    option: 'max-p99',
    label: 'Fail above a p99 of',
    unit: 'ms',
    min: 0.001,
    max: 3_600_000,
    whenEmpty: 'no such limit',
    help: 'fail (exit code 4) when the p99 latency is above',
  }),
  minRps: threshold({
    option: 'min-rps',
    label: 'Fail below',
    unit: 'requests a second',
    min: 0.001,
    max: 10_000_000,
    whenEmpty: 'no such limit',
    help: 'fail (exit code 4) when fewer answers a second arrive',
  }),
};

type Schemas<T extends Record<string, { schema: z.ZodType }>> = { [Field in keyof T]: T[Field]['schema'] };

const schemasOf = <T extends Record<string, { schema: z.ZodType }>>(settings: T) =>
  Object.fromEntries(Object.entries(settings).map(([field, { schema }]) => [field, schema])) as Schemas<T>;

/** Settings that every attack has, whatever its profile. */
export const commonSettings = schemasOf(COMMON);

export const attackSettingsSchema = z.discriminatedUnion('profile', [
  /** All requests as fast as the sockets take them. */
  z.strictObject({ profile: z.literal('burst'), ...schemasOf(BURST), ...commonSettings }),
  /** A steady rate; latency counts from the moment at which a request should have been sent. */
  z.strictObject({ profile: z.literal('sustained'), ...schemasOf(SUSTAINED), ...commonSettings }),
  /** A rate that changes over time; latency counts as under a steady one. */
  z.strictObject({ profile: z.literal('staged'), ...schemasOf(STAGED), ...commonSettings }),
]);
export type AttackSettings = z.infer<typeof attackSettingsSchema>;
export type AttackSettingsInput = z.input<typeof attackSettingsSchema>;

export type AttackField =
  keyof typeof BURST | keyof typeof SUSTAINED | keyof typeof STAGED | keyof typeof COMMON;

/** A setting as parser, help, form, reports and docs read it. */
export interface AttackSetting extends About, Partial<Range> {
  readonly field: AttackField;
  /** The only profile that has it. */
  readonly profile?: AttackSettings['profile'];
  /** Values with their labels, where it is one of several. */
  readonly choices?: Readonly<Record<string, string>>;
  /** A text that has a form of its own, and its name in the help; the terminal takes several and joins them with spaces. */
  readonly isText?: 'FAULT' | 'SLO' | 'STAGES' | 'BEHAVIOUR';
  readonly form?: string;
  readonly default?: number | string;
  readonly start?: number | string;
  readonly whenEmpty?: string;
}

const list = (settings: Record<string, Omit<AttackSetting, 'field'>>, profile?: AttackSettings['profile']) =>
  Object.entries(settings).map(([field, about]): AttackSetting => ({
    ...about,
    field: field as AttackField,
    ...(profile === undefined ? {} : { profile }),
  }));

/** All settings, in the order of forms and reports. */
export const ATTACK_SETTINGS: readonly AttackSetting[] = [
  ...list(BURST, 'burst'),
  ...list(SUSTAINED, 'sustained'),
  ...list(STAGED, 'staged'),
  ...list(COMMON),
];

export const PROFILE_LABELS: Readonly<Record<AttackSettings['profile'], string>> = {
  burst: 'All at once',
  sustained: 'Steady rate',
  staged: 'Rate over time',
};

/** The rate of an attack over time; none for a burst. */
export function paceFor(settings: AttackSettings): Pace | undefined {
  return settings.profile === 'burst' ? undefined : paceOf(stagesOf(settings));
}

export function stagesOf(settings: Exclude<AttackSettings, { profile: 'burst' }>): Stage[] {
  if (settings.profile === 'staged') return parseStages(settings.stages);
  const { ratePerSec, durationSec } = settings;
  return [{ fromPerSec: ratePerSec, toPerSec: ratePerSec, lengthMs: durationSec * 1_000 }];
}

/** Id of a sale of a run, by its place from 0: the run's own where there is only one. */
export const saleIdOf = (runId: string, place: number, sales = 1): string =>
  sales === 1 ? runId : `${runId}-${String(place + 1).padStart(String(sales).length, '0')}`;

/** Units on sale, in all sales. */
export const totalStock = ({ stock, sales = 1 }: Pick<AttackSettings, 'stock' | 'sales'>): number =>
  stock * sales;

/** Requests that the attack sends in all. */
export function totalRequests(settings: AttackSettings): number {
  return settings.profile === 'burst' ? settings.requests : (paceFor(settings)?.total ?? 0);
}

/** The terminal's option of a setting. */
export const optionOf = (field: string): string =>
  ATTACK_SETTINGS.find((setting) => setting.field === field)?.option ?? field;

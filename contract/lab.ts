/** The lab as it is asked for, how far it is, and what each of its attacks came to. */
import { z } from 'zod';
import { attackSettingsSchema, type AttackSettings } from './attack-settings.ts';
import { DESIGN_IDS, designIdSchema, type DesignId } from './designs.ts';
import { EXPORTS, type ExportFormatText } from './export-formats.ts';
import { failureSchema } from './failure.ts';
import { witnessSchema } from './witness.ts';

const count = z.number().int().nonnegative();

export const MAX_LAB_ROUNDS = 100;

const planSchema = z.strictObject({
  designs: z
    .array(designIdSchema)
    .min(1)
    .max(DESIGN_IDS.length)
    .default([...DESIGN_IDS]),
  /** Each design is attacked once a round; the buyers of a round are the same for all. */
  rounds: z.number().int().min(0).max(MAX_LAB_ROUNDS).default(3),
  buyers: z.number().int().min(100).max(100_000).default(10_000),
  stock: z.number().int().min(1).max(10_000).default(20),
  connections: z.number().int().min(1).max(5_000).default(500),
  /** Of the first round; each other one has the next. */
  seed: z.number().int().min(0).max(1_000_000).default(1),
  /** What the audience bets before it: how many units each design will sell in a round. */
  bets: z.partialRecord(designIdSchema, z.number().int().min(0).max(1_000_000)).default({}),
  /** Besides the rounds, once: a small load, and a crowd in which an instance is stopped. */
  calm: z.boolean().default(false),
  stall: z.boolean().default(false),
});
export const labPlanSchema = planSchema.refine(({ rounds, calm, stall }) => rounds > 0 || calm || stall, {
  path: ['rounds'],
  error: 'takes 0 only with the small load or the stopped instance',
});

/** A design as a shop that any attack can take. FlashGrid itself is attacked without an adapter. */
export const labShopSchema = z.strictObject({
  design: designIdSchema.exclude(['flashgrid']),
  stock: planSchema.shape.stock,
});
export type LabShop = z.output<typeof labShopSchema>;

export type LabPlan = z.output<typeof labPlanSchema>;

/** What an attack is for: a round with all buyers at once, a small load, or a stopped instance. */
const labKindSchema = z.enum(['crowd', 'calm', 'stall']);
export type LabKind = z.infer<typeof labKindSchema>;

/** Requests a second of the small load, and for how long. Everybody gets a unit. */
export const CALM = { ratePerSec: 100, durationSec: 3 } as const;
/** Units where an instance is stopped, at least: so many that it gets one before the other has sold them all. */
const STALL_STOCK = 100;
/** ms for which an instance is stopped: the lock of the Redlock lasts 1 s. */
export const STOPPED_MS = 2_000;

export const labResultSchema = z.object({
  design: designIdSchema,
  kind: labKindSchema,
  round: count,
  runId: z.string(),
  exitCode: z.number(),
  /** SHA-256 of the buyers in the order in which they were sent. */
  arrivals: z.string(),
  /** Titles of the checks that failed. */
  broken: z.array(z.string()),
  reasons: z.array(z.string()),
  stock: count,
  sold: count,
  /** Units that the audience had bet on. */
  bet: count.optional(),
  oversold: count,
  undersold: count,
  lost: count,
  requests: count,
  unknown: count,
  rps: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  /** Rate and latencies do not measure the design: load generator or machine was the limit. */
  isSpeedWithheld: z.boolean().optional(),
  /** What the design's processes counted. Of FlashGrid: frames in Postgres, frames that came again, and dead letters. */
  costs: z.object({ commits: count, retries: count, gaveUp: count, lockWaitMs: z.number() }).optional(),
  /** ms that sessions of Postgres waited for a lock, all together; sampled. */
  postgresWaitMs: z.number().optional(),
  /** CPU of the design's own processes, in µs a request. */
  cpuMicros: z.number().optional(),
  /** That of the backends that it needs; missing where others run them. */
  backendMicros: z.number().optional(),
  /** How long an instance was stopped, and what the others sold meanwhile; missing when it did not come to its stop point. */
  stopped: z.object({ forMs: z.number(), soldMeanwhile: count.optional() }).optional(),
  /** Two buyers who should not both have bought, and what their requests did, as the design's own process noted it. */
  witness: witnessSchema.optional(),
});
export type LabResult = z.infer<typeof labResultSchema>;

export const labStateSchema = z.object({
  phase: z.enum(['idle', 'running', 'stopping']),
  plan: labPlanSchema.optional(),
  total: count,
  done: count,
  current: z.object({ design: designIdSchema, kind: labKindSchema, round: count }).optional(),
  failure: failureSchema.optional(),
});
export type LabState = z.infer<typeof labStateSchema>;

export interface LabAttack {
  readonly design: DesignId;
  readonly kind: LabKind;
  readonly round: number;
}

/** The attacks of a plan: every design once a round, each round beginning with another one. */
export function labAttacks({ designs, rounds, calm, stall }: LabPlan): LabAttack[] {
  const kinds: LabKind[] = [
    ...Array.from({ length: rounds }, () => 'crowd' as const),
    ...(calm ? (['calm'] as const) : []),
    ...(stall ? (['stall'] as const) : []),
  ];
  return kinds.flatMap((kind, round) =>
    designs
      .map((_own, at) => designs[(at + round) % designs.length])
      .flatMap((design) => (design ? [{ design, kind, round: round + 1 }] : [])),
  );
}

/** The settings of a round's attacks: the same for every design. */
export function labSettings(
  { buyers, stock, connections, seed }: LabPlan,
  { kind, round }: Pick<LabAttack, 'kind' | 'round'>,
): AttackSettings {
  return attackSettingsSchema.parse({
    ...(kind === 'calm'
      ? { profile: 'sustained', ...CALM, stock: CALM.ratePerSec * CALM.durationSec }
      : {
          profile: 'burst',
          requests: buyers,
          stock: kind === 'stall' ? Math.max(stock, STALL_STOCK) : stock,
        }),
    connections: kind === 'calm' ? Math.min(connections, CALM.ratePerSec) : connections,
    seed: seed + round - 1,
  });
}

const FORMATS = {
  html: { ...EXPORTS.html, help: 'write the report as one HTML file' },
  md: { ...EXPORTS.md, label: 'Table, Markdown', help: 'write the table in Markdown' },
  json: { ...EXPORTS.json, label: 'Plan and results, JSON', help: 'write plan and results' },
} as const satisfies Record<string, ExportFormatText>;

export type LabFormat = keyof typeof FORMATS;
/** What the results can be exported as. */
export const LAB_EXPORTS: Readonly<Record<LabFormat, ExportFormatText>> = FORMATS;
export const LAB_FORMATS = Object.keys(FORMATS) as LabFormat[];
export const labFormatSchema = z.enum(LAB_FORMATS);

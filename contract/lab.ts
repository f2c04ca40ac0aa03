/** The lab as it is asked for, how far it is, and what each of its attacks came to. */
import { z } from 'zod';
import { attackSettingsSchema, type AttackSettings } from './attack-settings.ts';
import { DESIGN_IDS, designIdSchema, type DesignId } from './designs.ts';
import { EXPORTS, type ExportFormatText } from './export-formats.ts';
import { failureSchema } from './failure.ts';
import { witnessSchema } from './witness.ts';

const count = z.number().int().nonnegative();

export const MAX_LAB_ROUNDS = 100;

export const labPlanSchema = z.strictObject({
  designs: z
    .array(designIdSchema)
    .min(1)
    .max(DESIGN_IDS.length)
    .default([...DESIGN_IDS]),
  /** Each design is attacked once a round; the buyers of a round are the same for all. */
  rounds: z.number().int().min(1).max(MAX_LAB_ROUNDS).default(3),
  buyers: z.number().int().min(100).max(100_000).default(10_000),
  stock: z.number().int().min(1).max(10_000).default(20),
  connections: z.number().int().min(1).max(5_000).default(500),
  /** Of the first round; each other one has the next. */
  seed: z.number().int().min(0).max(1_000_000).default(1),
  /** What the audience bets before it: how many units each design will sell in a round. */
  bets: z.partialRecord(designIdSchema, z.number().int().min(0).max(1_000_000)).default({}),
});
export type LabPlan = z.output<typeof labPlanSchema>;

export const labResultSchema = z.object({
  design: designIdSchema,
  round: count,
  runId: z.string(),
  exitCode: z.number(),
  /** SHA-256 of the buyers in the order in which they were sent. */
  arrivals: z.string(),
  /** Titles of the checks that failed. */
  broken: z.array(z.string()),
  reasons: z.array(z.string()),
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
  /** What the design's process counted; none for FlashGrid, which counts otherwise. */
  costs: z
    .object({ commits: count, rollbacks: count, retries: count, gaveUp: count, lockWaitMs: z.number() })
    .optional(),
  /** CPU of the design's own processes, in µs a request; backends are not in it. */
  cpuMicros: z.number().optional(),
  /** Two buyers who should not both have bought, and what their requests did, as the design's own process noted it. */
  witness: witnessSchema.optional(),
});
export type LabResult = z.infer<typeof labResultSchema>;

export const labStateSchema = z.object({
  phase: z.enum(['idle', 'running', 'stopping']),
  plan: labPlanSchema.optional(),
  total: count,
  done: count,
  current: z.object({ design: designIdSchema, round: count }).optional(),
  failure: failureSchema.optional(),
});
export type LabState = z.infer<typeof labStateSchema>;

export interface LabAttack {
  readonly design: DesignId;
  readonly round: number;
}

/** The attacks of a plan: every design once a round, each round beginning with another one. */
export function labAttacks({ designs, rounds }: LabPlan): LabAttack[] {
  return Array.from({ length: rounds }, (_, round) =>
    designs.map((_own, at) => designs[(at + round) % designs.length]).flatMap((design) => design ?? []),
  ).flatMap((order, at) => order.map((design) => ({ design, round: at + 1 })));
}

/** The settings of a round's attacks: the same for every design. */
export function labSettings({ buyers, stock, connections, seed }: LabPlan, round: number): AttackSettings {
  return attackSettingsSchema.parse({
    profile: 'burst',
    requests: buyers,
    stock,
    connections,
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

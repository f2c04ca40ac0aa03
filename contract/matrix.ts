/** The crash matrix as it is asked for, how far it is, and what it has found so far. */
import { z } from 'zod';
import { providerSchema } from './backends.ts';
import { isMatrixRow, matrixCells, type MatrixCell } from './chaos.ts';
import type { ExportFormatText } from './export-formats.ts';
import { failureSchema } from './failure.ts';
import { matrixResultSchema, matrixRowSchema } from './matrix-report.ts';

const count = z.number().int().nonnegative();

/** Most attacks of one matrix, and most results that are kept: about 20 MB. */
export const MAX_MATRIX_CELLS = 20_000;
export const MAX_MATRIX_SEEDS = 1_000;

const fields = {
  /** Kinds of faults, `model`, or single rows such as `kill:worker`; all by default. */
  only: z.array(z.string().refine(isMatrixRow, 'names no row of the matrix')).min(1).max(100).optional(),
  seeds: z.number().int().min(1).max(MAX_MATRIX_SEEDS).default(1),
  firstSeed: z.number().int().min(0).max(1_000_000).default(1),
  /** One target of each kind, instead of all. */
  isQuick: z.boolean().default(false),
  /** Whether members are broken, too. */
  highlyAvailable: z.boolean().optional(),
} as const;

/** Which attacks a matrix has. */
export const matrixPlanSchema = z.strictObject(fields).superRefine((plan, issues) => {
  const cells = planCells({ ...plan, seeds: 1 }).length * plan.seeds;
  if (cells > MAX_MATRIX_CELLS)
    issues.addIssue({
      code: 'custom',
      path: ['seeds'],
      message: `must be fewer: these are ${cells} attacks, and a matrix has at most ${MAX_MATRIX_CELLS}`,
    });
});
export type MatrixPlan = z.output<typeof matrixPlanSchema>;

/** The attacks of a plan, in their order. */
export function planCells({ only, seeds, firstSeed, isQuick, highlyAvailable }: MatrixPlan): MatrixCell[] {
  return matrixCells(
    Array.from({ length: seeds }, (_, at) => firstSeed + at),
    only,
    isQuick,
    highlyAvailable,
  );
}

export const matrixStateSchema = z.object({
  phase: z.enum(['idle', 'running', 'stopping']),
  /** Of the matrix that runs, or of the last one. */
  plan: z.strictObject(fields).optional(),
  provider: providerSchema.optional(),
  /** Attacks of the plan that this cluster can make, and how many of them are done. */
  total: count,
  done: count,
  /** Faults of the plan that can't be made on this cluster. */
  impossible: z.array(z.string()),
  /** The attack that runs, or that waits until every part is well. */
  current: z
    .object({
      fault: z.string(),
      seed: z.number(),
      /** As it is written: `kill:worker@25%`. */
      faults: z.string(),
      startedAtMs: z.number(),
      runId: z.string().optional(),
    })
    .optional(),
  /** The attack that it launched last: its settings are not what a person asked for. */
  lastRunId: z.string().optional(),
  /** Mean of the attacks since the start, in ms. */
  msPerAttack: z.number().optional(),
  /** Why it was broken off. */
  failure: failureSchema.optional(),
  /** Grows whenever the kept results change. */
  version: count,
});
export type MatrixState = z.infer<typeof matrixStateSchema>;

/** ms until the end, as the attacks so far suggest; `undefined` before the first is done. */
export function matrixLeftMs(
  { total, done, msPerAttack, current }: MatrixState,
  nowMs: number,
): number | undefined {
  if (msPerAttack === undefined) return undefined;
  const passedMs = current === undefined ? 0 : Math.min(msPerAttack, nowMs - current.startedAtMs);
  return Math.max(0, (total - done) * msPerAttack - passedMs);
}

/** The kept results, or those of one provider. */
export const matrixChoiceSchema = z.strictObject({ provider: providerSchema.optional() });

export const matrixTableSchema = z.object({
  /** Of all kept results. */
  providers: z.array(z.string()),
  attacks: count,
  /** A few sentences. */
  summary: z.array(z.string()),
  rows: z.array(matrixRowSchema),
  /** How often all attacks together took each rare path, and the titles of those that none took. */
  coverage: z.record(z.string(), count),
  never: z.array(z.string()),
});
export type MatrixTable = z.infer<typeof matrixTableSchema>;

/** One attack of a row, with the command that repeats it. */
export const matrixAttackSchema = matrixResultSchema.extend({ command: z.string() });
export type MatrixAttack = z.infer<typeof matrixAttackSchema>;

const FORMATS = {
  html: {
    label: 'Report, one HTML file',
    help: 'write the report as one HTML file',
    extension: 'html',
    mediaType: 'text/html; charset=utf-8',
  },
  md: {
    label: 'Table, Markdown',
    help: 'write the table in Markdown',
    extension: 'md',
    mediaType: 'text/markdown; charset=utf-8',
  },
  ndjson: {
    label: 'Results, a line of JSON each',
    help: 'where each result is kept, a line of JSON each',
    extension: 'ndjson',
    mediaType: 'application/x-ndjson',
  },
} as const satisfies Record<string, ExportFormatText>;

export type MatrixFormat = keyof typeof FORMATS;
/** What the results can be exported as. */
export const MATRIX_EXPORTS: Readonly<Record<MatrixFormat, ExportFormatText>> = FORMATS;
export const MATRIX_FORMATS = Object.keys(FORMATS) as MatrixFormat[];
export const matrixFormatSchema = z.enum(MATRIX_FORMATS);

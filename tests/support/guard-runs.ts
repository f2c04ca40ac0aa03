/** What `npm run guards` measured (docs/guards.json): each cell of the model with all guards, and without the one that it needs. */
import { z } from 'zod';
import { CHECK_IDS } from '../../contract/checks.ts';
import { MODEL_GUARDS } from '../../contract/model-cells.ts';

const guardRunSchema = z.strictObject({
  /** One for each seed. */
  attacks: z.number().int(),
  /** Passed. */
  held: z.number().int(),
  /** Broke a promise. */
  broken: z.number().int(),
  /** How many seeds were needed until one did. */
  seedsUntilBroken: z.number().int().optional(),
  /** The checks that failed in any of them. */
  checks: z.array(z.enum(CHECK_IDS)),
});
export type GuardRun = z.infer<typeof guardRunSchema>;

export const guardRunsSchema = z.partialRecord(
  z.enum(MODEL_GUARDS),
  z.strictObject({ with: guardRunSchema.optional(), without: guardRunSchema.optional() }),
);
export type GuardRuns = z.infer<typeof guardRunsSchema>;

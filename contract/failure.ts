import { z } from 'zod';
import type { FailureCode } from './failures.ts';

export { errorText } from '../services/shared/error-text.ts';

/** A failure that a user may see: what failed and what to do next. Crosses process boundaries as plain data. */
export const failureSchema = z.object({
  /** Stable, from contract/failures.ts. An unknown code of another version is shown too. */
  code: z.custom<FailureCode>((code) => typeof code === 'string'),
  /** What failed, with which value. */
  message: z.string(),
  /** The next thing to do. */
  fix: z.string(),
  /** The step that failed, of a start. */
  step: z.string().optional(),
  /** The field that was wrong, of an input. */
  field: z.string().optional(),
});
export type Failure = z.infer<typeof failureSchema>;

/** Thrown inside the control centre for expected failures; the contract turns it into a tagged result. */
export class FailureError extends Error {
  override readonly name = 'FailureError';
  readonly failure: Failure;
  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }
}

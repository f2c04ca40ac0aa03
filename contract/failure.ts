import { z } from 'zod';

/** A failure that a user may meet: which step, why, and what to do next. Crosses process lines as plain data. */
export const failureSchema = z.object({
  /** Stable, dotted: `native.backendMissing`. */
  code: z.string(),
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

import { errorText, FailureError } from '../../contract/failure.ts';
import { ServiceError } from '../../services/shared/service-error.ts';
import type { Step } from '../../contract/backends.ts';

/** The failure of a start: it names the step, and says what to do next. */
export function startFailure(error: unknown, steps: readonly Step[], signal: AbortSignal): FailureError {
  if (signal.aborted) {
    return new FailureError({
      code: 'cluster.cancelled',
      message: 'The start was cancelled; what it had begun is stopped again.',
      fix: 'Start the cluster again when you like.',
    });
  }
  if (error instanceof FailureError) return error;
  const step = steps.find(({ state }) => state === 'failed' || state === 'running')?.id;
  const fix =
    error instanceof ServiceError
      ? error.fix
      : 'Look at the logs for the part that failed, then start again.';
  return new FailureError(
    { code: 'cluster.startFailed', message: errorText(error), fix, ...(step ? { step } : {}) },
    { cause: error },
  );
}

/** The end of an attack that is one of a series: of the crash matrix, or of the lab. */
import { FailureError } from '../contract/failure.ts';
import type { RunRecord } from '../contract/run-record.ts';
import type { Attacks } from './attacks.ts';

interface Series {
  readonly attacks: Pick<Attacks, 'cancel' | 'whenOver'>;
  getRun(id: string): Promise<RunRecord>;
  /** As a sentence has it: `the lab`. */
  readonly name: string;
}

/**
 * Waits for the verdict of an attack that was launched.
 * @throws the signal's reason once the series is called off, or FailureError when the attack was cancelled alone or left no record
 */
export async function attackToEnd(
  { attacks, getRun, name }: Series,
  runId: string,
  signal: AbortSignal,
): Promise<RunRecord> {
  // Stopped while it was launched: it had not begun when the attack that runs was cancelled.
  if (signal.aborted) await attacks.cancel();
  const last = await attacks.whenOver();
  // An attack that was cancelled says nothing.
  signal.throwIfAborted();
  if (last?.phase === 'cancelled')
    throw new FailureError({
      code: 'attack.cancelled',
      message: `The attack ${runId} of ${name} was cancelled.`,
      fix: `Start ${name} again.`,
    });
  // A failed attack has a record too, unless it could not be written.
  return await getRun(runId).catch((error: unknown) => {
    throw last?.failure ? new FailureError(last.failure) : error;
  });
}

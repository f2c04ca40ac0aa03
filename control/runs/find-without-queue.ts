/** Looks among the kept runs for what the same crowd did to a design without a queue. */
import { failedWithoutQueue, runWithoutQueue } from '../../contract/queue-worth.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { RunStore } from './run-store.ts';

/** `undefined` where there is none, or where it can't be read: the run is judged all the same. */
export async function findWithoutQueue(
  runs: Pick<RunStore, 'list' | 'get'>,
  record: RunRecord,
): Promise<RunRecord['withoutQueue']> {
  try {
    const found = runWithoutQueue(record, await runs.list());
    return found && failedWithoutQueue(found.design, await runs.get(found.id), record.environment);
  } catch {
    return undefined;
  }
}

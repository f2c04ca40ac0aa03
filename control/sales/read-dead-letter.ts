import type { DeadFrame } from '../../contract/state.ts';
import type { Deployment } from '../cluster/cluster.ts';
import type { QueueCounts } from '../audit/evidence.ts';
import { DeadLetters } from './dead-letters.ts';

/** Frames of earlier runs that are read to get at the first of this one. */
const MAX_EARLIER = 100;

/** The first frame that the run put into the dead-letter queue; `undefined` without one, or behind too many earlier ones. */
export async function readDeadLetter(
  deployment: Deployment,
  { dead, deadBefore }: QueueCounts,
): Promise<DeadFrame | undefined> {
  if (dead <= deadBefore || deadBefore > MAX_EARLIER) return undefined;
  const letters = new DeadLetters({
    deployment: () => deployment,
    // No gateway is asked: the reason is then RabbitMQ's own.
    findSale: () => Promise.reject(new Error('not asked')),
  });
  const { frames } = await letters.list(deadBefore + 1);
  return frames[deadBefore];
}

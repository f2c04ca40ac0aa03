import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';
import { result } from './check.ts';

/** Nothing waits, and the run has put nothing into the dead-letter queue. */
export function checkQueuesEmpty({ queues }: Evidence): Check {
  const { waiting, dead, deadBefore } = queues;
  const newDead = Math.max(0, dead - deadBefore);
  const ok = waiting === 0 && newDead === 0;
  const earlier =
    deadBefore > 0
      ? ` ${plural(deadBefore, 'frame')} lay in the dead-letter queue before the run and ${deadBefore === 1 ? 'is' : 'are'} not counted.`
      : '';
  return result(
    'queues_empty',
    ok,
    (ok
      ? 'No frame waits, none was dead-lettered.'
      : `${plural(waiting, 'frame')} in the queue, ${figure(newDead)} dead-lettered.`) + earlier,
    { waiting, deadLettered: newDead, deadBefore },
  );
}

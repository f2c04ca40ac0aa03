import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';
import { HELD, PROMISED, countEvent, deadFrameEvent, promiseEvent, witness } from '../witness.ts';
import { result } from './check.ts';

/** Nothing waits, and the run has put nothing into the dead-letter queue. */
export function checkQueuesEmpty({ queues, deadLetter }: Evidence): Check {
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
    [],
    () =>
      newDead > 0
        ? witness(
            `The run has put ${plural(newDead, 'frame')} into the dead-letter queue.`,
            [PROMISED, HELD],
            [
              promiseEvent(
                0,
                `No frame of a run is dead-lettered${deadBefore === 0 ? '' : `; ${figure(deadBefore)} ${deadBefore === 1 ? 'was' : 'were'} there before`}.`,
              ),
              deadLetter
                ? deadFrameEvent(1, deadLetter)
                : countEvent(1, `${plural(dead, 'frame')} in the dead-letter queue.`),
            ],
          )
        : witness(
            'The queue is not empty after the drain.',
            [PROMISED, HELD],
            [
              promiseEvent(0, 'After the drain 0 frames are in the queue.'),
              countEvent(1, `${plural(waiting, 'frame')} in the queue.`),
            ],
          ),
  );
}

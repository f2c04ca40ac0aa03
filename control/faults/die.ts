/** Lets one service die at a step of its own: between publish and confirm, between commit and ack. */
import { STOP_POINTS, type StopPoint } from '../../services/shared/stop-points.ts';
import type { Fault } from './fault.ts';
import { partsOf, watchReturn } from './parts.ts';

export const die: Fault = {
  check: (target, tools) => void partsOf(roleOf(target), tools),
  inject(target, tools) {
    const parts = partsOf(roleOf(target), tools);
    let isOver = false;
    const effect = watchReturn(parts, () => isOver);
    for (const { id } of parts) tools.supervisor.stopAt(id, target as StopPoint);
    return Promise.resolve({
      targets: parts.map(({ id }) => id),
      // A step that is never reached must not wait for the next attack.
      heal() {
        isOver = true;
        return Promise.resolve(tools.supervisor.forgetStops());
      },
      effect,
    });
  },
};

const roleOf = (target: string): string => STOP_POINTS[target as StopPoint].role;

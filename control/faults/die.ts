/** Lets a service die at a step of its own: between publish and confirm, between commit and ack. */
import { STOP_POINTS, type StopPoint } from '../../services/shared/stop-points.ts';
import type { Fault } from './fault.ts';
import { partsOf, watchReturn } from './parts.ts';

export const die: Fault = {
  check: (target, tools) => void partsOf(whoOf(target), tools),
  inject(target, tools) {
    const parts = partsOf(whoOf(target), tools);
    let isOver = false;
    // A step that is not reached, or that another service has reached, must not wait for the next attack.
    const end = () => {
      isOver = true;
      tools.supervisor.forgetStops();
    };
    const effects = parts.map((part) => watchReturn([part], { isOver: () => isOver, onGone: end }));
    for (const { id } of parts) tools.supervisor.stopAt(id, target as StopPoint);
    return Promise.resolve({
      targets: parts.map(({ id }) => id),
      heal: () => Promise.resolve(end()),
      async effect() {
        const all = await Promise.all(effects.map((effect) => effect()));
        const hit = all.filter(({ hadEffect }) => hadEffect);
        return {
          hadEffect: hit.length > 0,
          text: (hit.length > 0 ? hit : all).map(({ text }) => text).join(' '),
        };
      },
    });
  },
};

/** Any worker may be the one that rebuilds a sale; every other step is reached by each service. */
function whoOf(target: string): string {
  const { role } = STOP_POINTS[target as StopPoint];
  return target.includes('.rebuild-') ? `${role}s` : role;
}

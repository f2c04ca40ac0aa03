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
      tools.supervisor.forgetStops(parts.map(({ id }) => id));
    };
    const effects = parts.map((part) => watchReturn([part], { isOver: () => isOver, onGone: end }));
    for (const { id } of parts) tools.supervisor.stopAt(id, pointOf(target));
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

/** The step of a target: `worker.after-lua` of `worker-2.after-lua`. */
export const pointOf = (target: string) => target.replace(/-\d+\./, '.') as StopPoint;

/** Any worker may be the one that rebuilds a sale; every other step is reached by each service. */
export function whoOf(target: string): string {
  const point = pointOf(target);
  if (point !== target) return target.slice(0, target.indexOf('.'));
  const { role } = STOP_POINTS[point];
  return point.includes('.rebuild-') ? `${role}s` : role;
}

/** Lets a service stand still at a step of its own, with what it has in hand: a grant that is not committed yet. */
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds } from '../../contract/format.ts';
import type { Fault } from './fault.ts';
import { pointOf, whoOf } from './die.ts';
import { partsOf } from './parts.ts';

const LOOK_MS = 20;
/** ms beyond its length in which the step may still be reached: on a busy machine, a short one goes by without a frame. */
const REACH_MS = 5_000;
/** ms after its length in which the first sample of a service that goes on must come. */
const GOES_ON_MS = 10_000;

export const halt: Fault = {
  check: (target, tools) => void partsOf(whoOf(target), tools),
  inject(target, { supervisor, ...tools }, { lengthMs }) {
    const parts = partsOf(whoOf(target), { supervisor, ...tools });
    const ids = parts.map(({ id }) => id);
    const point = pointOf(target);
    let isOver = false;
    let stands: { readonly id: string; readonly sinceMs: number; endMs?: number } | undefined;
    const release = [
      supervisor.onReached((id, reached) => {
        if (stands || reached !== point || !ids.includes(id)) return;
        stands = { id, sinceMs: performance.now() };
        // Whoever else was asked goes on.
        supervisor.forgetStops(ids.filter((other) => other !== id));
      }),
      // It sends nothing while it stands.
      supervisor.onSample((id) => {
        if (stands?.id === id) stands.endMs ??= performance.now();
      }),
    ];
    for (const id of ids) supervisor.stopAt(id, point, 1, lengthMs);
    const isGone = (id: string) =>
      !supervisor.states().some((one) => one.id === id && one.state === 'running');
    return Promise.resolve({
      targets: ids,
      async heal() {
        const endMs = performance.now() + REACH_MS;
        while (!stands && performance.now() < endMs) await sleep(LOOK_MS);
        isOver = true;
        // One that stands goes on when its length is over.
        supervisor.forgetStops(ids);
      },
      async effect() {
        const endMs = performance.now() + lengthMs + GOES_ON_MS;
        while (!(stands ? (stands.endMs ?? isGone(stands.id)) : isOver) && performance.now() < endMs)
          await sleep(LOOK_MS);
        for (const off of release) off();
        if (!stands) return { hadEffect: false, text: `${ids.join(', ')} did not get to ${point}.` };
        const { id, sinceMs, endMs: wentOnMs } = stands;
        return {
          hadEffect: true,
          text:
            wentOnMs === undefined
              ? `${id} stood still at ${point}, and ended there.`
              : `${id} stood still at ${point} for ${milliseconds(wentOnMs - sinceMs)}.`,
        };
      },
    });
  },
};

/** Stops the processes of parts for a while; their connections stay open, and nothing answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds } from '../../contract/format.ts';
import type { Fault } from './fault.ts';
import { LOOK_MS, partsOf, type Part } from './parts.ts';

/** A process stops a moment after its signal. */
async function standsStill(part: Part): Promise<boolean> {
  for (let look = 0; look < 25; look++) {
    if (await part.isPaused()) return true;
    await sleep(LOOK_MS);
  }
  return false;
}

export const pause: Fault = {
  check: (target, tools) => void partsOf(target, tools),
  async inject(target, tools) {
    const parts = partsOf(target, tools);
    const sinceMs = performance.now();
    await Promise.all(parts.map((part) => part.pause()));
    const stood = await Promise.all(parts.map(standsStill));
    let lengthMs = 0;
    return {
      targets: parts.map(({ id }) => id),
      async heal() {
        await Promise.all(parts.map((part) => part.resume()));
        lengthMs = performance.now() - sinceMs;
      },
      effect: () =>
        Promise.resolve({
          hadEffect: stood.every(Boolean),
          text: parts
            .map(({ name }, at) =>
              stood[at]
                ? `${name} stood still for ${milliseconds(lengthMs)}.`
                : `${name} could not be stopped.`,
            )
            .join(' '),
        }),
    };
  },
};

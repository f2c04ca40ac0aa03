/** Stops the processes of parts for a while; their connections stay open, and nothing answers. */
import { milliseconds } from '../../contract/format.ts';
import type { Fault } from './fault.ts';
import { checkTarget, partsOf, watchTakeover } from './parts.ts';

export const pause: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const parts = partsOf(target, tools);
    const sinceMs = performance.now();
    const takeover = watchTakeover(parts);
    await Promise.all(parts.map((part) => part.pause()));
    // A process stops when it is next scheduled, on a busy machine some time after its signal.
    let stood: boolean[] = [];
    let lengthMs = 0;
    return {
      targets: parts.map(({ id }) => id),
      async heal() {
        stood = await Promise.all(parts.map((part) => part.isPaused()));
        await Promise.all(parts.map((part) => part.resume()));
        lengthMs = performance.now() - sinceMs;
      },
      async effect() {
        const texts = parts.map(({ name }, at) =>
          stood[at] ? `${name} stood still for ${milliseconds(lengthMs)}.` : `${name} could not be stopped.`,
        );
        return { hadEffect: stood.every(Boolean), text: texts.join(' ') + (await takeover(0)) };
      },
    };
  },
};

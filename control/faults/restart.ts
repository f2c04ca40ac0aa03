/** Stops parts in order and starts them again, as an upgrade would. */
import type { Fault } from './fault.ts';
import { checkTarget, partsOf, watchReturn } from './parts.ts';

export const restart: Fault = {
  check: checkTarget,
  inject(target, tools) {
    const parts = partsOf(target, tools);
    const seen = watchReturn(parts);
    const abort = new AbortController();
    const work = Promise.allSettled(parts.map((part) => part.restart(abort.signal)));
    return Promise.resolve({
      targets: parts.map(({ id }) => id),
      async effect() {
        const effect = await seen();
        // What has not come back by now is left to the supervisor and the cluster.
        abort.abort();
        await work;
        return effect;
      },
    });
  },
};

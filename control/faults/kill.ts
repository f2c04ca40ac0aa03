/** Ends parts at once, as a crash would. */
import type { Fault } from './fault.ts';
import { checkTarget, partsOf, watchReturn } from './parts.ts';

export const kill: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const parts = partsOf(target, tools);
    const effect = watchReturn(parts);
    await Promise.all(parts.map((part) => part.kill()));
    return { targets: parts.map(({ id }) => id), effect };
  },
};

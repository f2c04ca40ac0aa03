/** Ends parts at once, as a crash would. */
import type { Fault } from './fault.ts';
import { partsOf, watchReturn } from './parts.ts';

export const kill: Fault = {
  check: (target, tools) => void partsOf(target, tools),
  async inject(target, tools) {
    const parts = partsOf(target, tools);
    const effect = watchReturn(parts);
    await Promise.all(parts.map((part) => part.kill()));
    return { targets: parts.map(({ id }) => id), effect };
  },
};

/** Sets the clock of services wrong, as a bad time server would, and right again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, FaultTools } from './fault.ts';
import { checkTarget, partsOf, type Part } from './parts.ts';

/** ms until a service's samples show its new time. */
const SEEN_LIMIT_MS = 5_000;
const LOOK_MS = 20;
/** ms that a sample may be on its way. */
const TOLERANCE_MS = 500;

export const clock: Fault = {
  check: checkTarget,
  async inject(target, tools, { value }) {
    const parts = partsOf(target, tools);
    const byMs = Number(value) * 1_000;
    const before = parts.map((part) => part.instance());
    const wrong = await Promise.all(parts.map((part) => isMoved(part, tools, byMs)));
    let right: boolean[] = [];
    return {
      targets: parts.map(({ id }) => id),
      async heal() {
        right = await Promise.all(
          // Another process has another clock.
          parts.map(async (part, at) => part.instance() !== before[at] || (await isMoved(part, tools, 0))),
        );
      },
      effect: () =>
        Promise.resolve({
          hadEffect: byMs !== 0 && wrong.every(Boolean) && right.every(Boolean),
          text: parts
            .map(({ name }, at) => {
              if (!wrong[at]) return `${name} did not take another time.`;
              const was = `${name} was ${Math.abs(byMs) / 1_000} s ${byMs < 0 ? 'behind' : 'ahead'}`;
              return right[at] ? `${was}, and then right again.` : `${was}, and was not put right.`;
            })
            .join(' '),
        }),
    };
  },
};

/** Moves the clock of a service; resolves to whether its samples show that. */
async function isMoved({ id }: Part, { supervisor }: FaultTools, byMs: number): Promise<boolean> {
  const endMs = performance.now() + SEEN_LIMIT_MS;
  supervisor.moveClock(id, byMs);
  for (;;) {
    if (Math.abs(supervisor.skewMs(id) - byMs) < TOLERANCE_MS) return true;
    if (performance.now() > endMs) return false;
    await sleep(LOOK_MS);
  }
}

/** Faults that are switched on in a backend, and off again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds } from '../../contract/format.ts';
import type { RarePath } from '../../services/shared/rare-paths.ts';
import { checkTarget } from './parts.ts';
import type { Fault, FaultTools } from './fault.ts';
import { watchPaths } from './taken-paths.ts';

/** ms that a fault may last beyond its length, on a machine that is too busy to fill a queue in time. */
const MEET_LIMIT_MS = 4_000;
const LOOK_MS = 50;

export interface Switch {
  /** What is so while it is on: `RabbitMQ held all publishers`. */
  readonly says: string;
  /** The rare paths by which the engine shows that it met it. */
  readonly paths: readonly RarePath[];
  /** It has no effect unless the engine has met it: it lasts until then, within MEET_LIMIT_MS. */
  readonly mustBeMet?: true;
  /** @throws Error when it can't be switched on */
  on(tools: FaultTools): Promise<void>;
  off(tools: FaultTools): Promise<void>;
  /** Whether it is on, asked of the backend itself. */
  isOn(tools: FaultTools): Promise<boolean>;
}

export function switched({ says, paths, mustBeMet, on, off, isOn }: Switch): Fault {
  return {
    check: checkTarget,
    async inject(target, tools) {
      const seen = watchPaths(tools, paths);
      await on(tools);
      const sinceMs = performance.now();
      const wasOn = await isOn(tools);
      let lengthMs = 0;
      return {
        targets: [target],
        async heal() {
          const endMs = performance.now() + MEET_LIMIT_MS;
          while (mustBeMet && seen() === '' && performance.now() < endMs) await sleep(LOOK_MS);
          await off(tools);
          lengthMs = performance.now() - sinceMs;
        },
        effect() {
          const met = seen();
          if (!wasOn) return Promise.resolve({ hadEffect: false, text: 'It could not be switched on.' });
          const hadEffect = met !== '' || !mustBeMet;
          const text = `${says} for ${milliseconds(lengthMs)}.${met}${hadEffect ? '' : ' The engine never met it.'}`;
          return Promise.resolve({ hadEffect, text });
        },
      };
    },
  };
}

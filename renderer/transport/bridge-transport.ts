/** The contract over Electron's preload. Both ends live and die together, so this carrier is always online. */
import { z } from 'zod';
import type {
  CommandInput,
  CommandName,
  CommandOutput,
  EventName,
  EventPayload,
  Result,
} from '../../contract/contract.ts';
import { failureSchema } from '../../contract/failure.ts';
import type { FlashgridBridge } from './bridge.ts';
import {
  failed,
  parseOutput,
  parsePayload,
  parseWith,
  type Carrier,
  type ProblemListener,
} from './transport.ts';

const resultSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), error: failureSchema }),
]);

export function createBridgeCarrier(bridge: FlashgridBridge, onProblem: ProblemListener): Carrier {
  return {
    async call<Name extends CommandName>(
      name: Name,
      input: CommandInput<Name>,
    ): Promise<Result<CommandOutput<Name>>> {
      let raw: unknown;
      try {
        raw = await bridge.call(name, input);
      } catch (error) {
        return failed(
          'face.refused',
          `${name} was refused: ${error instanceof Error ? error.message : String(error)}`,
          'Restart FlashGrid; if it happens again, report it.',
        );
      }
      const result = parseWith(resultSchema, raw);
      const value = result.ok && result.value.ok ? parseOutput(name, result.value.value) : undefined;
      if (value?.ok) return value;
      if (result.ok && !result.value.ok) return result.value;
      return failed(
        'face.unknownAnswer',
        `The answer to ${name} is not what this window expects.`,
        'Restart FlashGrid.',
      );
    },
    on<Name extends EventName>(name: Name, listener: (payload: EventPayload<Name>) => void) {
      return bridge.on(name, (raw) => {
        const payload = parsePayload(name, raw);
        if (payload.ok) listener(payload.value);
        else onProblem(`The event ${name} is not what this window expects (${payload.reason}).`);
      });
    },
    onStatus(listener) {
      listener({ state: 'online' });
      return () => undefined;
    },
    retryNow: () => undefined,
    close: () => undefined,
  };
}

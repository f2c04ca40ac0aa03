/**
 * Runs one command of the contract: parses its input, and turns whatever its handler throws into a result.
 */
import {
  commands,
  isCommandName,
  type CommandName,
  type CommandOutput,
  type Result,
} from '../contract/contract.ts';
import { FailureError, type Failure } from '../contract/failure.ts';
import { redact, redactDeep } from '../services/shared/redact.ts';
import type { Caller, Handlers } from './command-handlers.ts';
import { errorText } from '../services/shared/error-text.ts';

export interface CommandRunnerOptions {
  readonly handlers: Handlers;
  isClosing(): boolean;
  /** Logs an error that is no FailureError, with its stack. */
  onSurprise(text: string): void;
}

export class CommandRunner {
  readonly #options: CommandRunnerOptions;

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
  }

  /** Runs a command whose name is unchecked. */
  async dispatch(name: string, input: unknown, caller: Caller): Promise<Result<unknown>> {
    if (isCommandName(name)) return await this.run(name, input, caller);
    return failed({
      code: 'contract.unknownCommand',
      message: `There is no command "${name.slice(0, 64)}".`,
      fix: 'Use a command of the contract.',
    });
  }

  async run<Name extends CommandName>(
    name: Name,
    input: unknown,
    caller: Caller,
  ): Promise<Result<CommandOutput<Name>>> {
    const { handlers, isClosing, onSurprise } = this.#options;
    const parsed = commands[name].input.safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const field = issue?.path.join('.') ?? '';
      return failed({
        code: 'contract.badInput',
        message: `${field || name}: ${issue?.message ?? 'is not usable'}`,
        fix: 'Correct that field and try again.',
        ...(field ? { field } : {}),
      });
    }
    if (isClosing())
      return failed({ code: 'app.quitting', message: 'FlashGrid is closing.', fix: 'Start it again.' });
    try {
      return { ok: true, value: await handlers[name](parsed.data, caller) };
    } catch (error) {
      if (error instanceof FailureError) return failed(redactDeep(error.failure));
      onSurprise(`${name}: ${stackOf(error)}`);
      return failed({
        code: 'app.surprise',
        message: redact(`${name} failed unexpectedly: ${errorText(error)}`),
        fix: 'Open the logs; if it happens again, report it with them.',
      });
    }
  }
}

/** An error with its stack, for the logs. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function failed(error: Failure): { ok: false; error: Failure } {
  return { ok: false, error };
}

/** A control centre without backends, to look at the window alone: emits a run and answers a page's first commands. */
import process from 'node:process';
import {
  commands,
  events,
  isCommandName,
  type CommandName,
  type CommandOutput,
  type Result,
} from '../../contract/contract.ts';
import { settingsSchema } from '../../contract/settings.ts';
import type { LogEntry } from '../../contract/state.ts';
import { EventHub } from '../../control/lib/event-hub.ts';
import { LogStore } from '../../control/logs/log-store.ts';
import type { FrontendTarget } from '../../web/server.ts';

type Input<Name extends CommandName> = ReturnType<(typeof commands)[Name]['input']['parse']>;
/** What the commands answer that are answered at all. */
export type Answers = {
  readonly [Name in CommandName]?: (input: Input<Name>) => CommandOutput<Name> | undefined;
};

export abstract class Replay implements FrontendTarget {
  readonly hub = new EventHub();
  protected readonly logs = new LogStore((lines: LogEntry[]) => this.hub.emit('logs.linesAdded', { lines }));
  protected abstract readonly answers: Answers;
  readonly #common: Answers = {
    'logs.listLines': (input) => this.logs.list(input),
    'settings.getSettings': () => settingsSchema.parse({}),
  };

  constructor() {
    // Before any page subscribes: an event that the contract does not allow must end the process.
    this.hub.tap((name, payload) => void events[name].parse(payload));
  }

  abstract start(): void;

  stop(): void {
    this.logs.close();
  }

  noteSurprise(error: unknown): void {
    process.stderr.write(`${String(error)}\n`);
  }

  dispatch(name: string, input: unknown): Promise<Result<unknown>> {
    return Promise.resolve(isCommandName(name) ? this.#answer(name, input) : undefined).then(
      (value) => value ?? NOTHING_BEHIND,
    );
  }

  #answer(name: CommandName, input: unknown): Result<unknown> | undefined {
    const answer = { ...this.#common, ...this.answers }[name] as ((input: unknown) => unknown) | undefined;
    const value = answer?.(commands[name].input.parse(input));
    return value === undefined ? undefined : { ok: true, value: commands[name].output.parse(value) };
  }
}

const NOTHING_BEHIND: Result<never> = {
  ok: false,
  error: {
    code: 'replay.onlyShown',
    message: 'This is a replay: no backend and no gateway runs behind it.',
    fix: 'Start FlashGrid itself, or launch an attack: the replay then starts again.',
  },
};

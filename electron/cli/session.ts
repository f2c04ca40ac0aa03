/** How the terminal comes to a control centre: one that runs already, or one of its own that ends with the command. */
import process from 'node:process';
import { appVersion, builtParts } from '../app-paths.ts';
import { ControlCentre } from '../control/control-centre.ts';
import { FailureError } from '../control/cluster/cluster.ts';
import type { CommandInput, CommandName, CommandOutput, ControlClient } from '../control/contract.ts';
import type { SettingsGuardOptions } from '../control/settings-guard.ts';
import { readInstance } from '../instance-file.ts';
import { RemoteClient } from '../remote-client.ts';
import type { OptionValues } from './args.ts';
import type { Outputs } from './outputs.ts';

/** What a command of the terminal gets. */
export interface CommandContext {
  readonly values: OptionValues;
  readonly positionals: readonly string[];
  readonly dataDir: string;
  /** What people read. */
  readonly out: NodeJS.WriteStream;
  readonly outputs: Outputs;
}

export interface Session {
  readonly client: ControlClient;
  /** The control centre belongs to this command and ends with it. */
  readonly isOwn: boolean;
  /** Stops what is ours; leaves a remote one as it was. */
  end(): Promise<void>;
}

/** A control centre in this process. */
export async function openOwn(
  dataDir: string,
  onQuit: () => void = () => undefined,
  settingsGuard: SettingsGuardOptions = {},
): Promise<ControlCentre> {
  return await ControlCentre.open({
    dataDir,
    version: appVersion(),
    modules: builtParts().modules,
    childEnv: {},
    onQuit,
    settingsGuard,
  });
}

/** The control centre that runs on this data folder; `undefined` when none does. */
export async function openRemote(dataDir: string): Promise<Session | undefined> {
  const instance = await readInstance(dataDir);
  if (!instance) return undefined;
  const client = await RemoteClient.connect(instance);
  return {
    client,
    isOwn: false,
    end: () => {
      client.close();
      return Promise.resolve();
    },
  };
}

/** The running one, or one of our own. */
export async function openSession(dataDir: string): Promise<Session> {
  const remote = await openRemote(dataDir);
  if (remote) return remote;
  const centre = await openOwn(dataDir);
  return { client: centre, isOwn: true, end: () => centre.release() };
}

/** @throws FailureError when none runs */
export async function requireRemote(dataDir: string): Promise<Session> {
  const remote = await openRemote(dataDir);
  if (remote) return remote;
  throw new FailureError({
    code: 'cli.notRunning',
    message: `No FlashGrid runs on ${dataDir}.`,
    fix: 'Start one with `flashgrid up`, or `flashgrid serve` for a browser.',
  });
}

/**
 * Calls a command and unwraps its result.
 * @throws FailureError
 */
export async function must<Name extends CommandName>(
  client: ControlClient,
  name: Name,
  input: CommandInput<Name>,
): Promise<CommandOutput<Name>> {
  const result = await client.call(name, input);
  if (result.ok) return result.value;
  throw new FailureError(result.error);
}

/** ms between two interrupts that count as one: a terminal and npm may both hand on the same Ctrl-C. */
const SAME_INTERRUPT_MS = 700;

/**
 * Calls `stop` at the first Ctrl-C (or SIGTERM, SIGHUP); a second one ends the process at once, and the next start clears what is left.
 * Returns the function that ends this.
 */
export function onInterrupt(stop: (signal: NodeJS.Signals) => void): () => void {
  let firstMs: number | undefined;
  const take = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (firstMs === undefined) {
      firstMs = now;
      process.stderr.write('\nStopping… (once more to stop at once)\n');
      stop(signal);
    } else if (now - firstMs > SAME_INTERRUPT_MS) process.exit(130);
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, take);
  return () => {
    for (const signal of signals) process.off(signal, take);
  };
}

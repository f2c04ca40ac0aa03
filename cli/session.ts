/** How the terminal gets a control centre: a running one, or its own, which ends with the command. */
import { appVersion, builtParts } from '../control/app-paths.ts';
import { ControlCentre } from '../control/control-centre.ts';
import { FailureError } from '../contract/failure.ts';
import { isAlive } from '../control/processes/process-table.ts';
import type { CommandInput, CommandName, CommandOutput, ControlClient } from '../contract/contract.ts';
import type { Notice } from '../contract/state.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { keepServing } from '../control/lib/last-resort.ts';
import { withLimit } from '../services/shared/time-limit.ts';
import { readInstance, type Instance } from '../control/instance-file.ts';
import { connectRemote, type RemoteClient } from './remote-client.ts';
import type { PageGuardOptions } from '../control/lib/page-guard.ts';
import type { OptionValues } from '../contract/attack-options.ts';
import { whenInterrupted } from './interrupt.ts';
import type { Output } from './output.ts';
import type { Outputs } from './outputs.ts';

/** The arguments of a terminal command. */
export interface CommandContext {
  readonly values: OptionValues;
  readonly positionals: readonly string[];
  readonly dataDir: string;
  /** Of this FlashGrid. */
  readonly version: string;
  /** For people. */
  readonly out: Output;
  /** For errors. */
  readonly complain: Output;
  readonly outputs: Outputs;
  /** Aborted by a signal, or because nobody reads the output any more. */
  readonly interrupt: AbortSignal;
  /** Aborted by signals only. */
  readonly asked: AbortSignal;
}

/** ms to wait for an answer if the process that wrote the instance file is gone. */
const STALE_LIMIT_MS = 1_000;

export interface Session {
  readonly client: ControlClient;
  /** The control centre belongs to this command and ends with it. */
  readonly isOwn: boolean;
  /** Rejects when the connection to the control centre is lost. */
  readonly lost: Promise<never>;
  /** Ends an own control centre; leaves a remote one running. */
  end(): Promise<void>;
}

/** A session with a control centre that runs in another process. */
export interface RemoteSession extends Session {
  readonly instance: Instance;
}

/** A control centre in this process. */
export async function openOwn(
  dataDir: string,
  onQuit: () => void = () => undefined,
  pageGuard: PageGuardOptions = {},
): Promise<ControlCentre> {
  const centre = await ControlCentre.open({
    dataDir,
    version: appVersion(),
    modules: builtParts().modules,
    childEnv: {},
    onQuit,
    pageGuard,
  });
  keepServing((error) => centre.noteSurprise(error));
  await printNotices(centre);
  return centre;
}

/**
 * The control centre that runs on this data folder, if any. It must answer at its port with its token: after a crash,
 * another process may have the pid or port in the instance file.
 * @throws HungError if the process that wrote the file lives but does not answer
 */
export async function openRemote(dataDir: string): Promise<RemoteSession | undefined> {
  const instance = await readInstance(dataDir);
  if (!instance) return undefined;
  const lives = isAlive(instance);
  let client: RemoteClient;
  try {
    client = await connectRemote(instance, lives ? undefined : STALE_LIMIT_MS);
  } catch (error) {
    if (lives && isAlive(instance)) throw new HungError(instance, dataDir, error);
    return undefined;
  }
  await printNotices(client);
  return {
    client,
    instance,
    isOwn: false,
    lost: client.lost,
    end: () => {
      client.close();
      return Promise.resolve();
    },
  };
}

/** A control centre whose process lives but does not answer. */
export class HungError extends FailureError {
  readonly instance: Instance;
  constructor(instance: Instance, dataDir: string, cause: unknown) {
    super(
      {
        code: 'remote.noAnswer',
        message: `FlashGrid runs on ${dataDir} as process ${instance.pid}, but does not answer.`,
        fix: `End it with \`${commandLine('down')}\`, then try again.`,
      },
      { cause },
    );
    this.instance = instance;
  }
}

/** ms that a command waits for notices. */
const NOTICES_LIMIT_MS = 2_000;
/** Notices that this command has printed. */
const printed = new Set<string>();

/** Prints the control centre's notices, each once. */
export async function printNotices(client: ControlClient): Promise<readonly Notice[]> {
  const asking = client.call('app.getSnapshot', {});
  // A hung control centre is reported by the command itself.
  const snapshot = await withLimit(asking, NOTICES_LIMIT_MS, 'no answer').catch(() => undefined);
  const notices = (snapshot?.ok && snapshot.value.notices) || [];
  for (const { message, fix } of notices) {
    if (!printed.has(message)) process.stderr.write(`! ${message}\n  → ${fix}\n`);
    printed.add(message);
  }
  return notices;
}

/** The running control centre, or an own one. */
export async function openSession(dataDir: string): Promise<Session> {
  const remote = await openRemote(dataDir);
  if (remote) return remote;
  const centre = await openOwn(dataDir);
  return {
    client: centre,
    isOwn: true,
    lost: new Promise<never>(() => undefined),
    end: () => centre.release(),
  };
}

/** The running control centre. @throws FailureError if there is none */
export async function requireRemote(dataDir: string): Promise<RemoteSession> {
  const remote = await openRemote(dataDir);
  if (remote) return remote;
  throw new FailureError({
    code: 'cli.notRunning',
    message: `No FlashGrid is running on ${dataDir}.`,
    fix: `Start one with \`${commandLine('up')}\`, or \`${commandLine('serve')}\` for a browser.`,
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

/** Runs a command that changes nothing; an interrupt or a lost control centre ends it at once. */
export async function briefly(
  session: Session,
  interrupt: AbortSignal,
  work: (client: ControlClient) => Promise<number>,
): Promise<number> {
  try {
    return await Promise.race([work(session.client), session.lost, whenInterrupted(interrupt)]);
  } finally {
    await session.end();
  }
}

/** The control centre that `up` leaves in the background: starts, finds and ends it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError } from '../contract/failure.ts';
import { lockHolder } from '../control/cluster/data-dir-lock.ts';
import { lastLines, sizeOf } from '../control/cluster/native/log-tail.ts';
import { hasEnded, stopProcess } from '../control/processes/process-registry.ts';
import type { ProcessIdentity } from '../control/processes/process-table.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { dataFolder } from '../control/lib/data-folder.ts';
import type { Output } from './output.ts';
import { openRemote, type RemoteSession } from './session.ts';
import { errorText } from '../services/shared/error-text.ts';

const POLL_MS = 50;
/** ms within which a background control centre must answer. */
const ANSWER_LIMIT_MS = 30_000;
/** ms within which a control centre must have stopped everything. */
const STOP_LIMIT_MS = 120_000;
/** ms that a hung control centre has to end before it is killed. */
const HUNG_LIMIT_MS = 5_000;

/**
 * The control centre of a data folder: a running one, one that another command is starting, or a new one. If the
 * folder's holder takes no commands (a demo, or one that is stopping), waits for its end.
 */
export async function reachBackground(
  dataDir: string,
  out: Output,
  interrupt: AbortSignal,
): Promise<{ readonly session: RemoteSession; readonly isFresh: boolean }> {
  dataFolder(dataDir);
  let child: BackgroundChild | undefined;
  try {
    for (;;) {
      const session = await openRemote(dataDir);
      if (session) return { session, isFresh: session.instance.pid === child?.pid };
      interrupt.throwIfAborted();
      if (child?.hasEnded) {
        // Another command was faster: its control centre will answer.
        if (!lockHolder(dataDir)) throw child.failure();
        child = undefined;
      } else if (!child) {
        if (lockHolder(dataDir)) await whenFree(dataDir, out, interrupt, true);
        else child = new BackgroundChild(dataDir);
      } else if (performance.now() - child.startedMs > ANSWER_LIMIT_MS) throw child.failure();
      await sleep(POLL_MS);
    }
  } catch (error) {
    child?.end();
    throw error;
  }
}

/** `serve` as a detached process, which outlives this one. */
class BackgroundChild {
  readonly startedMs = performance.now();
  readonly #process: ChildProcess;
  readonly #logPath: string;
  readonly #logFrom: number;
  #endedHow: string | undefined;

  constructor(dataDir: string) {
    this.#logPath = join(dataDir, 'flashgrid.log');
    this.#logFrom = sizeOf(this.#logPath);
    const log = openSync(this.#logPath, 'a', 0o600);
    try {
      this.#process = spawn(process.execPath, [process.argv[1] ?? '', 'serve', '--data-dir', dataDir], {
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      });
    } finally {
      closeSync(log);
    }
    this.#process.unref();
    this.#process.on('exit', (code, signal) => (this.#endedHow ??= signal ?? `code ${code}`));
    this.#process.on('error', (error) => (this.#endedHow ??= error.message));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get hasEnded(): boolean {
    return this.#endedHow !== undefined;
  }

  /** Asks it to stop in order. */
  end(): void {
    if (!this.hasEnded) this.#process.kill('SIGTERM');
  }

  failure(): FailureError {
    const logged = lastLines(this.#logPath, this.#logFrom, 4).join(' ');
    const how =
      this.#endedHow === undefined
        ? `did not answer within ${ANSWER_LIMIT_MS / 1_000} s`
        : `ended at once (${this.#endedHow})`;
    return new FailureError({
      code: 'cli.backgroundFailed',
      message: `The background process ${how}${logged === '' ? '.' : `: ${logged}`}`,
      fix: `Read ${this.#logPath}.`,
    });
  }
}

/**
 * Waits until no process holds the data folder.
 * @param isAnswerEnough whether to stop waiting too when a control centre answers
 * @throws FailureError `dataDir.locked` after STOP_LIMIT_MS
 */
export async function whenFree(
  dataDir: string,
  out: Output,
  interrupt: AbortSignal,
  isAnswerEnough = false,
): Promise<void> {
  const startedMs = performance.now();
  let hasPrinted = false;
  for (;;) {
    const holder = lockHolder(dataDir);
    if (!holder) return;
    if (isAnswerEnough) {
      const session = await openRemote(dataDir);
      await session?.end();
      if (session) return;
    }
    const waitedMs = performance.now() - startedMs;
    if (waitedMs > 1_000 && !hasPrinted) {
      hasPrinted = true;
      out.print(`Process ${holder.pid} uses ${dataDir} and takes no commands: waiting for it…`);
    }
    if (waitedMs > STOP_LIMIT_MS) throw heldFailure(dataDir, holder);
    interrupt.throwIfAborted();
    await sleep(POLL_MS);
  }
}

function heldFailure(dataDir: string, { pid }: ProcessIdentity): FailureError {
  return new FailureError({
    code: 'dataDir.locked',
    message: `Process ${pid} has used ${dataDir} for more than ${STOP_LIMIT_MS / 1_000} s and takes no commands.`,
    fix: `Wait until it ends, or end it (kill ${pid}); then try again. \`${commandLine('down')}\` clears what it leaves.`,
  });
}

/**
 * Asks a control centre to stop everything and to quit, and waits for its process.
 * @returns `killed` if it stopped answering and was killed: its backends may still run
 */
export async function quit({ client, instance }: RemoteSession): Promise<'ended' | 'killed'> {
  const asked = await client.call('app.quit', { cluster: 'stop' });
  if (!asked.ok && asked.error.code === 'client.lost') {
    await endHung(instance);
    return 'killed';
  }
  // One that is quitting already answers with a failure; waits for it too.
  if (!asked.ok && asked.error.code !== 'app.quitting') throw new FailureError(asked.error);
  if (await hasEnded(instance, STOP_LIMIT_MS)) return 'ended';
  throw new FailureError({
    code: 'cli.stillRunning',
    message: `Process ${instance.pid} has not ended after ${STOP_LIMIT_MS / 1_000} s.`,
    fix: `Read flashgrid.log in the data folder. If it hangs, end it (kill -9 ${instance.pid}); \`${commandLine('down')}\` clears what it leaves.`,
  });
}

/** Ends a hung control centre. Its services end with it; the next one on the data folder finds its backends. */
export async function endHung(identity: ProcessIdentity): Promise<void> {
  try {
    await stopProcess(identity, { limitMs: HUNG_LIMIT_MS });
  } catch (error) {
    throw new FailureError(
      {
        code: 'cli.cantEnd',
        message: `Process ${identity.pid} can't be ended: ${errorText(error)}`,
        fix: 'End it as the user that started it, then try again.',
      },
      { cause: error },
    );
  }
}

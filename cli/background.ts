/** The control centre that `up` leaves in the background: how it is started, found by several commands at once, and ended. */
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
/** ms that a background control centre may take until it answers. */
const ANSWER_LIMIT_MS = 30_000;
/** ms that a control centre may take to stop everything. */
const STOP_LIMIT_MS = 120_000;
/** ms that a hung one may take to end by itself before it is killed. */
const HUNG_LIMIT_MS = 5_000;

/**
 * The control centre of a data folder: the one that runs, one that another command is starting at this moment, or a new one. Whoever holds
 * the folder without taking commands, for it stops or is a demo, is waited for.
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
        // Another command was faster and has the folder: its control centre answers in a moment.
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

/** `serve` as a process of its own, which outlives this one. */
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

  /** It stops in order, whatever it has begun. */
  end(): void {
    if (!this.hasEnded) this.#process.kill('SIGTERM');
  }

  failure(): FailureError {
    const said = lastLines(this.#logPath, this.#logFrom, 4).join(' ');
    const how =
      this.#endedHow === undefined
        ? `did not answer within ${ANSWER_LIMIT_MS / 1_000} s`
        : `ended at once (${this.#endedHow})`;
    return new FailureError({
      code: 'cli.backgroundFailed',
      message: `The background process ${how}${said === '' ? '.' : `: ${said}`}`,
      fix: `Read ${this.#logPath}.`,
    });
  }
}

/**
 * Waits until nobody holds the data folder.
 * @param isAnswerEnough a control centre that answers ends the wait too
 * @throws FailureError `dataDir.locked` when it takes too long
 */
export async function whenFree(
  dataDir: string,
  out: Output,
  interrupt: AbortSignal,
  isAnswerEnough = false,
): Promise<void> {
  const begunMs = performance.now();
  let hasTold = false;
  for (;;) {
    const holder = lockHolder(dataDir);
    if (!holder) return;
    if (isAnswerEnough) {
      const session = await openRemote(dataDir);
      await session?.end();
      if (session) return;
    }
    const waitedMs = performance.now() - begunMs;
    if (waitedMs > 1_000 && !hasTold) {
      hasTold = true;
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
    fix: `Wait for its end, or end it (kill ${pid}); then try again. \`${commandLine('down')}\` clears what it leaves.`,
  });
}

/**
 * Asks a control centre to stop everything and to end, and waits for its process.
 * @returns `killed` when it fell silent and had to be ended: what it started may be left
 */
export async function quit({ client, instance }: RemoteSession): Promise<'ended' | 'killed'> {
  const asked = await client.call('app.quit', { cluster: 'stop' });
  if (!asked.ok && asked.error.code === 'client.lost') {
    await endHung(instance);
    return 'killed';
  }
  // One that is quitting already refuses, and is waited for.
  if (!asked.ok && asked.error.code !== 'app.quitting') throw new FailureError(asked.error);
  if (await hasEnded(instance, STOP_LIMIT_MS)) return 'ended';
  throw new FailureError({
    code: 'cli.stillRunning',
    message: `Process ${instance.pid} has not ended after ${STOP_LIMIT_MS / 1_000} s.`,
    fix: `Read flashgrid.log in the data folder. If it hangs, end it (kill -9 ${instance.pid}); \`${commandLine('down')}\` clears what it leaves.`,
  });
}

/** Ends a control centre that does not answer. Its services end with it; its backends are found by whoever opens the folder next. */
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

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '../../../contract/failure.ts';
import { moreTimeFor } from '../probes.ts';
import {
  backendExited,
  notReady,
  strangePassword,
  throwIfCancelled,
  waitedInVain,
  whenAborted,
} from './failures.ts';
import type { RunningProcess } from './spawn-process.ts';

const CHECK_INTERVAL_MS = 40;
/** ms between two looks at what consists of several processes. */
const WHOLE_INTERVAL_MS = 200;
/** How the backends answer a password that is not the one of their data. */
const REFUSED = /password authentication failed|ACCESS_REFUSED|WRONGPASS/;
/**
 * ms of refusals after which the password is known to be wrong. Another program on our port refuses too, but
 * then our own process ends well within this time.
 */
const REFUSED_LIMIT_MS = 3_000;

export interface Readiness {
  readonly title: string;
  readonly process: RunningProcess;
  /** Resolves when the backend serves; rejects with the reason while it does not. */
  check(): Promise<void>;
  /** Moment by performance.now() at which the wait is given up, and ms that the whole start may take. */
  readonly deadlineMs: number;
  readonly limitMs: number;
  readonly logPath: string;
  lastLines(): string[];
  readonly signal: AbortSignal;
}

/**
 * Repeats a check until it holds.
 * @throws FailureError when the process ends, its password is refused, or time is up; the signal's on abort
 */
export async function waitUntilReady(wait: Readiness): Promise<void> {
  const { title, process, signal, logPath } = wait;
  let ended: string | undefined;
  void process.exit?.then((how) => (ended = how));
  // A check may wait for seconds for an answer: an exit or a cancel interrupts it.
  const exited = process.exit ?? new Promise<never>(() => undefined);
  const interrupted = Promise.race([exited, whenAborted(signal)]);
  let refusedSince: number | undefined;
  let moreMs = 0;
  for (;;) {
    throwIfCancelled(signal);
    let problem = '';
    try {
      await Promise.race([wait.check(), interrupted.then(() => Promise.reject(new Error('interrupted')))]);
      if (ended === undefined) return;
    } catch (error) {
      problem = errorText(error);
    }
    if (ended !== undefined) throw backendExited(title, ended, wait.lastLines(), logPath);
    refusedSince = REFUSED.test(problem) ? (refusedSince ?? performance.now()) : undefined;
    if (refusedSince !== undefined && performance.now() - refusedSince > REFUSED_LIMIT_MS)
      throw strangePassword(title, problem);
    // It may be too busy for an answer meanwhile.
    moreMs = Math.max(moreMs, moreTimeFor(problem));
    if (performance.now() > wait.deadlineMs + moreMs)
      throw notReady(title, wait.limitMs + moreMs, problem, wait.lastLines(), logPath);
    await sleep(CHECK_INTERVAL_MS);
  }
}

/**
 * Repeats a check until it holds.
 * @param what is waited for: `the standby to follow`
 * @throws FailureError when time is up, with the check's last reason; the signal's on abort
 */
export async function waitUntil(
  what: string,
  check: () => Promise<void>,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    throwIfCancelled(signal);
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadlineMs) throw waitedInVain(what, limitMs, errorText(error));
    }
    await sleep(WHOLE_INTERVAL_MS);
  }
}

/** Resolves when something accepts a connection on a port of the loopback address. */
export function connectsTo(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => {
      socket.destroy();
      reject(new Error(`port ${port} does not answer`));
    });
    socket.once('error', reject);
  });
}

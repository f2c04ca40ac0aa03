/**
 * Has a child process give way to whatever a person looks at. An attack takes every core there is; at equal rank the window, on the same cores,
 * would wait for its turn in the middle of a frame. Where nothing else wants the processor, the rank changes nothing.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const BELOW_NORMAL = constants.priority.PRIORITY_BELOW_NORMAL;
/** Linux lets a user change the rank of a session only so often (sched(7), "The autogroup feature"). */
const AGAIN_MS = 150;
const ATTEMPTS = 20;

/**
 * Lowers the priority of a process that was just started, and of what it will start. Best effort: a system that refuses, or a process that
 * ended meanwhile, is left as it is.
 */
export function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    // Started by somebody who gave way before: that stays so.
    if (getPriority(pid) >= BELOW_NORMAL) return;
    setPriority(pid, BELOW_NORMAL);
  } catch {
    return;
  }
  rankSession(`/proc/${pid}/autogroup`, ATTEMPTS);
}

/** Where Linux shares the processor among sessions first, a child that leads one is ranked within it only. */
function rankSession(path: string, attempts: number): void {
  if (!existsSync(path)) return;
  try {
    writeFileSync(path, String(BELOW_NORMAL));
  } catch (error) {
    if (attempts > 1 && (error as NodeJS.ErrnoException).code === 'EAGAIN')
      setTimeout(() => rankSession(path, attempts - 1), AGAIN_MS).unref();
  }
}

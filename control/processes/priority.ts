/**
 * Lowers the priority of child processes. An attack uses all cores: with equal priority the window, on the
 * same cores, would stutter. While nothing else needs the processor, the priority changes nothing.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const BELOW_NORMAL = constants.priority.PRIORITY_BELOW_NORMAL;
/** Linux limits how often a user may change the priority of a session (sched(7), "The autogroup feature"). */
const AGAIN_MS = 150;
const ATTEMPTS = 20;

/**
 * Lowers the priority of a process that was just started, and of what it will start. Best effort: it ignores
 * a system that refuses, and a process that has ended.
 */
export function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    // We have a lower priority already: keep it.
    if (getPriority(pid) >= BELOW_NORMAL) return;
    setPriority(pid, BELOW_NORMAL);
  } catch {
    return;
  }
  rankSession(`/proc/${pid}/autogroup`, ATTEMPTS);
}

/**
 * Linux may share the processor among sessions first: the priority of a child that leads a session counts
 * only within it.
 */
function rankSession(path: string, attempts: number): void {
  if (!existsSync(path)) return;
  try {
    writeFileSync(path, String(BELOW_NORMAL));
  } catch (error) {
    if (attempts > 1 && (error as NodeJS.ErrnoException).code === 'EAGAIN')
      setTimeout(() => rankSession(path, attempts - 1), AGAIN_MS).unref();
  }
}

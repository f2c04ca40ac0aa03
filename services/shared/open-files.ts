/** How many files a process of ours may open. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const LIMIT_MS = 2_000;

/**
 * The open-file limit of this process and its children; `undefined` when there is none, or it can't be known (Windows).
 * It is the hard limit: Node raises its soft limit to the hard one when it starts.
 */
export async function openFileLimit(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => undefined);
  if (limits !== undefined) return parseLimit(/^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1]);
  if (process.platform === 'win32') return undefined;
  const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -Hn'], { timeout: LIMIT_MS }).catch(
    () => ({
      stdout: '', // A system without such a shell: the attack itself will tell (EMFILE).
    }),
  );
  return parseLimit(stdout.trim());
}

function parseLimit(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

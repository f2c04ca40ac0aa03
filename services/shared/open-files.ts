import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const LIMIT_MS = 2_000;

/**
 * How many files this process and its children may have open; `undefined` when there is no limit, or it can't
 * be known (Windows). It is the hard limit: Node raises its soft limit to the hard one when it starts.
 */
export async function openFileLimit(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => undefined);
  if (limits !== undefined) return parseLimit(/^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1]);
  if (process.platform === 'win32') return undefined;
  const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -Hn'], { timeout: LIMIT_MS }).catch(
    () => ({
      stdout: '', // A system without such a shell: a limit shows as EMFILE in the attack.
    }),
  );
  return parseLimit(stdout.trim());
}

function parseLimit(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

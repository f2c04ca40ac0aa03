/** Files that are either the old text or the new one, whatever happens in between. */
import { randomBytes } from 'node:crypto';
import { closeSync, fchownSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Writes a file by way of a second one beside it. Synchronous: the record of a child process must be on disk before anything else can
 * happen to this process.
 * @param owner who gets it; whoever runs us by default
 */
export function writeFileAtomic(
  path: string,
  content: string | Buffer,
  mode = 0o600,
  owner?: { readonly uid: number; readonly gid: number },
): void {
  const next = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = openSync(next, 'wx', mode);
    try {
      if (owner) fchownSync(file, owner.uid, owner.gid);
      // Unlike writeSync, it goes on until all is written: on a nearly full disk a part of the text would pass for the whole.
      writeFileSync(file, content);
      // Without it a power cut can leave an empty file under the final name.
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

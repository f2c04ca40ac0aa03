/** Writes files so that a reader sees the old text or the new one, and never a part. */
import { randomBytes } from 'node:crypto';
import { closeSync, fchownSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Writes a temporary file and renames it. Synchronous: the record of a child process must be on disk before
 * anything else can happen to this process.
 * @param owner of the file; the user who runs us by default
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
      // writeFileSync writes everything or throws. writeSync may write only a part on a nearly full disk.
      writeFileSync(file, content);
      // Without fsync, a power cut can leave an empty file under the final name.
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

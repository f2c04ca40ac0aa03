/**
 * The folder of one native backend. When root starts FlashGrid, the backend runs as another user, who must
 * not be able to trick root with a link. So root writes only in folders that root owns; the user owns only
 * the folders inside them (`data`), in which root never reads, writes or deletes. When an ordinary user
 * starts FlashGrid, that user owns all of it.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  rmSync,
  rmdirSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { FailureError } from '../../../contract/failure.ts';
import type { SystemUser } from '../../processes/system-user.ts';
import { commandLine } from '../../lib/command-line.ts';

/** ms that the removal of a folder's content may take. */
const EMPTY_LIMIT_MS = 60_000;
const MAX_SMALL_FILE_BYTES = 16_384;

export class BackendFolder {
  readonly dir: string;
  /** The backend's user; `undefined`: the user who started us. */
  readonly user: SystemUser | undefined;

  constructor(dir: string, user: SystemUser | undefined) {
    this.dir = dir;
    this.user = user;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /**
   * Makes the folder, or makes root its owner again: an earlier FlashGrid gave all of Postgres' folder to its
   * user.
   */
  prepare(): void {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    if (!this.user) return;
    this.#demandFolder(this.dir, lstatSync(this.dir));
    lchownSync(this.dir, 0, 0);
    chmodSync(this.dir, 0o711);
  }

  /** Writes a file that the backend reads; only it and we can. */
  write(name: string, text: string, mode = 0o600): void {
    writeFileAtomic(this.path(name), text, mode, this.user);
  }

  /**
   * Makes a folder that belongs to the backend, or hands it over when an earlier FlashGrid ran the backend as
   * root.
   * @throws FailureError when something else stands there
   */
  giveFolder(name: string): string {
    const path = this.path(name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const { user } = this;
    if (!user) return path;
    const facts = lstatSync(path);
    this.#demandFolder(path, facts);
    // Until now only root could write in it, so its links are safe. chown applies to a link itself, not to
    // its target.
    if (facts.uid === 0) giveTree(path, user);
    else if (facts.uid !== user.uid) {
      throw new FailureError({
        code: 'native.foreignFolder',
        message: `${path} belongs to another user than ${user.name}, who runs the backends here.`,
        fix: `Give it to that user (chown -R ${user.name} ${path}), or remove it with \`${commandLine('down --reset')}\`.`,
      });
    }
    return path;
  }

  /** Removes a folder of the backend with all in it: its content as the user itself. */
  removeFolder(name: string): void {
    removeAsOwner(this.path(name));
  }

  /**
   * The text of a small file in one of the backend's folders; `undefined` when there is none, or it is no
   * plain file.
   */
  readSmall(path: string): string | undefined {
    try {
      if (!lstatSync(path).isFile()) return undefined;
      // The flags refuse a link or a pipe that was put there between the two calls.
      const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const buffer = Buffer.alloc(MAX_SMALL_FILE_BYTES);
        return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, 0));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (error instanceof Error && 'code' in error && ['ENOENT', 'ELOOP'].includes(String(error.code)))
        return undefined;
      throw error;
    }
  }

  #demandFolder(path: string, facts: Stats): void {
    if (facts.isDirectory()) return;
    throw new FailureError({
      code: 'native.notAFolder',
      message: `${path} is not a folder, but a link or a file.`,
      fix: 'Somebody put it there: look at it, remove it, and start again.',
    });
  }
}

function giveTree(path: string, user: SystemUser): void {
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) giveTree(join(path, name), user);
  lchownSync(path, user.uid, user.gid);
}

/** Removes a folder. Root removes the files of another user as that user, who can delete nothing else. */
export function removeAsOwner(path: string): void {
  let facts: Stats;
  try {
    facts = lstatSync(path);
  } catch {
    // Not there: nothing to remove.
    return;
  }
  if (process.getuid?.() === 0 && facts.isDirectory()) {
    if (facts.uid === 0) for (const name of readdirSync(path)) removeAsOwner(join(path, name));
    else
      spawnSync('find', [path, '-mindepth', '1', '-delete'], {
        uid: facts.uid,
        gid: facts.gid,
        cwd: '/',
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
        stdio: 'ignore',
        timeout: EMPTY_LIMIT_MS,
      });
    // Not recursive: what is left could not be deleted by its owner, and the error says so.
    rmdirSync(path);
    return;
  }
  rmSync(path, { recursive: true, force: true });
}

/** Who runs Postgres when the caller is root: Postgres refuses to be root itself. */
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SystemUser } from './engine.ts';

/** Best first: the package's own user, then the one that owns nothing. */
const CANDIDATES = ['postgres', '_postgres', 'nobody'];
const EXECUTE_BIT = 0o1;

/**
 * The unprivileged user to run Postgres as.
 * @returns `undefined` when the caller isn't root: it then runs as the caller
 * @throws Error when root has no such user to turn to
 */
export function unprivilegedUser(passwdPath = '/etc/passwd'): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = parsePasswd(readFileSync(passwdPath, 'utf8'));
  for (const name of CANDIDATES) {
    const user = users.find((candidate) => candidate.name === name);
    // macOS gives nobody the uid -2.
    if (user && user.uid > 0) return user;
  }
  throw new Error(`${passwdPath} has none of ${CANDIDATES.join(', ')}`);
}

/** Users of an /etc/passwd. */
export function parsePasswd(text: string): SystemUser[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid && !name.startsWith('#') ? { name, uid: Number(uid), gid: Number(gid) } : [];
  });
}

/** The first folder on the way to `path` that `user` may not pass; `undefined` when it may reach it. */
export function blockedFolder(path: string, user: SystemUser): string | undefined {
  const folders: string[] = [];
  for (let dir = path; dir !== dirname(dir); dir = dirname(dir)) folders.unshift(dir);
  return folders.find((folder) => {
    const { mode, uid, gid } = statSync(folder);
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
    return ((mode >> shift) & EXECUTE_BIT) === 0;
  });
}

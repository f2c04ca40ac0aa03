/**
 * Who runs backends and services when the caller is root: what listens and parses must not be root, and
 * Postgres refuses to be.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** A system user that a process runs as; `undefined` where it runs as the caller. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** FlashGrid's own: it owns nothing else, and nobody else's programs run as it. */
export const OWN_USER = 'flashgrid';
/** Where it can't be created, best first. */
const CANDIDATES = [OWN_USER, 'postgres', '_postgres', 'nobody'];
const CREATE_LIMIT_MS = 10_000;
const EXECUTE_BIT = 0o1;

/**
 * The unprivileged user to run backends and services as: our own, created when it is missing, else one that
 * is there.
 * @returns `undefined` when the caller isn't root: it then runs as the caller
 * @throws Error when root has no such user to turn to
 */
export function unprivilegedUser(
  passwdPath = '/etc/passwd',
  create: () => void = createOwnUser,
): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  let users = parsePasswd(readFileSync(passwdPath, 'utf8'));
  if (!users.some(({ name }) => name === OWN_USER)) {
    create();
    users = parsePasswd(readFileSync(passwdPath, 'utf8'));
  }
  for (const name of CANDIDATES) {
    const user = users.find((candidate) => candidate.name === name);
    // macOS gives nobody the uid -2.
    if (user && user.uid > 0) return user;
  }
  throw new Error(`${passwdPath} has none of ${CANDIDATES.join(', ')}`);
}

/**
 * Best effort: a machine without `useradd`, or with a read-only /etc, has other users to turn to. Two at
 * once: one of them succeeds.
 */
function createOwnUser(): void {
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  spawnSync('useradd', [...options, '--shell', '/usr/sbin/nologin', OWN_USER], {
    stdio: 'ignore',
    timeout: CREATE_LIMIT_MS,
  });
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

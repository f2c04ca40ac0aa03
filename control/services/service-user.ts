/**
 * The user of gateways, workers and load generators when root starts them: they parse what anybody may send.
 */
import { dirname } from 'node:path';
import process from 'node:process';
import { existsSync, realpathSync } from 'node:fs';
import { type SystemUser, blockedFolder, unprivilegedUser } from '../processes/system-user.ts';
import { errorText } from '../../services/shared/error-text.ts';

export interface ServiceUser {
  /** `undefined`: they run as the user who started us. */
  readonly user: SystemUser | undefined;
  /** Why they run as root all the same, for the log. */
  readonly note?: string;
}

/**
 * The unprivileged user of our child processes, if it can reach the program and its files.
 * @param who which children, for the note
 * @param files what they read: modules, and the folder of resources
 */
export function serviceUser(who: string, files: readonly string[], find = unprivilegedUser): ServiceUser {
  let user: SystemUser | undefined;
  try {
    user = find();
  } catch (error) {
    return { user: undefined, note: `The ${who} run as root: ${errorText(error)}.` };
  }
  if (!user) return { user };
  for (const path of [process.execPath, ...files]) {
    // Whoever starts it reports a missing file.
    if (!existsSync(path)) continue;
    const closed = blockedFolder(dirname(realpathSync(path)), user);
    if (closed === undefined) continue;
    const note = `The ${who} run as root, since the user ${user.name} can't enter ${closed}. Allow it (chmod o+x ${closed}), or run FlashGrid as an ordinary user.`;
    return { user: undefined, note };
  }
  return { user };
}

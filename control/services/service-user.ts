/** As whom gateways, workers and load generators run when root starts them: they read what strangers send. */
import { dirname } from 'node:path';
import process from 'node:process';
import { existsSync, realpathSync } from 'node:fs';
import { type SystemUser, blockedFolder, unprivilegedUser } from '../processes/system-user.ts';
import { errorText } from '../../services/shared/error-text.ts';

export interface ServiceUser {
  /** `undefined`: as whoever runs us. */
  readonly user: SystemUser | undefined;
  /** Why root's children stay root's, for the log. */
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
    // What is missing is told by whoever starts it.
    if (!existsSync(path)) continue;
    const closed = blockedFolder(dirname(realpathSync(path)), user);
    if (closed === undefined) continue;
    const note = `The ${who} run as root, since the user ${user.name} can't enter ${closed}. Open the way (chmod o+x ${closed}), or run FlashGrid as an ordinary user.`;
    return { user: undefined, note };
  }
  return { user };
}

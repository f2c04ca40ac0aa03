/** As whom gateways and workers run when root starts them: they read what strangers send. */
import { dirname } from 'node:path';
import process from 'node:process';
import { realpathSync } from 'node:fs';
import type { SystemUser } from '../cluster/native/backend.ts';
import { blockedFolder, unprivilegedUser } from '../processes/system-user.ts';

export interface ServiceUser {
  /** `undefined`: as whoever runs us. */
  readonly user: SystemUser | undefined;
  /** Why root's services stay root's, for the log. */
  readonly note?: string;
}

/**
 * The unprivileged user of the services, if it can reach the program and its files.
 * @param files what a service reads: its modules, and the folder of its resources
 */
export function serviceUser(files: readonly string[], find = unprivilegedUser): ServiceUser {
  let user: SystemUser | undefined;
  try {
    user = find();
  } catch (error) {
    return { user: undefined, note: `The services run as root: ${String(error)}.` };
  }
  if (!user) return { user };
  for (const path of [process.execPath, ...files]) {
    const closed = blockedFolder(dirname(realpathSync(path)), user);
    if (closed === undefined) continue;
    const note = `The services run as root, since the user ${user.name} can't enter ${closed}. Open the way (chmod o+x ${closed}), or run FlashGrid as an ordinary user.`;
    return { user: undefined, note };
  }
  return { user };
}

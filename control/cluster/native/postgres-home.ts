/** Where the native backends keep their data, and as whom they run. */
import {
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackendRole } from '../../../contract/backends.ts';
import { dataFolder } from '../../lib/data-folder.ts';
import { FailureError } from '../../../contract/failure.ts';
import { listProcesses } from '../../processes/process-table.ts';
import { BackendFolder, removeAsOwner } from './backend-folder.ts';
import type { BackendPrograms } from './find-programs.ts';
import {
  type SystemUser,
  blockedFolder,
  parsePasswd,
  unprivilegedUser,
} from '../../processes/system-user.ts';
import { errorText } from '../../../services/shared/error-text.ts';

/**
 * Root's own folders are closed to everybody else, so a data folder in there can't hold the backends' data:
 * this one does.
 */
const FALLBACK_ROOT = '/var/lib/flashgrid';
/** Names the folder that these data belong to. */
const OWNER_FILE = 'belongs-to';

/** Where the data lie when the data folder is out of the backends' reach; one folder a cluster. */
export function fallbackDir(registryId: string): string {
  return join(FALLBACK_ROOT, registryId);
}

/**
 * Chooses folders and users.
 * @param binaries those on this machine's disk, which their user must reach
 * @param nativeDir the folder of all native backends; it exists
 * @param names of the backends' folders
 * @throws FailureError when root has nobody to run them as, or that user can't reach them
 */
export function backendFolders(
  binaries: Pick<BackendPrograms, BackendRole>,
  nativeDir: string,
  registryId: string,
  names: readonly string[],
): ReadonlyMap<string, BackendFolder> {
  const own = findUser();
  const fallback = fallbackDir(registryId);
  // Whoever has run a backend on its data before goes on doing so.
  const userOf = (name: string) =>
    own && (ownerOfData(join(nativeDir, name)) ?? ownerOfData(join(fallback, name)) ?? own);
  const { redis, postgres, rabbitmq } = binaries;
  const programs = [redis?.server, postgres?.binDir, rabbitmq?.home].filter((path) => path !== undefined);
  const users = names.flatMap((name) => userOf(name) ?? []);
  for (const user of users) {
    for (const program of programs) {
      const closed = blockedFolder(dirname(program), user);
      if (closed !== undefined) throw unreachable(`The user ${user.name} can't run ${program}`, closed);
    }
  }
  const isOpen = users.every((user) => blockedFolder(nativeDir, user) === undefined);
  if (!isOpen) prepareFallback(fallback, nativeDir, users);
  const home = isOpen ? nativeDir : fallback;
  return new Map(names.map((name) => [name, new BackendFolder(join(home, name), userOf(name))]));
}

function prepareFallback(home: string, nativeDir: string, users: readonly SystemUser[]): void {
  dataFolder(home);
  removeOrphans(home);
  writeFileSync(join(home, OWNER_FILE), nativeDir);
  for (const user of users) {
    const closed = blockedFolder(home, user);
    if (closed !== undefined)
      throw unreachable(`The user ${user.name}, who runs the backends, can't reach ${closed}`, closed);
  }
  // An earlier FlashGrid ran these two as root, so they lie where only root gets.
  for (const name of ['redis', 'rabbitmq']) moveFolder(join(nativeDir, name), join(home, name));
}

function ownerOfData(folder: string): SystemUser | undefined {
  if (!existsSync(folder)) return undefined;
  const uids = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => lstatSync(join(folder, name)).uid);
  const users = parsePasswd(readFileSync('/etc/passwd', 'utf8'));
  return users.find(({ uid }) => uid !== 0 && uids.includes(uid));
}

function moveFolder(from: string, to: string): void {
  if (!existsSync(from) || existsSync(to)) return;
  try {
    renameSync(from, to);
  } catch {
    // Another disk.
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    rmSync(from, { recursive: true, force: true });
  }
}

/** Data of clusters whose data folder somebody deleted by hand: nobody else would ever remove them. */
function removeOrphans(home: string): void {
  for (const name of readdirSync(dirname(home))) {
    const other = join(dirname(home), name);
    const ownerFile = join(other, OWNER_FILE);
    if (other === home || !existsSync(ownerFile) || existsSync(readFileSync(ownerFile, 'utf8'))) continue;
    const isInUse = listProcesses().some((one) => one.workingDir.startsWith(other));
    if (!isInUse) removeAsOwner(other);
  }
}

function findUser(): SystemUser | undefined {
  try {
    return unprivilegedUser();
  } catch (error) {
    throw new FailureError(
      {
        code: 'native.noUser',
        message: `The backends do not run as root, and there is no other user: ${errorText(error)}.`,
        fix: 'Run FlashGrid as an ordinary user, or create one: useradd --system flashgrid',
      },
      { cause: error },
    );
  }
}

function unreachable(message: string, folder: string): FailureError {
  return new FailureError({
    code: 'native.folderClosed',
    message: `${message}.`,
    fix: `Open the way: chmod o+x ${folder}, or choose another data folder.`,
  });
}

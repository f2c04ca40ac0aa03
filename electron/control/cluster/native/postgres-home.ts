/** Where Postgres keeps its data, and as whom it runs. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailureError } from '../cluster.ts';
import { listProcesses } from '../process-table.ts';
import type { SystemUser } from './engine.ts';
import type { PostgresBinaries } from './find-engines.ts';
import { blockedFolder, unprivilegedUser } from './system-user.ts';

/** Root's own folders are closed to everybody else, so a data folder in there can't hold Postgres' data: this one does. */
const FALLBACK_ROOT = '/var/lib/flashgrid';
/** Names the folder that these data belong to. */
const OWNER_FILE = 'belongs-to';

/** Where the data lie when the data folder is out of Postgres' reach; one folder a cluster. */
export function fallbackDir(clusterId: string): string {
  return join(FALLBACK_ROOT, clusterId);
}

/**
 * Chooses folder and user.
 * @param nativeDir the folder of all native engines; it exists
 * @throws FailureError when root has nobody to run Postgres as, or that user can't reach it
 */
export function postgresHome(
  binaries: PostgresBinaries,
  nativeDir: string,
  clusterId: string,
): { readonly dir: string; readonly user: SystemUser | undefined } {
  const wanted = join(nativeDir, 'postgres');
  const user = findUser();
  if (!user) return { dir: wanted, user };
  const closed = blockedFolder(binaries.binDir, user);
  if (closed !== undefined)
    throw unreachable(`The user ${user.name} can't run Postgres in ${closed}`, closed);
  if (blockedFolder(nativeDir, user) === undefined) return { dir: wanted, user };
  const home = fallbackDir(clusterId);
  mkdirSync(home, { recursive: true, mode: 0o711 });
  removeOrphans(home);
  writeFileSync(join(home, OWNER_FILE), nativeDir);
  const stillClosed = blockedFolder(home, user);
  if (stillClosed !== undefined)
    throw unreachable(`The user ${user.name}, who runs Postgres, can't reach ${stillClosed}`, stillClosed);
  return { dir: join(home, 'postgres'), user };
}

/** Data of clusters whose data folder somebody deleted by hand: nobody else would ever remove them. */
function removeOrphans(home: string): void {
  for (const name of readdirSync(dirname(home))) {
    const other = join(dirname(home), name);
    const ownerFile = join(other, OWNER_FILE);
    if (other === home || !existsSync(ownerFile) || existsSync(readFileSync(ownerFile, 'utf8'))) continue;
    const isInUse = listProcesses().some((one) => one.workingDir.startsWith(other));
    if (!isInUse) rmSync(other, { recursive: true, force: true });
  }
}

function findUser(): SystemUser | undefined {
  try {
    return unprivilegedUser();
  } catch (error) {
    throw new FailureError(
      {
        code: 'native.noPostgresUser',
        message: `Postgres refuses to run as root, and there is no other user: ${String(error)}.`,
        fix: 'Run FlashGrid as an ordinary user, or create one: useradd --system postgres',
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

/** Where Postgres keeps its data, and as whom it runs. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailureError } from '../cluster.ts';
import type { SystemUser } from './engine.ts';
import type { PostgresBinaries } from './find-engines.ts';
import { blockedFolder, unprivilegedUser } from './system-user.ts';

/** Root's own folders are closed to everybody else, so a data folder in there can't hold Postgres' data: this one does. */
const FALLBACK_ROOT = '/var/lib/flashgrid';

/** Where the data lie when the data folder is out of Postgres' reach; one folder a cluster. */
export function fallbackDir(clusterId: string): string {
  return join(FALLBACK_ROOT, clusterId);
}

/**
 * Chooses folder and user.
 * @param wanted the folder below the data folder; its parent exists
 * @throws FailureError when root has nobody to run Postgres as, or that user can't reach it
 */
export function postgresHome(
  binaries: PostgresBinaries,
  wanted: string,
  clusterId: string,
): { readonly dir: string; readonly user: SystemUser | undefined } {
  const user = findUser();
  if (!user) return { dir: wanted, user };
  const closed = blockedFolder(binaries.binDir, user);
  if (closed !== undefined)
    throw unreachable(`The user ${user.name} can't run Postgres in ${closed}`, closed);
  if (blockedFolder(dirname(wanted), user) === undefined) return { dir: wanted, user };
  const dir = join(fallbackDir(clusterId), 'postgres');
  mkdirSync(dirname(dir), { recursive: true, mode: 0o711 });
  const stillClosed = blockedFolder(dirname(dir), user);
  if (stillClosed !== undefined)
    throw unreachable(`The user ${user.name}, who runs Postgres, can't reach ${stillClosed}`, stillClosed);
  return { dir, user };
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

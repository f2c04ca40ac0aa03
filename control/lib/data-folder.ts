/** Makes folders that only their owner may read. */
import { accessSync, chmodSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { FailureError } from '../../contract/failure.ts';
import { errorText } from '../../services/shared/error-text.ts';

/**
 * Makes a folder and those above it, where they are missing.
 * @throws Error when that can't be done
 */
export function makeFolder(path: string, mode?: number): void {
  // Not `recursive`: Node loops for ever on a file system that allows no folders, such as /proc.
  try {
    mkdirSync(path, mode);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' && dirname(path) !== path) {
      makeFolder(dirname(path), mode);
      mkdirSync(path, mode);
      return;
    }
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) return;
    throw found ? new Error(`${path} is a file`, { cause: error }) : error;
  }
}

/**
 * Makes a folder that only its owner may read, or closes one that an earlier FlashGrid left open to others.
 */
export function closedFolder(path: string, mode = 0o700): void {
  makeFolder(path, mode);
  const { uid, mode: found } = statSync(path);
  // A folder of another owner stays as it is.
  if ((found & 0o777 & ~mode) !== 0 && uid === process.getuid?.()) chmodSync(path, mode);
}

/**
 * Makes the data folder. When root runs us, the backends' user must be able to pass through it, but not to
 * read it.
 * @throws FailureError `app.dataDirUnusable`
 */
export function dataFolder(path: string): void {
  try {
    closedFolder(path, process.getuid?.() === 0 ? 0o711 : 0o700);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new FailureError(
      {
        code: 'app.dataDirUnusable',
        message: `The data folder ${path} can't be used: ${errorText(error)}.`,
        fix: 'Give yourself the right to write there, or choose another folder with --data-dir or FLASHGRID_HOME.',
      },
      { cause: error },
    );
  }
}

/** The data folder: for its owner only. */
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import process from 'node:process';

/** Makes a folder that nobody else may look into, or closes one that an earlier FlashGrid left open. */
export function closedFolder(path: string, mode = 0o700): void {
  mkdirSync(path, { recursive: true, mode });
  const { uid, mode: found } = statSync(path);
  // Another owner's folder is that owner's business.
  if ((found & 0o777 & ~mode) !== 0 && uid === process.getuid?.()) chmodSync(path, mode);
}

/** Makes the data folder. Under root the backends' own user must pass through it; what lies in it is closed all the same. */
export function dataFolder(path: string): void {
  closedFolder(path, process.getuid?.() === 0 ? 0o711 : 0o700);
}

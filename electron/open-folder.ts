/** Shows a folder in the system's file manager. */
import { spawn } from 'node:child_process';
import process from 'node:process';
import type { Shell } from 'electron';
import { FailureError } from '../contract/failure.ts';
import { sealed } from '../control/processes/sealed.ts';

/** ms within which xdg-open fails if it can't start a file manager; otherwise it may run for hours. */
const REFUSAL_LIMIT_MS = 2_000;

/** @throws FailureError `app.folderNotShown` */
export async function openFolder(shell: Pick<Shell, 'openPath'>, path: string): Promise<void> {
  const problem = await (process.platform === 'linux' ? askDesktop(path) : shell.openPath(path));
  if (problem === '') return;
  throw new FailureError({
    code: 'app.folderNotShown',
    message: `The folder could not be shown: ${problem}`,
    fix: `Open it by hand: ${path}`,
  });
}

/** On Linux, Electron's `openPath` blocks the main thread until xdg-open ends, on some desktops for hours. */
function askDesktop(path: string): Promise<string> {
  const { command, args } = sealed('xdg-open', [path]);
  const child = spawn(command, args, { detached: true, stdio: 'ignore' });
  child.unref();
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(''), REFUSAL_LIMIT_MS);
    const end = (problem: string) => {
      clearTimeout(timer);
      resolve(problem);
    };
    child.once('error', (error) => end(`xdg-open could not be started (${error.message}).`));
    child.once('exit', (code) => end(code === 0 ? '' : `xdg-open ended with code ${code}.`));
  });
}

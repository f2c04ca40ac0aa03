/** Shows a folder in the system's file manager. */
import { spawn } from 'node:child_process';
import process from 'node:process';
import type { Shell } from 'electron';
import { FailureError } from '../contract/failure.ts';
import { sealed } from '../control/processes/sealed.ts';

/** ms within which a file manager that can't be started says so; one that can may stay open for hours. */
const REFUSAL_LIMIT_MS = 2_000;

/** @throws FailureError `app.folderNotShown` */
export async function openFolder(shell: Pick<Shell, 'openPath'>, path: string): Promise<void> {
  const problem = await (process.platform === 'linux' ? askDesktop(path) : shell.openPath(path));
  if (problem === '') return;
  throw new FailureError({
    code: 'app.folderNotShown',
    message: `The folder could not be shown: ${problem}`,
    fix: `Open it yourself: ${path}`,
  });
}

/** Electron's `openPath` waits on Linux, in the main thread, until xdg-open ends: for some desktops that is when the file manager is closed. */
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

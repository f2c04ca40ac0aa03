/** The built browser frontend as a process of its own, with a data folder of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flashgrid, temporaryDataDir, type TerminalRun } from '../../support/terminal.ts';

export interface Face {
  readonly run: TerminalRun;
  readonly dataDir: string;
  /** With the token: opens a session. */
  readonly url: string;
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** Ends it as Ctrl-C would, waits until all that it started is gone, and removes the data folder. */
  close(): Promise<void>;
}

/** Starts `flashgrid serve` with the machine's own backends chosen. */
export async function startFrontend(): Promise<Face> {
  const { path, remove } = await temporaryDataDir();
  const dataDir = join(path, 'flashgrid');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'settings.json'), JSON.stringify({ provider: 'native' }));
  const run = flashgrid(dataDir, 'serve', '--port', '0');
  await run.printed(/http:\/\/\S+\s/);
  const url = /http:\/\/\S+/.exec(run.output())?.[0] ?? '';
  return {
    run,
    dataDir,
    url,
    origin: new URL(url).origin,
    close: async () => {
      if (run.child.exitCode === null && run.child.signalCode === null) run.child.kill('SIGINT');
      await run.ended();
      await remove();
    },
  };
}

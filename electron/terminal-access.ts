/** Lets `flashgrid status`, `attack`, `report`… reach the control centre of the open window, as they reach a `flashgrid serve`. */
import type { ControlCentre } from '../control/control-centre.ts';
import { removeInstance, writeInstance } from '../control/instance-file.ts';
import { startWebServer } from '../web/server.ts';

export interface TerminalAccessOptions {
  readonly centre: ControlCentre;
  readonly dataDir: string;
  readonly rendererDir: string;
  readonly version: string;
}

/** Listens on a free loopback port, behind a token that only this user's files hold. Returns the function that closes it. */
export async function openTerminalAccess(options: TerminalAccessOptions): Promise<() => Promise<void>> {
  const { centre, dataDir, rendererDir, version } = options;
  const frontend = await startWebServer({ centre, rendererDir, host: '127.0.0.1', port: 0 });
  centre.announceAccess({ url: frontend.url, token: frontend.token });
  try {
    await writeInstance(dataDir, { ...frontend, version });
  } catch (error) {
    // Nobody could find it: it must not listen either.
    await frontend.close();
    throw error;
  }
  return async () => {
    await removeInstance(dataDir);
    await frontend.close();
  };
}

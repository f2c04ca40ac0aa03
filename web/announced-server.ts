/** A web server whose address is in the instance file, so that other commands find this control centre. */
import type { Access } from '../contract/state.ts';
import { removeInstance, writeInstance } from '../control/instance-file.ts';
import { startWebServer, type WebServer, type WebServerOptions } from './server.ts';

export interface AnnouncedServerOptions extends WebServerOptions {
  readonly centre: WebServerOptions['centre'] & { announceAccess(access: Access): void };
  readonly dataDir: string;
  readonly version: string;
}

export interface AnnouncedServer extends WebServer {
  /** Removes the instance file, so that no other command connects. `close` does it too. */
  withdraw(): Promise<void>;
}

/**
 * Starts the server and writes the instance file with its token, which only this user can read.
 * @throws FailureError `web.portTaken`, `web.noSuchHost` when the address can't be had
 */
export async function startAnnouncedServer(options: AnnouncedServerOptions): Promise<AnnouncedServer> {
  const { centre, dataDir, version } = options;
  const server = await startWebServer(options);
  centre.announceAccess({ url: server.url, token: server.token });
  try {
    await writeInstance(dataDir, { ...server, version });
  } catch (error) {
    // No command could find the server: it must not listen.
    await server.close();
    throw error;
  }
  const withdraw = (): Promise<void> => removeInstance(dataDir);
  return {
    ...server,
    withdraw,
    close: async () => {
      await withdraw();
      await server.close();
    },
  };
}

/** A TCP proxy that can be cut: a backend that goes away and comes back, without touching the backend itself. */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

export interface TcpProxy {
  /** The URL with the proxy's address in place of its own. */
  readonly url: string;
  /** Breaks all connections; new ones are broken at once. */
  cut(): void;
  /** Lets connections through again, from now on to the port if one is given. */
  mend(port?: string): void;
  close(): Promise<void>;
}

/** Puts a proxy in front of the address that `url` names. */
export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let isCut = false;
  const track = (socket: Socket, other: () => Socket | undefined) => {
    sockets.add(socket);
    // A broken side shows as `close` next, which is all that counts here.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      other()?.destroy();
    });
  };
  const server = createServer((inner) => {
    if (isCut) {
      inner.destroy();
      return;
    }
    const outer = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    inner.setNoDelay(true);
    track(inner, () => outer);
    track(outer, () => inner);
    inner.pipe(outer).pipe(inner);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String(address.port);
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: proxied.href,
    cut: () => {
      isCut = true;
      destroyAll();
    },
    mend: (port = target.port) => {
      target.port = port;
      isCut = false;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        destroyAll();
      }),
  };
}

/** A TCP proxy that can be cut and stalled: a broker that goes away, or falls silent, without anybody stopping the real one. */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

export interface StallingProxy {
  /** The URL with the proxy's address in place of its own. */
  readonly url: string;
  /** Ends all connections, and each new one at once. */
  cut(): void;
  /** Lets nothing through any more, and keeps the connections open. */
  stall(): void;
  /** Lets nothing through on the connections that are open, and everything on new ones. */
  orphan(): void;
  /** Lets everything through again. */
  restore(): void;
  close(): Promise<void>;
}

/** A proxy on a free loopback port, in front of the address that `url` names. */
export async function startStallingProxy(url: string): Promise<StallingProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let state: 'open' | 'cut' | 'stalled' = 'open';
  const server = createServer((inner) => {
    if (state === 'cut') {
      inner.destroy();
      return;
    }
    const outer = connect({ host: target.hostname, port: Number(target.port || 5672), noDelay: true });
    inner.setNoDelay(true);
    const end = (): void => {
      for (const socket of [inner, outer]) {
        sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => void to.write(chunk));
      from.on('close', end);
      // Cutting resets the peer; `close` follows and ends both.
      from.on('error', () => undefined);
      if (state === 'stalled') from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const proxied = new URL(target);
  proxied.host = `127.0.0.1:${address.port}`;
  const each = (act: (socket: Socket) => void): void => {
    for (const socket of [...sockets]) act(socket);
  };
  return {
    url: proxied.href,
    cut: () => {
      state = 'cut';
      each((socket) => void socket.destroy());
    },
    stall: () => {
      state = 'stalled';
      each((socket) => void socket.pause());
    },
    orphan: () => {
      state = 'open';
      each((socket) => void socket.pause());
    },
    restore: () => {
      state = 'open';
      each((socket) => void socket.resume());
    },
    close: () => {
      each((socket) => void socket.destroy());
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

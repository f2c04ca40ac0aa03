/**
 * Loaded into a gateway or a worker before its own code (`--import`), and only while a link of it goes through
 * the proxy: connections to the addresses in FLASHGRID_REROUTE go to the proxy's port instead. The service
 * keeps its URLs. So the names that TLS checks, logins, and several nodes in one URL stay as they are, which a
 * URL with the proxy's address in it could not do.
 */
import { Socket } from 'node:net';
import { z } from 'zod';

export const REROUTE_VARIABLE = 'FLASHGRID_REROUTE';

/** `host:port` → port of the proxy on loopback. */
const routesSchema = z.record(z.string(), z.number().int());
export type Routes = z.infer<typeof routesSchema>;

/** How an address is looked up; IPv6 with or without its brackets. */
export function addressKey(host: string, port: number): string {
  return `${host.replace(/^\[|\]$/g, '').toLowerCase()}:${port}`;
}

type Connect = (this: Socket, ...args: unknown[]) => Socket;

/**
 * Has the sockets of this process connect to the proxy.
 * @returns the function that ends it
 */
export function reroute(routes: Routes): () => void {
  const ports = new Map(Object.entries(routes));
  const target: { connect: Connect } = Socket.prototype as unknown as { connect: Connect };
  const connect = target.connect;
  target.connect = function (this: Socket, ...args) {
    const [first, second] = args;
    const portOf = (host: unknown, port: unknown) =>
      ports.get(addressKey(typeof host === 'string' ? host : 'localhost', Number(port)));
    const changed = (options: unknown): unknown => {
      if (typeof options !== 'object' || options === null || !('port' in options)) return options;
      const port = portOf('host' in options ? options.host : undefined, options.port);
      // A copy: TLS reads the name of the certificate from the original.
      return port === undefined ? options : { ...options, host: '127.0.0.1', port };
    };
    // `net.connect` calls it with [options, callback], an array that Node marks: it must stay the same one.
    if (Array.isArray(first)) first[0] = changed(first[0]);
    else if (typeof first === 'object') args[0] = changed(first);
    else if (typeof second === 'string') {
      const port = portOf(second, first);
      if (port !== undefined) args.splice(0, 2, port, '127.0.0.1');
    } else {
      const port = portOf(undefined, first);
      if (port !== undefined) args[0] = port;
    }
    return connect.apply(this, args);
  };
  return () => {
    target.connect = connect;
  };
}

const given = process.env[REROUTE_VARIABLE];
if (given !== undefined) reroute(routesSchema.parse(JSON.parse(given)));

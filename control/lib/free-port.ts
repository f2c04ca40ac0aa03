/** Ports that nobody listens on. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { FailureError } from '../../contract/failure.ts';

/**
 * Below the ports that the system uses for outgoing connections (from 32768 on Linux, 49152 on macOS). Ten
 * thousand buyers use ten thousand of those, and a backend could not listen on one of them after a restart.
 */
const FIRST_PORT = 15_000;
const LAST_PORT = 29_999;
const MAX_TRIES = 500;

/** Whether a TCP server could listen on `port` of the loopback address now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      // The address itself is missing: no port is free.
      if (error.code === 'EADDRNOTAVAIL') reject(noLoopback(error));
      else resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function noLoopback(cause: Error): FailureError {
  return new FailureError(
    {
      code: 'machine.noLoopback',
      message: 'This machine has no address 127.0.0.1, on which backends, gateways and workers listen.',
      fix: 'Give the loopback interface its IPv4 address: `ip link set lo up; ip addr add 127.0.0.1/8 dev lo`.',
    },
    { cause },
  );
}

/**
 * `count` different free ports of the loopback address. Another program may still take one before it is used:
 * callers must be ready to choose again.
 * @throws Error when none is found
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === MAX_TRIES) throw new Error(`no ${count} free ports between ${FIRST_PORT} and ${LAST_PORT}`);
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (!ports.has(port) && (await isPortFree(port))) ports.add(port);
  }
  return [...ports];
}

/** Whether a gateway takes connections: an attack on nobody would be a million refused connections. */
import { connect } from 'node:net';
import { FailureError } from '../../../contract/failure.ts';

/** ms within which a gateway must take a connection. */
const REACH_LIMIT_MS = 3_000;

/**
 * Opens a connection to a base URL and closes it.
 * @param shop the name of a shop that is not ours
 * @throws FailureError `attack.targetUnreachable`
 */
export async function reachTarget(baseUrl: string, shop?: string): Promise<void> {
  const { hostname, port, protocol } = new URL(baseUrl);
  await new Promise<void>((resolve, reject) => {
    const socket = connect({
      // A URL writes IPv6 addresses in brackets.
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    });
    const fail = (why: string) => {
      socket.destroy();
      reject(
        new FailureError({
          code: 'attack.targetUnreachable',
          message: `The ${shop === undefined ? 'gateway' : `shop ${shop}`} at ${baseUrl} does not take connections: ${why}.`,
          fix:
            shop === undefined
              ? 'Wait until the services are running, or look at the log of the gateway, then start the attack again.'
              : 'Start the shop, or correct "url" in the adapter, then start the attack again.',
        }),
      );
    };
    socket.setTimeout(REACH_LIMIT_MS, () => fail(`no answer within ${REACH_LIMIT_MS / 1000} s`));
    socket.once('error', (error) => fail(error.message));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

import { BACKEND_TITLES } from '../../contract/backends.ts';
/**
 * A backend that has ended while the cluster counts as running, and did not come back when it was started
 * again.
 */
import { FailureError } from '../../contract/failure.ts';
import type { Cluster } from './cluster.ts';
import { commandLine } from '../lib/command-line.ts';

/**
 * The failure that names the backends that are lost; `undefined` while all are there, or are being started
 * again.
 */
export function backendDown(cluster: Pick<Cluster, 'backends'>): FailureError | undefined {
  const down = cluster.backends().filter((backend) => backend.state === 'failed');
  if (down.length === 0) return undefined;
  const names = down.map((backend) => BACKEND_TITLES[backend.role]).join(' and ');
  return new FailureError({
    code: 'cluster.backendDown',
    message: `${names} ${down.length === 1 ? 'has' : 'have'} ended and could not be started again: ${down.map(({ detail = 'see the logs' }) => detail).join(' ')}`,
    fix: 'Remove the cause: FlashGrid keeps trying. Or stop the cluster and start it again; its data is kept.',
  });
}

/**
 * The failure that names the backends that are being started again now: whoever needs them waits a moment.
 */
export function backendRestarting(cluster: Pick<Cluster, 'backends'>): FailureError | undefined {
  const away = cluster.backends().filter((backend) => backend.state === 'restarting');
  if (away.length === 0) return undefined;
  const names = away.map((backend) => BACKEND_TITLES[backend.role]).join(' and ');
  return new FailureError({
    code: 'cluster.backendRestarting',
    message: `${names} ${away.length === 1 ? 'is' : 'are'} being started again.`,
    fix: `Wait until it serves again; \`${commandLine('status')}\` shows it.`,
  });
}

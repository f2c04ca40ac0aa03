/**
 * A backend that has ended while the cluster counts as running, and did not come back when it was started
 * again.
 */
import { lostText } from '../../contract/backends.ts';
import { FailureError } from '../../contract/failure.ts';
import type { Cluster } from './cluster.ts';
import { commandLine } from '../lib/command-line.ts';

/**
 * The failure that names the backends that are lost; `undefined` while all are there, or are being started
 * again.
 */
export function backendDown(cluster: Pick<Cluster, 'backends'>): FailureError | undefined {
  const backends = cluster.backends();
  const lost = lostText(backends, 'failed');
  if (lost === undefined) return undefined;
  const why = backends.filter(({ state }) => state === 'failed').map(({ detail = 'see the logs' }) => detail);
  return new FailureError({
    code: 'cluster.backendDown',
    message: `${lost} and could not be started again: ${why.join(' ')}`,
    fix: 'Remove the cause: FlashGrid keeps trying. Or stop the cluster and start it again; its data is kept.',
  });
}

/**
 * The failure that names the backends that are being started again now: whoever needs them waits a moment.
 */
export function backendRestarting(cluster: Pick<Cluster, 'backends'>): FailureError | undefined {
  const lost = lostText(cluster.backends(), 'restarting');
  if (lost === undefined) return undefined;
  return new FailureError({
    code: 'cluster.backendRestarting',
    message: `${lost}.`,
    fix: `Wait until it serves again; \`${commandLine('status')}\` shows it.`,
  });
}

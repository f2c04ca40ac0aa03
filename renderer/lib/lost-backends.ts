/** Texts about backends that don't serve while the cluster is running: which, why, and what happens next. */
import type { ClusterState } from '../../contract/contract.ts';
import { BACKEND_TITLES } from '../../contract/backends.ts';

type Health = Pick<ClusterState, 'state' | 'backends'>;
type Unwell = 'failed' | 'restarting' | 'unhealthy';

/** The worst state first: its words for one backend and for several, and what happens next. */
const KINDS: readonly (readonly [state: Unwell, one: string, several: string, next: string])[] = [
  [
    'failed',
    'has ended',
    'have ended',
    'FlashGrid keeps trying to start it; the logs show why it fails. Accepted reservations are kept.',
  ],
  ['restarting', 'is being restarted', 'are being restarted', 'Accepted reservations are kept meanwhile.'],
  [
    'unhealthy',
    'does not serve',
    'do not serve',
    'Accepted reservations are kept. Work goes on by itself once the cause is gone.',
  ],
];

/** `Redis has ended. RabbitMQ does not serve.`; undefined if all serve or the cluster is not running. */
export function lostBackends({ state, backends }: Health): string | undefined {
  if (state !== 'running') return undefined;
  const sentences = KINDS.flatMap(([kind, one, several]) => {
    const names = backends
      .filter((backend) => backend.state === kind)
      .map(({ role }) => BACKEND_TITLES[role]);
    if (names.length === 0) return [];
    return [`${names.join(' and ')} ${names.length === 1 ? one : several}.`];
  });
  return sentences.length === 0 ? undefined : sentences.join(' ');
}

/** The reason of each backend, and what happens next; undefined when all serve. */
export function lostBackendDetail({ state, backends }: Health): string | undefined {
  const kind = KINDS.find(([sick]) => backends.some((backend) => backend.state === sick));
  if (state !== 'running' || kind === undefined) return undefined;
  const reasons = backends.flatMap((backend) =>
    KINDS.some(([sick]) => sick === backend.state) && backend.detail !== undefined ? [backend.detail] : [],
  );
  return [...reasons, kind[3]].join(' ');
}

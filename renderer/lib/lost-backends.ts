/** Texts about backends that don't serve while the cluster is running: which, why, and what happens next. */
import type { ClusterState } from '../../contract/state.ts';
import { lostText, type LostState } from '../../contract/backends.ts';

type Health = Pick<ClusterState, 'state' | 'backends'>;

/** The worst state first, with what happens next. */
const KINDS: readonly (readonly [state: LostState, next: string])[] = [
  [
    'failed',
    'FlashGrid keeps trying to start it; the logs show why it fails. Accepted reservations are kept.',
  ],
  ['restarting', 'Accepted reservations are kept meanwhile.'],
  ['unhealthy', 'Accepted reservations are kept. Work goes on by itself once the cause is gone.'],
];

/** `Redis has ended. RabbitMQ does not serve.`; undefined if all serve or the cluster is not running. */
export function lostBackends({ state, backends }: Health): string | undefined {
  if (state !== 'running') return undefined;
  const sentences = KINDS.flatMap(([kind]) => {
    const text = lostText(backends, kind);
    return text === undefined ? [] : [`${text}.`];
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
  return [...reasons, kind[1]].join(' ');
}

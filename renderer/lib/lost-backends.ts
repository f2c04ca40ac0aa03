/** A backend that does not serve while the cluster counts as running: every page must say which, why, and what happens next. */
import type { ClusterState } from '../../contract/contract.ts';
import { BACKEND_NAMES } from './parts.ts';

type Told = Pick<ClusterState, 'state' | 'backends'>;
type Sick = 'failed' | 'restarting' | 'unhealthy';

/** The worst first: what it is called for one backend and for several, and what happens next. */
const KINDS: readonly (readonly [state: Sick, one: string, several: string, next: string])[] = [
  [
    'failed',
    'has ended',
    'have ended',
    'FlashGrid goes on trying to start it; the logs say what keeps it from it. What was accepted is kept.',
  ],
  ['restarting', 'is being restarted', 'are being restarted', 'What was accepted is kept meanwhile.'],
  [
    'unhealthy',
    'does not serve',
    'do not serve',
    'What was accepted is kept; all goes on by itself once the cause is gone.',
  ],
];

/** `Redis has ended. RabbitMQ does not serve.`; undefined while all backends serve, or are meant to be away. */
export function lostBackends({ state, backends }: Told): string | undefined {
  if (state !== 'running') return undefined;
  const sentences = KINDS.flatMap(([kind, one, several]) => {
    const names = backends.filter((backend) => backend.state === kind).map(({ role }) => BACKEND_NAMES[role]);
    if (names.length === 0) return [];
    return [`${names.join(' and ')} ${names.length === 1 ? one : several}.`];
  });
  return sentences.length === 0 ? undefined : sentences.join(' ');
}

/** Why, backend by backend, and what happens next; undefined when all serve. */
export function lostBackendDetail({ state, backends }: Told): string | undefined {
  const kind = KINDS.find(([sick]) => backends.some((backend) => backend.state === sick));
  if (state !== 'running' || kind === undefined) return undefined;
  const reasons = backends.flatMap((backend) =>
    KINDS.some(([sick]) => sick === backend.state) && backend.detail !== undefined ? [backend.detail] : [],
  );
  return [...reasons, kind[3]].join(' ');
}

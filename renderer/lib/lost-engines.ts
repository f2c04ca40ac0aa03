/** A backend that ended while the cluster counts as running and could not be started again: every page must say what to do. */
import type { ClusterState } from '../../electron/control/contract.ts';
import { ENGINE_NAMES } from './parts.ts';

/** `Redis has ended.`; undefined while all engines are there, or are meant to be away. */
export function lostEngines({ state, engines }: Pick<ClusterState, 'state' | 'engines'>): string | undefined {
  const lost = engines.filter((engine) => engine.state === 'failed');
  if (state !== 'running' || lost.length === 0) return undefined;
  return `${lost.map(({ role }) => ENGINE_NAMES[role]).join(' and ')} ${lost.length === 1 ? 'has' : 'have'} ended.`;
}

export const LOST_ENGINE_FIX =
  'FlashGrid goes on trying to start it; the Control page and the logs say what keeps it from it.';

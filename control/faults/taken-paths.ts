/** What a fault made the engine do: the rare paths taken since. */
import { RARE_PATHS, type Coverage, type RarePath } from '../../services/shared/rare-paths.ts';
import { plural } from '../../contract/format.ts';
import type { FaultTools } from './fault.ts';

/** @returns the rare paths of the list that were taken since this call, as a sentence; empty when none was */
export function watchPaths({ supervisor }: Pick<FaultTools, 'supervisor'>, paths: readonly RarePath[]) {
  const before: Coverage = supervisor.totals.coverage();
  return (): string => {
    const now = supervisor.totals.coverage();
    const taken = paths
      .map((path) => [path, (now[path] ?? 0) - (before[path] ?? 0)] as const)
      .filter(([, times]) => times > 0)
      .map(([path, times]) => `${RARE_PATHS[path].title} (${plural(times, 'time')})`);
    return taken.length === 0 ? '' : ` Seen: ${taken.join(', ')}.`;
  };
}

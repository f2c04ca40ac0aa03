/** Rare paths that a test must have taken. tests/structure/rare-paths.test.ts reads the calls. */
import { expect } from 'vitest';
import { taken, type Coverage, type RarePath } from '../../services/shared/rare-paths.ts';
import { noteTaken } from './taken-log.ts';

/** Fails when one of the paths did not occur. */
export function expectTaken(coverage: Coverage, ...paths: readonly RarePath[]): void {
  noteTaken(coverage);
  expect(
    paths.filter((path) => !((coverage[path] ?? 0) > 0)),
    `not taken, but these were: ${JSON.stringify(coverage)}`,
  ).toEqual([]);
}

/** What a service whose counters can't be reached says at /metrics. */
export async function coverageAt(url: string): Promise<Coverage> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const lines = metrics.matchAll(/_rare_paths_total\{path="(\w+)"\} (\d+)/g);
  return taken(Object.fromEntries([...lines].map(([, path, count]) => [path, Number(count)])));
}

/** Rare paths that a test must have taken. tests/structure/rare-paths.test.ts reads the calls. */
import { expect } from 'vitest';
import type { Coverage, RarePath } from '../../services/shared/rare-paths.ts';

/** Fails when one of the paths did not occur. */
export function expectTaken(coverage: Coverage, ...paths: readonly RarePath[]): void {
  expect(
    paths.filter((path) => !((coverage[path] ?? 0) > 0)),
    `not taken, but these were: ${JSON.stringify(coverage)}`,
  ).toEqual([]);
}

/**
 * The rare paths of the engine that a run took, for every frontend and export: a pass proves little if nothing
 * interesting happened. The table of paths: services/shared/rare-paths.ts.
 */
import {
  RARE_PATHS,
  RARE_PATH_IDS,
  addCoverages,
  isRarePath,
  type Coverage,
  type RarePath,
} from '../services/shared/rare-paths.ts';
import { whole } from './format.ts';

/** As a record has it: a version before or after this one may know other paths. */
export type CoverageRecord = Readonly<Record<string, number>>;

/** What was taken between two readings of the same totals. */
export function coverageSince(before: Coverage, now: Coverage): Coverage {
  const counts = RARE_PATH_IDS.map((id) => [id, (now[id] ?? 0) - (before[id] ?? 0)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** Each path that was taken, in words, with its count; in the order of the table. */
export function coverageRows(coverage: CoverageRecord): (readonly [title: string, count: string])[] {
  const known = RARE_PATH_IDS.flatMap((id) => {
    const count = coverage[id];
    return count === undefined ? [] : [[RARE_PATHS[id].title, whole(count)] as const];
  });
  const others = Object.entries(coverage).filter(([id]) => !isRarePath(id));
  return [...known, ...others.map(([id, count]) => [id, whole(count)] as const)];
}

/** All of it in one line; `undefined` for a record of a version that did not count. */
export function coverageText(coverage: CoverageRecord | undefined): string | undefined {
  if (!coverage) return undefined;
  const rows = coverageRows(coverage);
  if (rows.length === 0) return 'No rare path was taken.';
  return `Rare paths taken: ${rows.map(([title, count]) => `${title} ${count}`).join(', ')}.`;
}

/** What many runs took together, and which paths of the table none of them took. */
export function mergeCoverages(runs: Iterable<CoverageRecord | undefined>): {
  readonly taken: Coverage;
  readonly never: readonly RarePath[];
} {
  const taken = addCoverages(runs);
  return { taken, never: RARE_PATH_IDS.filter((id) => taken[id] === undefined) };
}

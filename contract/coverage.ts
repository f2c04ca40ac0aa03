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

/** Each path that was taken, in words, with its count; the most frequent first. */
export function coverageRows(coverage: CoverageRecord): (readonly [title: string, count: string])[] {
  return Object.entries(coverage)
    .sort(([, one], [, other]) => other - one)
    .map(([id, count]) => [isRarePath(id) ? RARE_PATHS[id].title : id, whole(count)] as const);
}

/**
 * The paths in one line; `undefined` for a record of a version that did not count.
 * @param most how many are named; the rest is only counted
 */
export function coverageText(coverage: CoverageRecord | undefined, most = Infinity): string | undefined {
  if (!coverage) return undefined;
  const rows = coverageRows(coverage);
  if (rows.length === 0) return 'No rare path was taken.';
  const named = rows.slice(0, most).map(([title, count]) => `${title} (${count})`);
  const left = rows.length - named.length;
  return `Rare paths taken: ${named.join(', ')}${left > 0 ? ` and ${whole(left)} more` : ''}.`;
}

/** What many runs took together, and which paths of the table none of them took. */
export function mergeCoverages(runs: Iterable<CoverageRecord | undefined>): {
  readonly taken: Coverage;
  readonly never: readonly RarePath[];
} {
  const taken = addCoverages(runs);
  return { taken, never: RARE_PATH_IDS.filter((id) => taken[id] === undefined) };
}

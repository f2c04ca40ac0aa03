import { coverageText, type CoverageRecord } from '../../contract/coverage.ts';
import classes from './rare-paths.module.css';

/** The facts of the run have them all. */
const MOST_NAMED = 3;

/** The rare paths of the engine that a run took most, in a line; nothing for a run that did not count them. */
export function RarePaths({ coverage }: { readonly coverage: CoverageRecord | undefined }) {
  const text = coverageText(coverage, MOST_NAMED);
  return text === undefined ? null : <p className={classes.line}>{text}</p>;
}

import { coverageText, type CoverageRecord } from '../../contract/coverage.ts';
import classes from './rare-paths.module.css';

/** Which rare paths of the engine a run took, in a line; nothing for a run that did not count them. */
export function RarePaths({ coverage }: { readonly coverage: CoverageRecord | undefined }) {
  const text = coverageText(coverage);
  return text === undefined ? null : <p className={classes.line}>{text}</p>;
}

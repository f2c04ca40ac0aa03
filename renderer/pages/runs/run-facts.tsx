import type { RunRecord } from '../../../contract/run-record.ts';
import { factGroups } from '../../../contract/run-text.ts';
import classes from './run-facts.module.css';

/** The rest of a record: audit, load, settings and environment. */
export function RunFacts({ record }: { readonly record: RunRecord }) {
  return (
    <div className={classes.groups}>
      {factGroups(record).map(({ title, facts, isWide }) => (
        <section
          key={title}
          className={`panel ${classes.group} ${isWide ? classes.wide : ''}`}
          aria-label={title}
        >
          <h2>{title}</h2>
          <dl className="facts">
            {facts.map(([label, value]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

import { plural, whole } from '../../../contract/format.ts';
import { latencyClasses } from '../../../contract/run-figures.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import classes from './latency-histogram.module.css';

/** How many answers took how long. */
export function LatencyHistogram({ record }: { readonly record: RunRecord }) {
  const rows = latencyClasses(record);
  if (rows.length === 0) return null;
  const most = Math.max(...rows.map(({ count }) => count));
  return (
    <section className="panel" aria-label="Latency histogram">
      <div className="panel-head">
        <h2>Latency histogram</h2>
        <span className="muted small">
          {plural(
            rows.reduce((sum, { count }) => sum + count, 0),
            'answer',
          )}
          , by how long they took
        </span>
      </div>
      <dl className={classes.rows}>
        {rows.map(({ label, count }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <span className={classes.bar} style={{ width: `${(100 * count) / most}%` }} aria-hidden />
              <span>{whole(count)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

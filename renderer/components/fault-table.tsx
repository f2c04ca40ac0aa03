import { TableHead } from './text-table.tsx';
import type { RunRecord } from '../../contract/run-record.ts';
import { FAULT_COLUMNS, faultRows } from '../../contract/run-text.ts';
import classes from './fault-table.module.css';
import { StateMark } from './state-mark.tsx';

/** What a run broke on purpose, and what came of it; nothing for a run without a fault. */
export function FaultTable({ record }: { readonly record: Pick<RunRecord, 'faults'> }) {
  const rows = faultRows(record);
  if (rows.length === 0) return null;
  return (
    <section className={`panel ${classes.panel}`} aria-label="Faults">
      <h2>Faults</h2>
      <div className={classes.scroll} tabIndex={0} role="region" aria-label="Table of faults">
        <table className={classes.table}>
          <TableHead titles={FAULT_COLUMNS} />
          <tbody>
            {rows.map(({ moment, title, fault, effect, hadEffect, word }, at) => (
              // Outcomes have no names, and never change.
              <tr key={at}>
                <th scope="row">{moment}</th>
                <td>
                  {title} <code className="mono">{fault}</code>
                </td>
                <td>{effect}</td>
                <td>
                  <StateMark tone={hadEffect ? 'good' : 'bad'}>{word}</StateMark>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

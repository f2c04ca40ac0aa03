import { whole } from '../../contract/format.ts';
import {
  IconChevronRight,
  IconCircleCheckFilled,
  IconHelpCircleFilled,
  IconSquareRoundedXFilled,
} from '@tabler/icons-react';
import { CHECKS } from '../../contract/checks.ts';
import type { Check } from '../../contract/run-record.ts';
import { WitnessTable } from './witness-table.tsx';
import classes from './check-list.module.css';

interface CheckListProps {
  readonly checks: readonly Check[];
  /** Side by side, with short names; the evidence shows the full title. */
  readonly isGrid?: boolean;
}

/** The checks of an audit, each with its evidence. Failed ones are open and show their witness. */
export function CheckList({ checks, isGrid = false }: CheckListProps) {
  return (
    <ul className={classes.list} data-grid={isGrid}>
      {checks.map((check) => (
        <li key={check.id} data-wide={check.evidence.witness !== undefined}>
          <details
            className={classes.check}
            open={!check.ok}
            data-ok={check.ok}
            data-undecided={check.isOpen ?? false}
          >
            <summary>
              {check.ok ? (
                <IconCircleCheckFilled className={classes.mark} size="1.25rem" aria-hidden />
              ) : check.isOpen === true ? (
                <IconHelpCircleFilled className={classes.mark} size="1.25rem" aria-hidden />
              ) : (
                <IconSquareRoundedXFilled className={classes.mark} size="1.25rem" aria-hidden />
              )}
              <span className={classes.title}>
                {isGrid ? CHECKS[check.id].shortName : check.title}
                <span className="sr-only">
                  {check.ok ? ', proven' : check.isOpen === true ? ', undecided' : ', failed'}
                </span>
              </span>
              <IconChevronRight className={classes.chevron} size="1rem" aria-hidden />
            </summary>
            <div className={classes.evidence}>
              {isGrid ? <p className={classes.full}>{check.title}.</p> : null}
              <p>{check.evidence.summary}</p>
              {check.evidence.witness ? <WitnessTable {...check.evidence.witness} /> : null}
              <dl>
                {Object.entries(check.evidence.counts).map(([name, value]) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd>{Number.isInteger(value) ? whole(value) : value.toFixed(3)}</dd>
                  </div>
                ))}
              </dl>
              {check.evidence.offenders.length === 0 ? null : (
                <p className="mono">{check.evidence.offenders.join(', ')}</p>
              )}
            </div>
          </details>
        </li>
      ))}
    </ul>
  );
}

import { whole } from '../../contract/format.ts';
import {
  IconChevronRight,
  IconCircleCheckFilled,
  IconCircleMinus,
  IconHelpCircleFilled,
  IconSquareRoundedXFilled,
} from '@tabler/icons-react';
import { CHECKS, checkState } from '../../contract/checks.ts';
import type { Check } from '../../contract/run-record.ts';
import { WitnessTable } from './witness-table.tsx';
import classes from './check-list.module.css';

const marks = {
  passed: { Icon: IconCircleCheckFilled, word: 'proven', status: 'ok' },
  open: { Icon: IconHelpCircleFilled, word: 'undecided', status: 'warning' },
  failed: { Icon: IconSquareRoundedXFilled, word: 'failed', status: 'missing' },
  notJudged: { Icon: IconCircleMinus, word: 'not judged', status: 'none' },
} as const;

interface CheckListProps {
  readonly checks: readonly Check[];
  /** Side by side, with short names; the evidence shows the full title. */
  readonly isGrid?: boolean;
}

/** The checks of an audit, each with its evidence. Failed ones are open and show their witness. */
export function CheckList({ checks, isGrid = false }: CheckListProps) {
  return (
    <ul className={classes.list} data-grid={isGrid}>
      {checks.map((check) => {
        const state = checkState(check);
        const { Icon, word, status } = marks[state];
        return (
          <li key={check.id} data-wide={check.evidence.witness !== undefined}>
            <details className={classes.check} open={!check.ok && state !== 'notJudged'} data-status={status}>
              <summary>
                <Icon className="tone" size="1.25rem" aria-hidden />
                <span className={classes.title}>
                  {state === 'notJudged' ? 'Not judged: ' : ''}
                  {isGrid ? CHECKS[check.id].shortName : check.title}
                  <span className="sr-only">, {word}</span>
                </span>
                <IconChevronRight className={classes.chevron} size="1rem" aria-hidden />
              </summary>
              <div className={`muted small ${classes.evidence}`}>
                {isGrid ? <p className={classes.full}>{check.title}.</p> : null}
                <p>{check.evidence.summary}</p>
                {check.evidence.witness ? <WitnessTable {...check.evidence.witness} /> : null}
                <dl className="facts">
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
        );
      })}
    </ul>
  );
}

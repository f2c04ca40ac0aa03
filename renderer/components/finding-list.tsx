import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import type { Finding } from '../../contract/state.ts';
import classes from './finding-list.module.css';

const marks = {
  ok: { Icon: IconCircleCheck, word: 'ok' },
  warning: { Icon: IconAlertTriangle, word: 'warning' },
  missing: { Icon: IconCircleX, word: 'missing' },
} as const;

interface FindingListProps {
  readonly findings: readonly Finding[];
  /** Also shows where each thing was found. */
  readonly withPaths?: boolean;
}

/** The findings of the doctor, each with its fix. */
export function FindingList({ findings, withPaths = false }: FindingListProps) {
  return (
    <ul className={classes.list}>
      {findings.map((finding) => {
        const { Icon, word } = marks[finding.status];
        return (
          <li key={finding.id} className={classes.finding} data-status={finding.status}>
            <Icon className="tone" size="1.1875rem" aria-hidden />
            <div>
              <p>
                <strong>{finding.title}</strong>
                <span className="sr-only">, {word}</span>
                {finding.version === undefined ? null : <span className="muted"> {finding.version}</span>}
              </p>
              <p className="muted wrapped">{finding.detail}</p>
              {withPaths && finding.path !== undefined ? (
                <p className="mono muted wrapped">{finding.path}</p>
              ) : null}
              {finding.fix === undefined ? null : <p className={`wrapped ${classes.fix}`}>{finding.fix}</p>}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

import { IconAlertTriangle, IconCheck, IconX } from '@tabler/icons-react';
import { verdictShown, type Judged } from '../../contract/verdict-text.ts';
import classes from './verdict-badge.module.css';

const icons = { pass: IconCheck, fail: IconX, invalid: IconAlertTriangle } as const;

export function VerdictBadge({ run }: { readonly run: Judged }) {
  const Icon = icons[run.verdict];
  return (
    <span className={classes.badge} data-verdict={run.verdict}>
      <Icon size="0.875rem" stroke={2.5} aria-hidden />
      {verdictShown(run)}
    </span>
  );
}

import { IconAlertTriangle, IconCheck, IconX } from '@tabler/icons-react';
import type { Verdict } from '../../electron/control/report/run-record.ts';
import { VERDICT_WORDS } from '../../electron/control/report/verdict-text.ts';
import classes from './verdict-badge.module.css';

const icons = { pass: IconCheck, fail: IconX, invalid: IconAlertTriangle } as const;

export function VerdictBadge({ verdict }: { readonly verdict: Verdict }) {
  const Icon = icons[verdict];
  return (
    <span className={classes.badge} data-verdict={verdict}>
      <Icon size="0.875rem" stroke={2.5} aria-hidden />
      {VERDICT_WORDS[verdict]}
    </span>
  );
}

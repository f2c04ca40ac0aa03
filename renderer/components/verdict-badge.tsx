import { IconAlertTriangle, IconCheck, IconX } from '@tabler/icons-react';
import type { Verdict } from '../../electron/control/report/run-record.ts';
import classes from './verdict-badge.module.css';

const words = {
  pass: { Icon: IconCheck, word: 'proven' },
  fail: { Icon: IconX, word: 'failed' },
  invalid: { Icon: IconAlertTriangle, word: 'not valid' },
} as const;

export function VerdictBadge({ verdict }: { readonly verdict: Verdict }) {
  const { Icon, word } = words[verdict];
  return (
    <span className={classes.badge} data-verdict={verdict}>
      <Icon size="0.875rem" stroke={2.5} aria-hidden />
      {word}
    </span>
  );
}

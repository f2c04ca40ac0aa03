import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import type { Failure } from '../../electron/control/cluster/cluster.ts';

/** Shows an expected failure: what failed, and what to do next. Stays until it is put away: nobody reads in five seconds. */
export function notifyFailure(failure: Failure): void {
  notifications.show({
    // The same failure twice is shown once.
    id: failure.code,
    title: failure.message,
    message: failure.fix,
    color: 'red',
    icon: <IconAlertTriangle size="1.125rem" aria-hidden />,
    autoClose: false,
    role: 'alert',
    closeButtonProps: { 'aria-label': 'Close this message' },
  });
}

export function notifyDone(message: string): void {
  notifications.show({
    message,
    icon: <IconCheck size="1.125rem" aria-hidden />,
    autoClose: 4_000,
    closeButtonProps: { 'aria-label': 'Close this message' },
  });
}

import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import type { Failure } from '../../contract/failure.ts';

/** ms that a failure stays: long enough to read it. It stays longer while the pointer is on it. */
const FAILURE_SHOWN_MS = 45_000;

/**
 * Shows an expected failure and its fix.
 * @param id a second failure with the same id replaces the first, and `clearFailure` removes it
 */
export function notifyFailure(failure: Failure, id: string = failure.code): void {
  // Further lines list where something was searched; the doctor shows those.
  const [headline = failure.message] = failure.message.split('\n');
  const shown = {
    id,
    title: headline,
    message: failure.fix,
    color: 'red',
    icon: <IconAlertTriangle size="1.125rem" aria-hidden />,
    autoClose: FAILURE_SHOWN_MS,
    role: 'alert',
    closeButtonProps: { 'aria-label': 'Close this message' },
  };
  notifications.hide(id);
  notifications.show(shown);
}

/** Removes the failure with this id, if it is still shown. */
export function clearFailure(id: string): void {
  notifications.hide(id);
}

export function notifyDone(message: string): void {
  notifications.show({
    message,
    icon: <IconCheck size="1.125rem" aria-hidden />,
    autoClose: 4_000,
    closeButtonProps: { 'aria-label': 'Close this message' },
  });
}

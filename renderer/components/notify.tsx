import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import type { Failure } from '../../contract/failure.ts';

/** ms that a failure stays. Long, because nobody reads it in five seconds; it waits while the pointer is on it. */
const FAILURE_SHOWN_MS = 45_000;

/**
 * Shows an expected failure: what failed, and what to do next.
 * @param id what it is about: a second failure of the same thing takes the first one's place, a success removes it
 */
export function notifyFailure(failure: Failure, id: string = failure.code): void {
  // Where it was looked is for the doctor; one line is what a person reads here.
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

/** Removes the failure that `id` names, if it is still there. */
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

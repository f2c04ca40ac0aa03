import { Button } from '@mantine/core';
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

/** @param undo takes it back; the message then stays long enough to decide */
export function notifyDone(message: string, undo?: () => void): void {
  const id = message;
  const takeBack = (): void => {
    notifications.hide(id);
    undo?.();
  };
  notifications.show({
    id,
    message: undo ? (
      <>
        {message}{' '}
        <Button size="compact-sm" variant="default" onClick={takeBack}>
          Undo
        </Button>
      </>
    ) : (
      message
    ),
    icon: <IconCheck size="1.125rem" aria-hidden />,
    autoClose: undo ? FAILURE_SHOWN_MS : 4_000,
    closeButtonProps: { 'aria-label': 'Close this message' },
  });
}

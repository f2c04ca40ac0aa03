import { Button, Modal, type ButtonProps } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import classes from './confirm-button.module.css';

interface ConfirmButtonProps extends ButtonProps {
  readonly children: ReactNode;
  /** Accessible name, if the label alone is ambiguous. */
  readonly name?: string;
  readonly title: string;
  /** What happens, and what can't be undone. */
  readonly text: ReactNode;
  readonly confirmLabel: string;
  /** The dialog stays open until it resolves. */
  readonly onConfirm: () => Promise<unknown>;
}

/** A button that asks for confirmation in a dialog. */
export function ConfirmButton({
  children,
  name,
  title,
  text,
  confirmLabel,
  onConfirm,
  ...button
}: ConfirmButtonProps) {
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    await onConfirm();
    setBusy(false);
    setOpen(false);
  };
  return (
    <>
      <Button
        {...button}
        {...(name === undefined ? {} : { 'aria-label': name })}
        onClick={() => setOpen(true)}
      >
        {children}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        title={title}
        centered
        lockScroll={false}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <div className={classes.text}>{text}</div>
        <div className={classes.actions}>
          <Button variant="default" onClick={() => setOpen(false)} data-autofocus>
            Cancel
          </Button>
          <Button color="red" loading={isBusy} onClick={() => void confirm()}>
            {confirmLabel}
          </Button>
        </div>
      </Modal>
    </>
  );
}

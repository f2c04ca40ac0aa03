import { Button, Group, Modal, type ButtonProps } from '@mantine/core';
import { useState, type ReactNode } from 'react';

interface ConfirmDialogProps {
  readonly title: string;
  /** What happens, and what can't be undone. */
  readonly text: ReactNode;
  readonly confirmLabel: string;
  /** The dialog stays open until it resolves. */
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly isOpen?: boolean;
}

/** A dialog that asks for confirmation. */
export function ConfirmDialog({
  title,
  text,
  confirmLabel,
  onConfirm,
  onClose,
  isOpen = true,
}: ConfirmDialogProps) {
  const [isBusy, setBusy] = useState(false);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    await onConfirm();
    setBusy(false);
    onClose();
  };
  return (
    <Modal opened={isOpen} onClose={onClose} title={title}>
      <div className="muted">{text}</div>
      <Group justify="flex-end" gap="sm" mt="lg">
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button color="red" loading={isBusy} onClick={() => void confirm()}>
          {confirmLabel}
        </Button>
      </Group>
    </Modal>
  );
}

interface ConfirmButtonProps extends ButtonProps, Omit<ConfirmDialogProps, 'isOpen' | 'onClose'> {
  readonly children: ReactNode;
  /** Accessible name, if the label alone is ambiguous. */
  readonly name?: string;
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
  return (
    <>
      <Button
        {...button}
        {...(name === undefined ? {} : { 'aria-label': name })}
        onClick={() => setOpen(true)}
      >
        {children}
      </Button>
      <ConfirmDialog {...{ title, text, confirmLabel, onConfirm, isOpen }} onClose={() => setOpen(false)} />
    </>
  );
}

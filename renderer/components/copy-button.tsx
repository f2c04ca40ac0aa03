import { Button } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import type { Failure } from '../../contract/failure.ts';
import { copyText } from '../lib/copy-text.ts';
import { notifyFailure } from './notify.tsx';

const COPIED_MS = 2_000;

interface CopyButtonProps {
  readonly text: string;
  readonly label: string;
  /** Accessible name, if the label alone is ambiguous. */
  readonly name?: string;
}

/** Copies a text, and says for a moment that it did. */
export function CopyButton({ text, label, name }: CopyButtonProps) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async (): Promise<void> => {
    const isDone = await copyText(text);
    setCopied(isDone);
    if (!isDone) notifyFailure(NOT_COPIED);
  };
  return (
    <Button
      size="compact-sm"
      variant="default"
      {...(name === undefined ? {} : { 'aria-label': isCopied ? `Copied: ${name}` : name })}
      leftSection={isCopied ? <IconCheck size={15} aria-hidden /> : <IconCopy size={15} aria-hidden />}
      onClick={() => void copy()}
    >
      {isCopied ? 'Copied' : label}
    </Button>
  );
}

const NOT_COPIED: Failure = {
  code: 'frontend.notCopied',
  message: 'The text could not be copied.',
  fix: 'Select it here and copy it by hand.',
};

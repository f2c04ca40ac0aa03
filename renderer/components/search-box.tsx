import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useRef } from 'react';
import { useShortcuts } from '../lib/shortcuts.ts';

interface SearchBoxProps {
  readonly label: string;
  readonly className: string | undefined;
  readonly value: string;
  readonly onChange: (text: string) => void;
}

/** The search of a page; the `/` key moves the focus to it. */
export function SearchBox({ label, className, value, onChange }: SearchBoxProps) {
  const input = useRef<HTMLInputElement>(null);
  useShortcuts([{ key: '/', label: 'Search', run: () => input.current?.focus() }]);
  return (
    <TextInput
      ref={input}
      className={className ?? ''}
      aria-label={label}
      // Says what the key does; the label is for screen readers.
      placeholder="Search  ( / )"
      leftSection={<IconSearch size={17} aria-hidden />}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

import { Chip, Group } from '@mantine/core';
import classes from './part-filter.module.css';

interface PartFilterProps {
  readonly all: readonly string[];
  readonly selected: readonly string[];
  readonly onChange: (parts: readonly string[]) => void;
}

/** Chooses the parts whose lines are shown; none chosen means all. */
export function PartFilter({ all, selected, onChange }: PartFilterProps) {
  if (all.length === 0) return null;
  const toggle = (part: string): void =>
    onChange(selected.includes(part) ? selected.filter((other) => other !== part) : [...selected, part]);
  return (
    <Group className={classes.parts} gap="xs" role="group" aria-label="Parts">
      <Chip size="sm" checked={selected.length === 0} onChange={() => onChange([])}>
        All parts
      </Chip>
      {[...all].sort().map((part) => (
        <Chip key={part} size="sm" checked={selected.includes(part)} onChange={() => toggle(part)}>
          {part}
        </Chip>
      ))}
    </Group>
  );
}

import { Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

interface EmptyProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

/** Stands in for missing content: says why there is none, and what to do. */
export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <Stack align="center" justify="center" gap="xs" px="md" py="xl" ta="center">
      {icon ? (
        <span className="faint" aria-hidden>
          {icon}
        </span>
      ) : null}
      <Text fw={600}>{title}</Text>
      {children ? (
        <Text c="dimmed" maw="34rem" mb="xs">
          {children}
        </Text>
      ) : null}
      {action}
    </Stack>
  );
}

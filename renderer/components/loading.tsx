import { Loader, Stack } from '@mantine/core';

/** A wait, with what it waits for. */
export function Loading({ label }: { readonly label: string }) {
  return (
    <Stack align="center" justify="center" gap="sm" mih="40vh" c="dimmed" role="status">
      <Loader type="dots" size="sm" aria-hidden />
      <p>{label}</p>
    </Stack>
  );
}

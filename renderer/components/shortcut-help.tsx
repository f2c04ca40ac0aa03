import { Box, Flex, Kbd, Modal, Stack, Switch, Text } from '@mantine/core';
import { useShortcutsEnabled, type Shortcut } from '../lib/shortcuts.ts';
import { hrefOf } from '../lib/router.ts';

const onPages = [
  { key: 's', label: 'Control: start the cluster' },
  { key: 'l', label: 'Attack: launch' },
  { key: 'n', label: 'Attack: set up another' },
  { key: 'a', label: 'Race: send as buyer A; b as buyer B' },
  { key: 'r', label: 'A run: replay it, or stop' },
  { key: '/', label: 'Runs, Logs: search' },
  {
    key: 'Tab',
    label: 'Everything else: Tab moves the focus, Enter or Space presses, arrow keys move along a chart',
  },
] as const;

interface ShortcutHelpProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly shortcuts: readonly Shortcut[];
}

export function ShortcutHelp({ isOpen, onClose, shortcuts }: ShortcutHelpProps) {
  const [isEnabled, setEnabled] = useShortcutsEnabled();
  return (
    <Modal opened={isOpen} onClose={onClose} title="Keyboard shortcuts">
      <Stack component="dl" gap="xs">
        {[...shortcuts, ...onPages].map(({ key, label }) => (
          <Flex key={`${key}${label}`} align="baseline">
            <Box component="dt" flex="0 0 3.5rem">
              <Kbd>{key}</Kbd>
            </Box>
            <dd>{label}</dd>
          </Flex>
        ))}
      </Stack>
      <Text mt="md">
        <a href={hrefOf('help')} onClick={onClose}>
          What the words mean
        </a>
      </Text>
      <Switch
        mt="md"
        label="Single-key shortcuts"
        description="Turn this off if speech input or a switch device presses keys by accident."
        checked={isEnabled}
        onChange={(event) => setEnabled(event.currentTarget.checked)}
      />
    </Modal>
  );
}

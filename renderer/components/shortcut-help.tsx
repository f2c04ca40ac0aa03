import { Kbd, Modal, Switch } from '@mantine/core';
import type { Shortcut } from '../lib/shortcuts.ts';
import { useShortcutsEnabled } from '../lib/shortcut-preference.ts';
import { hrefOf } from '../lib/router.ts';
import classes from './shortcut-help.module.css';

const onPages = [
  { key: 's', label: 'Control: start the cluster' },
  { key: 'l', label: 'Attack: launch' },
  { key: 'n', label: 'Attack: set up another' },
  { key: '/', label: 'Runs, Logs: search' },
] as const;

interface ShortcutHelpProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly shortcuts: readonly Shortcut[];
}

export function ShortcutHelp({ isOpen, onClose, shortcuts }: ShortcutHelpProps) {
  const [isEnabled, setEnabled] = useShortcutsEnabled();
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title="Keyboard shortcuts"
      lockScroll={false}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <dl className={classes.list}>
        {[...shortcuts, ...onPages].map(({ key, label }) => (
          <div key={`${key}${label}`} className={classes.row}>
            <dt>
              <Kbd>{key}</Kbd>
            </dt>
            <dd>{label}</dd>
          </div>
        ))}
        <div className={classes.row}>
          <dt>
            <Kbd>Tab</Kbd>
          </dt>
          <dd>Everything else: Tab moves the focus, Enter or Space presses, arrow keys move along a chart</dd>
        </div>
      </dl>
      <p className={classes.more}>
        <a href={hrefOf('help')} onClick={onClose}>
          What the words mean
        </a>
      </p>
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

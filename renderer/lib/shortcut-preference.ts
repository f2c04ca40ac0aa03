/** Whether single-key shortcuts act. Speech input may press them by accident (WCAG 2.1.4). Kept in this browser. */
import { useLocalStorage } from '@mantine/hooks';

export function useShortcutsEnabled(): readonly [boolean, (isEnabled: boolean) => void] {
  const [value, setValue] = useLocalStorage<'on' | 'off'>({ key: 'flashgrid.shortcuts', defaultValue: 'on' });
  return [value === 'on', (isEnabled) => setValue(isEnabled ? 'on' : 'off')];
}

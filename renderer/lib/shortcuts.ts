/** Single-key shortcuts. They are off while the user types, in dialogs, and with a modifier key. */
import { useLocalStorage } from '@mantine/hooks';
import { useEffect, useEffectEvent } from 'react';

export interface Shortcut {
  /** A value of `KeyboardEvent.key`. */
  readonly key: string;
  readonly label: string;
  readonly run: () => void;
}

/** Whether single-key shortcuts act. Speech input may press them by accident (WCAG 2.1.4). Kept in this browser. */
export function useShortcutsEnabled(): readonly [boolean, (isEnabled: boolean) => void] {
  const [value, setValue] = useLocalStorage<'on' | 'off'>({ key: 'flashgrid.shortcuts', defaultValue: 'on' });
  return [value === 'on', (isEnabled) => setValue(isEnabled ? 'on' : 'off')];
}

/** Inputs that take no text, where shortcuts stay on. */
const LETTERLESS_INPUTS = ['checkbox', 'radio', 'button', 'submit', 'range'];

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !LETTERLESS_INPUTS.includes(target.type);
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}

/** Acts on these keys while the caller is mounted, unless the user has turned shortcuts off. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const [isEnabled] = useShortcutsEnabled();
  const onKey = useEffectEvent((event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat) return;
    if (isTyping(event.target) || document.querySelector('[role="dialog"]')) return;
    const shortcut = shortcuts.find(({ key }) => key === event.key);
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run();
  });
  useEffect(() => {
    if (!isEnabled) return;
    const listen = (event: KeyboardEvent): void => onKey(event);
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [isEnabled]);
}

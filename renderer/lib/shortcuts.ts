/** Single-key shortcuts. They sleep while somebody types, while a dialog is open, and with any modifier held. */
import { useEffect } from 'react';

export interface Shortcut {
  /** As `KeyboardEvent.key` says. */
  readonly key: string;
  readonly label: string;
  readonly run: () => void;
}

/** Boxes and switches take no letters: a key means the same there as anywhere. */
const LETTERLESS_INPUTS = ['checkbox', 'radio', 'button', 'submit'];

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !LETTERLESS_INPUTS.includes(target.type);
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}

export function useShortcuts(shortcuts: readonly Shortcut[], isEnabled = true): void {
  useEffect(() => {
    if (!isEnabled) return;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat) return;
      if (isTyping(event.target) || document.querySelector('[role="dialog"]')) return;
      const shortcut = shortcuts.find(({ key }) => key === event.key);
      if (!shortcut) return;
      event.preventDefault();
      shortcut.run();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [shortcuts, isEnabled]);
}

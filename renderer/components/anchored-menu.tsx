import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './anchored-menu.module.css';

interface AnchoredMenuProps {
  readonly label: string;
  /** The button that opened the menu. The menu is placed at it, and the focus returns to it. */
  readonly button: HTMLButtonElement;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A menu at a button that is already on the page: one menu for many buttons costs less than a menu for each. */
export function AnchoredMenu({ label, button, onClose, children }: AnchoredMenuProps) {
  const { left, top, width, height } = button.getBoundingClientRect();
  const close = (): void => {
    button.focus();
    onClose();
  };
  return (
    <Menu
      opened
      position="bottom-end"
      withinPortal
      // As high as there is room for it: the rest is scrolled to.
      middlewares={{ flip: true, shift: true, size: true }}
      onChange={close}
      transitionProps={{ duration: 0 }}
    >
      <Menu.Target>
        {/* A stand-in: Mantine can't attach a menu to a button that is already on the page. */}
        <button
          type="button"
          className={classes.anchor}
          style={{ left, top, width, height }}
          tabIndex={-1}
          aria-label={label}
        />
      </Menu.Target>
      <Menu.Dropdown className={classes.items}>{children}</Menu.Dropdown>
    </Menu>
  );
}

import { Menu } from '@mantine/core';
import { IconLock, IconLockOpen, IconPencil, IconRestore } from '@tabler/icons-react';
import type { SaleView } from '../../../contract/sales.ts';
import { callOrNotify } from '../../client.ts';
import type { SaleFormMode } from './sale-form.tsx';
import classes from './sales-panel.module.css';

interface SaleMenuProps {
  readonly sale: SaleView;
  /** The button that opened the menu. The menu is placed at it, and the focus returns to it. */
  readonly button: HTMLButtonElement;
  readonly onForm: (mode: SaleFormMode) => void;
  readonly onClose: () => void;
}

/** One menu for all sales: a menu in each row would cost more than the rows. */
export function SaleMenu({ sale, button, onForm, onClose }: SaleMenuProps) {
  const isOpen = sale.status === 'open';
  const { left, top, width, height } = button.getBoundingClientRect();
  const close = (): void => {
    button.focus();
    onClose();
  };
  return (
    <Menu opened position="bottom-end" withinPortal onChange={close} transitionProps={{ duration: 0 }}>
      <Menu.Target>
        {/* A stand-in: Mantine can't attach a menu to a button that is already on the page. */}
        <button
          type="button"
          className={classes.anchor}
          style={{ left, top, width, height }}
          tabIndex={-1}
          aria-label={`Actions for ${sale.title}`}
        />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconPencil size="1rem" aria-hidden />}
          onClick={() => onForm({ kind: 'change', sale })}
        >
          Change…
        </Menu.Item>
        <Menu.Item
          leftSection={
            isOpen ? <IconLock size="1rem" aria-hidden /> : <IconLockOpen size="1rem" aria-hidden />
          }
          onClick={() =>
            void callOrNotify('sales.changeSale', {
              id: sale.id,
              change: { status: isOpen ? 'closed' : 'open' },
            })
          }
        >
          {isOpen ? 'Close' : 'Open again'}
        </Menu.Item>
        <Menu.Item
          color="red"
          leftSection={<IconRestore size="1rem" aria-hidden />}
          onClick={() => onForm({ kind: 'reset', sale })}
        >
          Reset…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

import { Menu } from '@mantine/core';
import { IconLock, IconLockOpen, IconPencil, IconRestore } from '@tabler/icons-react';
import type { SaleView } from '../../../contract/sales.ts';
import { callOrNotify } from '../../client.ts';
import { AnchoredMenu } from '../../components/anchored-menu.tsx';
import type { SaleFormMode } from './sale-form.tsx';

interface SaleMenuProps {
  readonly sale: SaleView;
  /** The button that opened the menu. */
  readonly button: HTMLButtonElement;
  readonly onForm: (mode: SaleFormMode) => void;
  readonly onClose: () => void;
}

/** One menu for all sales: a menu in each row would cost more than the rows. */
export function SaleMenu({ sale, button, onForm, onClose }: SaleMenuProps) {
  const isOpen = sale.status === 'open';
  return (
    <AnchoredMenu label={`Actions for ${sale.title}`} button={button} onClose={onClose}>
      <Menu.Item
        leftSection={<IconPencil size="1rem" aria-hidden />}
        onClick={() => onForm({ kind: 'change', sale })}
      >
        Change…
      </Menu.Item>
      <Menu.Item
        leftSection={isOpen ? <IconLock size="1rem" aria-hidden /> : <IconLockOpen size="1rem" aria-hidden />}
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
    </AnchoredMenu>
  );
}

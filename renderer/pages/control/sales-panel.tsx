import { ActionIcon, Badge, Menu, Tooltip } from '@mantine/core';
import {
  IconDotsVertical,
  IconPencil,
  IconPlus,
  IconRefresh,
  IconRestore,
  IconLock,
  IconLockOpen,
} from '@tabler/icons-react';
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { SaleView } from '../../../services/shared/sales.ts';
import { callOrNotify } from '../../client.ts';
import { Empty } from '../../components/empty.tsx';
import { StockBar } from '../../components/stock-bar.tsx';
import { formatCount, plural } from '../../lib/format.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import { SaleForm, type SaleFormMode } from './sale-form.tsx';
import classes from './sales-panel.module.css';

/** The sales, newest first, each with what is left of it. */
export function SalesPanel() {
  const sales = useData((data) => data.sales);
  const isOnline = useIsOnline();
  const [form, setForm] = useState<SaleFormMode>();
  const refresh = async (): Promise<void> => {
    const listed = await callOrNotify('sales.listSales', {});
    if (listed) useControl.setState(({ data }) => (data ? { data: { ...data, sales: listed } } : {}));
  };
  return (
    <section className="panel" aria-label="Sales">
      <div className="panel-head">
        <h2>Sales</h2>
        <span className={classes.tools}>
          <Tooltip label="Read the sales again">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label="Read the sales again"
              disabled={!isOnline}
              onClick={() => void refresh()}
            >
              <IconRefresh size={17} aria-hidden />
            </ActionIcon>
          </Tooltip>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size={15} aria-hidden />}
            disabled={!isOnline}
            onClick={() => setForm({ kind: 'open' })}
          >
            Open a sale
          </Button>
        </span>
      </div>
      {sales && sales.length > 0 ? (
        <ul className={classes.list}>
          {sales.map((sale) => (
            <SaleRow key={sale.id} sale={sale} onForm={setForm} isDisabled={!isOnline} />
          ))}
        </ul>
      ) : (
        <Empty title="No sale yet">
          Each attack opens one of its own. You can also open one by hand and buy with curl.
        </Empty>
      )}
      {form ? <SaleForm mode={form} onClose={() => setForm(undefined)} /> : null}
    </section>
  );
}

interface SaleRowProps {
  readonly sale: SaleView;
  readonly onForm: (mode: SaleFormMode) => void;
  readonly isDisabled: boolean;
}

function SaleRow({ sale, onForm, isDisabled }: SaleRowProps) {
  const { counters } = sale;
  const refused = Object.values(counters.refused).reduce((sum, count) => sum + count, 0);
  const isOpen = sale.status === 'open';
  const setStatus = (): void =>
    void callOrNotify('sales.changeSale', { id: sale.id, change: { status: isOpen ? 'closed' : 'open' } });
  return (
    <li className={classes.sale}>
      <div className={classes.head}>
        <h3>{sale.title}</h3>
        {!isOpen ? (
          <Badge variant="default" size="sm">
            closed
          </Badge>
        ) : sale.isSoldOut ? (
          <Badge variant="light" size="sm">
            sold out
          </Badge>
        ) : null}
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Actions for ${sale.title}`}
              disabled={isDisabled}
            >
              <IconDotsVertical size={17} aria-hidden />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item
              leftSection={<IconPencil size={16} />}
              onClick={() => onForm({ kind: 'change', sale })}
            >
              Change…
            </Menu.Item>
            <Menu.Item
              leftSection={isOpen ? <IconLock size={16} /> : <IconLockOpen size={16} />}
              onClick={setStatus}
            >
              {isOpen ? 'Close' : 'Open again'}
            </Menu.Item>
            <Menu.Item
              color="red"
              leftSection={<IconRestore size={16} />}
              onClick={() => onForm({ kind: 'reset', sale })}
            >
              Reset…
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      <StockBar stock={sale.stock} sold={counters.grantedUnits} label={`Sold of ${sale.title}`} />
      <p className={classes.figures}>
        <span>
          <strong>{formatCount(counters.grantedUnits)}</strong> of {plural(sale.stock, 'ticket')} sold
        </span>
        <span>{formatCount(refused)} refused</span>
        <span className="mono">{sale.id}</span>
      </p>
    </li>
  );
}

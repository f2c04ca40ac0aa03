import { plural, whole } from '../../../contract/format.ts';
import { ActionIcon, Button, Group, Tooltip } from '@mantine/core';
import { IconPlus, IconRefresh } from '@tabler/icons-react';
import { useCallback, useRef, useState } from 'react';
import { callOrNotify } from '../../client.ts';
import { Empty } from '../../components/empty.tsx';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import { SaleForm, type SaleFormMode } from './sale-form.tsx';
import { SaleMenu } from './sale-menu.tsx';
import { SaleRow } from './sale-row.tsx';
import classes from './sales-panel.module.css';

/** The sales, newest first. */
export function SalesPanel() {
  const sales = useData((data) => data.sales);
  const total = useData((data) => data.salesTotal) ?? 0;
  const isOnline = useIsOnline();
  const [form, setForm] = useState<SaleFormMode>();
  const [menu, setMenu] = useState<{ readonly id: string; readonly button: HTMLButtonElement }>();
  // The press closes the menu; the click that follows must not open it again.
  const openAtPress = useRef<string>(undefined);
  // Gets the focus back when the form closes.
  const opener = useRef<HTMLButtonElement>(null);
  const toggleMenu = useCallback((id: string, button: HTMLButtonElement) => {
    const wasOpen = openAtPress.current === id;
    openAtPress.current = undefined;
    opener.current = button;
    setMenu(wasOpen ? undefined : { id, button });
  }, []);
  const closeMenu = useCallback(() => setMenu(undefined), []);
  const closeForm = (): void => {
    setForm(undefined);
    opener.current?.focus();
  };
  const menuSale = menu && sales?.find(({ id }) => id === menu.id);
  const refresh = async (): Promise<void> => {
    const listed = await callOrNotify('sales.listSales', {});
    if (listed) useControl.setState(({ data }) => (data ? { data: { ...data, sales: listed } } : {}));
  };
  return (
    <section className="panel" aria-label="Sales">
      <div className="panel-head">
        <h2>Sales</h2>
        {sales && total > sales.length ? (
          <p className="muted">{`${sales.length} of ${whole(total)}`}</p>
        ) : null}
        <Group gap="xs" wrap="nowrap">
          <Tooltip label="Read the sales again">
            <ActionIcon aria-label="Read the sales again" disabled={!isOnline} onClick={() => void refresh()}>
              <IconRefresh size="1.0625rem" aria-hidden />
            </ActionIcon>
          </Tooltip>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size="0.9375rem" aria-hidden />}
            disabled={!isOnline}
            onClick={(event) => {
              opener.current = event.currentTarget;
              setForm({ kind: 'open' });
            }}
          >
            Open a sale
          </Button>
        </Group>
      </div>
      {sales && sales.length > 0 ? (
        <ul
          className={classes.list}
          onScroll={closeMenu}
          onPointerDownCapture={() => (openAtPress.current = menu?.id)}
        >
          {sales.map(({ id, title, stock, status, isSoldOut, counters }) => (
            <SaleRow
              key={id}
              id={id}
              title={title}
              stock={stock}
              sold={counters.grantedUnits}
              refused={Object.values(counters.refused).reduce((sum, count) => sum + count, 0)}
              isOpen={status === 'open'}
              isSoldOut={isSoldOut}
              isDisabled={!isOnline}
              isMenuOpen={menu?.id === id}
              onMenu={toggleMenu}
            />
          ))}
          {total > sales.length ? (
            <li className={`muted ${classes.more}`}>{`and ${plural(total - sales.length, 'more sale')}`}</li>
          ) : null}
        </ul>
      ) : (
        <Empty title="No sale yet">
          Each attack opens a sale of its own. You can also open one here and reserve with curl.
        </Empty>
      )}
      {menu && menuSale ? (
        <SaleMenu sale={menuSale} button={menu.button} onForm={setForm} onClose={closeMenu} />
      ) : null}
      {form ? <SaleForm mode={form} onClose={closeForm} /> : null}
    </section>
  );
}

import { Group } from '@mantine/core';
import { totalStock } from '../../../contract/attack-settings.ts';
import { whole, plural } from '../../../contract/format.ts';
import { IconLock, IconLockOpen2 } from '@tabler/icons-react';
import { StockBar } from '../../components/stock-bar.tsx';
import { useData } from '../../store/store.ts';
import classes from './safe-transactions.module.css';

/** The tickets sold, as a bar that can't grow past the stock. */
export function SafeTransactions() {
  const stock = useData((data) => data.attack && totalStock(data.attack.settings)) ?? 0;
  const sales = useData((data) => data.attack?.settings.sales) ?? 1;
  const auditedSold = useData((data) => data.attack?.audit?.sold);
  const remaining = useData((data) => data.attack?.remaining);
  const granted = useData((data) => data.attack?.granted) ?? 0;
  // Units, not reservations: one reservation may be for several units.
  const sold = auditedSold ?? (remaining === undefined || granted === 0 ? 0 : Math.max(0, stock - remaining));
  const isLocked = stock > 0 && sold >= stock;
  return (
    <section className={`panel ${classes.box}`} data-locked={isLocked} aria-label="Safe transactions">
      <Group gap={0} justify="space-between">
        <h2>Safe transactions</h2>
        <span className={classes.lock}>
          {isLocked ? (
            <IconLock size="1.1875rem" aria-hidden />
          ) : (
            <IconLockOpen2 size="1.1875rem" aria-hidden />
          )}
          {isLocked ? 'Locked' : 'Open'}
        </span>
      </Group>
      <p className={classes.metric}>
        <strong>{whole(sold)}</strong> <span className="muted">of {plural(stock, 'ticket')} sold</span>
      </p>
      <StockBar isLarge stock={stock} sold={sold} label="Tickets sold" />
      <p className="muted small">
        {isLocked
          ? `Sold out. ${sales === 1 ? `Ticket ${whole(stock + 1)}` : 'One more ticket of any sale'} does not exist, and Postgres can’t store it.`
          : 'Redis grants each ticket once, in one atomic script.'}
      </p>
    </section>
  );
}

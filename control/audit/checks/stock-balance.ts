import { figure } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';
import { result } from './check.ts';

/** Units left in Redis + tickets in Postgres = stock. */
export function checkStockBalance({ sale, tickets, counters }: Evidence): Check {
  if (!counters) {
    return result(
      'stock_balance',
      false,
      `Redis does not know sale ${sale.id}, so what is left can't be told.`,
      { tickets: tickets.count, stock: sale.stock },
      [sale.id],
    );
  }
  const { remaining } = counters;
  const difference = remaining + tickets.count - sale.stock;
  const sum = `${figure(remaining)} left in Redis + ${figure(tickets.count)} tickets in Postgres`;
  return result(
    'stock_balance',
    difference === 0 && remaining >= 0,
    difference === 0
      ? `${sum} = ${figure(sale.stock)} in stock.`
      : `${sum} = ${figure(remaining + tickets.count)}, ${figure(Math.abs(difference))} ${difference > 0 ? 'more' : 'less'} than the stock of ${figure(sale.stock)}.`,
    { remaining, tickets: tickets.count, stock: sale.stock, difference },
    difference === 0 ? [] : [sale.id],
  );
}

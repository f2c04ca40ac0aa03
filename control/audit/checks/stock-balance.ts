import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Witness } from '../../../contract/witness.ts';
import type { Evidence } from '../evidence.ts';
import { countEvent, missingEvent, promiseEvent, witness } from '../witness.ts';
import { result } from './check.ts';

const LANES: Witness['lanes'] = ['What Redis holds', 'What Postgres holds'];
const SHOP_LANES: Witness['lanes'] = ['What the shop has left', 'Who owns what'];

/** Units left in Redis + tickets in Postgres = stock. */
export function checkStockBalance({ sale, tickets, counters, shop }: Evidence): Check {
  const lanes = shop ? SHOP_LANES : LANES;
  if (!counters) {
    return result(
      'stock_balance',
      false,
      `Redis does not know sale ${sale.id}, so what is left can't be told.`,
      { tickets: tickets.count, stock: sale.stock },
      [sale.id],
      () =>
        witness('A sale that Postgres has is not known to Redis.', LANES, [
          missingEvent(0, `Redis does not know sale ${sale.id}.`),
          countEvent(1, `Sale ${sale.id}: stock ${figure(sale.stock)}, ${plural(tickets.count, 'ticket')}.`),
        ]),
    );
  }
  const { remaining } = counters;
  const difference = remaining + tickets.count - sale.stock;
  const sum = shop
    ? `${figure(remaining)} left + ${figure(tickets.count)} with an owner`
    : `${figure(remaining)} left in Redis + ${figure(tickets.count)} tickets in Postgres`;
  return result(
    'stock_balance',
    difference === 0 && remaining >= 0,
    difference === 0
      ? `${sum} = ${figure(sale.stock)} in stock.`
      : `${sum} = ${figure(remaining + tickets.count)}, ${figure(Math.abs(difference))} ${difference > 0 ? 'more' : 'less'} than the stock of ${figure(sale.stock)}.`,
    { remaining, tickets: tickets.count, stock: sale.stock, difference },
    difference === 0 ? [] : [sale.id],
    () =>
      remaining < 0
        ? witness('Less than nothing is left.', lanes, [
            countEvent(0, `${figure(remaining)} left${shop ? '' : ' in Redis'}.`),
          ])
        : witness(
            `Left and sold are together ${plural(Math.abs(difference), 'unit')} ${difference > 0 ? 'more' : 'less'} than the stock.`,
            lanes,
            [
              promiseEvent(1, `The stock is ${plural(sale.stock, 'unit')}.`),
              countEvent(0, `${plural(remaining, 'unit')} left.`),
              countEvent(1, `${plural(tickets.count, 'ticket')} sold.`),
            ],
          ),
  );
}

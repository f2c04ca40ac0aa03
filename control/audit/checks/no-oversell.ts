import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';
import { Offenders, result } from './check.ts';

/** Tickets ≤ stock, each unit number within 1..stock and sold once. */
export function checkNoOversell({ sale, tickets }: Evidence): Check {
  const sold = new Uint8Array(sale.stock + 1);
  const outOfRange = new Offenders();
  const soldTwice = new Offenders();
  for (const unit of tickets.unitNo) {
    if (unit < 1 || unit > sale.stock) outOfRange.add(`unit ${unit}`);
    else if (sold[unit] === 1) soldTwice.add(`unit ${unit}`);
    else sold[unit] = 1;
  }
  const beyondStock = Math.max(0, tickets.count - sale.stock);
  const ok = beyondStock === 0 && outOfRange.count === 0 && soldTwice.count === 0;
  return result(
    'no_oversell',
    ok,
    ok
      ? `${plural(tickets.count, 'ticket')} for ${plural(sale.stock, 'unit')}; all unit numbers are distinct and within 1..${figure(sale.stock)}.`
      : `${plural(tickets.count, 'ticket')} for ${plural(sale.stock, 'unit')}: ${figure(beyondStock)} beyond the stock, ${figure(soldTwice.count)} sold twice, ${figure(outOfRange.count)} with a number outside 1..${figure(sale.stock)}.`,
    {
      tickets: tickets.count,
      stock: sale.stock,
      beyondStock,
      soldTwice: soldTwice.count,
      outOfRange: outOfRange.count,
    },
    [...outOfRange.list, ...soldTwice.list],
  );
}

/**
 * Locks the row of the stock before it is read, in a short transaction. Never oversells. Gives up parallel work: buyers
 * stand in line at the row, and each holds a connection meanwhile. A stock of 0 is final, so it is looked at without the
 * lock first: the losers do not queue for it.
 */
import type { MakeDesign } from './design.ts';
import { postgresDesign } from './postgres.ts';

export const rowLock: MakeDesign = (parts) =>
  postgresDesign(parts, (shop, buyer) =>
    shop.transaction(buyer, 'READ COMMITTED', async (query) => {
      const [look] = await query<{ left_units: number }>('SELECT left_units FROM stock');
      if ((look?.left_units ?? 0) <= 0) return { is: 'soldOut' };
      const [row] = await query<{ left_units: number }>('SELECT left_units FROM stock FOR UPDATE');
      const left = row?.left_units ?? 0;
      if (left <= 0) return { is: 'soldOut' };
      shop.notes.between(buyer);
      const unit = shop.stock - left + 1;
      await query('UPDATE stock SET left_units = left_units - 1');
      await query('INSERT INTO orders (buyer, unit) VALUES ($1, $2)', [buyer, unit]);
      return { is: 'granted', unit };
    }),
  );

/**
 * Reads how many are left, and writes one less. Under READ COMMITTED two transactions read the same number and both write:
 * the second one overwrites the first, and both sell the same unit. The very same statements are safe where Postgres
 * compares what a transaction has read: under REPEATABLE READ and SERIALIZABLE the second one is refused, and tried again.
 * They give up throughput for it, since all buyers want the one row.
 */
import type { MakeDesign } from './design.ts';
import { postgresDesign, type Isolation } from './postgres.ts';

export const readThenWrite =
  (isolation: Isolation): MakeDesign =>
  (parts) =>
    postgresDesign(parts, (shop, buyer) =>
      shop.transaction(buyer, isolation, async (query) => {
        const [row] = await query<{ left_units: number }>('SELECT left_units FROM stock');
        const left = row?.left_units ?? 0;
        if (left <= 0) return { is: 'soldOut' };
        shop.notes.between(buyer);
        const unit = shop.stock - left + 1;
        await query('UPDATE stock SET left_units = $1', [left - 1]);
        await query('INSERT INTO orders (buyer, unit) VALUES ($1, $2)', [buyer, unit]);
        return { is: 'granted', unit };
      }),
    );

/**
 * Reads stock and version, and writes only where the version is still the same; else it is tried again. Never oversells.
 * Gives up under contention: most tries are lost, and a buyer who has lost them all is sent away although units are left.
 */
import type { MakeDesign } from './design.ts';
import { CameSecond, postgresDesign } from './postgres.ts';

export const versionColumn: MakeDesign = (parts) =>
  postgresDesign(parts, (shop, buyer) =>
    shop.transaction(buyer, 'READ COMMITTED', async (query) => {
      const [row] = await query<{ left_units: number; version: number }>(
        'SELECT left_units, version FROM stock',
      );
      if (!row || row.left_units <= 0) return { is: 'soldOut' };
      shop.notes.between(buyer);
      const written = await query(
        'UPDATE stock SET left_units = left_units - 1, version = version + 1 WHERE version = $1 RETURNING version',
        [row.version],
      );
      if (written.length === 0) throw new CameSecond('the version was another one by then');
      const unit = shop.stock - row.left_units + 1;
      await query('INSERT INTO orders (buyer, unit) VALUES ($1, $2)', [buyer, unit]);
      return { is: 'granted', unit };
    }),
  );

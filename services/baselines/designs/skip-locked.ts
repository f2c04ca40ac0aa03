/**
 * A row for each unit; every buyer takes another one with SKIP LOCKED, so that nobody waits for a lock. Never oversells.
 * Gives up an exact end: while the last units are locked by transactions that may still roll back, others are told that it
 * is sold out. And a sale has as many rows as units.
 */
import type { MakeDesign } from './design.ts';
import { postgresDesign } from './postgres.ts';

const TAKE = `UPDATE units SET buyer = $1
WHERE unit = (SELECT unit FROM units WHERE buyer IS NULL ORDER BY unit LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING unit`;

export const skipLocked: MakeDesign = (parts) =>
  postgresDesign(
    parts,
    async (shop, buyer) => {
      const [row] = await shop.once<{ unit: number }>(buyer, TAKE, [buyer]);
      if (!row) return { is: 'soldOut' };
      shop.notes.between(buyer);
      return { is: 'granted', unit: row.unit };
    },
    'units',
  );

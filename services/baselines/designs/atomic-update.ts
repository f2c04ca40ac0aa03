/**
 * One statement takes a unit and writes the order: `UPDATE … WHERE left_units > 0 RETURNING`, and the INSERT reads from it.
 * Never oversells, in one round trip. Gives up parallel work on the hot row, which each buyer still locks in turn.
 */
import type { MakeDesign } from './design.ts';
import { postgresDesign } from './postgres.ts';

const TAKE = `WITH taken AS (
  UPDATE stock SET left_units = left_units - 1 WHERE left_units > 0 RETURNING units - left_units AS unit)
INSERT INTO orders (buyer, unit) SELECT $1, unit FROM taken RETURNING unit`;

export const atomicUpdate: MakeDesign = (parts) =>
  postgresDesign(parts, async (shop, buyer) => {
    const [row] = await shop.once<{ unit: number }>(buyer, TAKE, [buyer]);
    if (!row) return { is: 'soldOut' };
    shop.notes.between(buyer);
    return { is: 'granted', unit: row.unit };
  });

import type { Pool } from 'pg';
import type { TicketColumns } from './evidence.ts';

/** Tickets a round trip. */
const PAGE = 20_000;

/**
 * Reads all tickets of a sale in one read-only snapshot, through a cursor. Keyset pages would miss the second
 * of two tickets for one unit, which is exactly what the audit looks for.
 */
export async function readTickets(pool: Pool, saleId: string, signal: AbortSignal): Promise<TicketColumns> {
  const client = await pool.connect();
  const units: number[] = [];
  const reservationId: string[] = [];
  const userId: string[] = [];
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query({
      text: `DECLARE audited NO SCROLL CURSOR FOR
               SELECT unit_no, reservation_id, user_id FROM tickets WHERE sale_id = $1 ORDER BY unit_no`,
      values: [saleId],
    });
    for (let isMore = true; isMore;) {
      signal.throwIfAborted();
      const { rows } = await client.query<[number, string, string]>({
        text: `FETCH ${PAGE} FROM audited`,
        rowMode: 'array',
      });
      for (const [unit, reservation, user] of rows) {
        units.push(unit);
        reservationId.push(reservation);
        userId.push(user);
      }
      isMore = rows.length === PAGE;
    }
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    // Closes the connection, and with it the transaction.
    client.release(true);
    throw error;
  }
  return { count: units.length, unitNo: Int32Array.from(units), reservationId, userId };
}

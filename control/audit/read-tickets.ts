import type { Pool } from 'pg';
import type { TicketColumns } from './evidence.ts';

/** Tickets a round trip. */
const PAGE = 20_000;

/** Of a sale that sold nothing. */
export const NO_TICKETS: TicketColumns = {
  count: 0,
  unitNo: new Int32Array(),
  reservationId: [],
  userId: [],
};

/**
 * Reads all tickets of each sale in one read-only snapshot, through a cursor. Keyset pages would miss the second
 * of two tickets for one unit, which is exactly what the audit looks for.
 */
export async function readTickets(
  pool: Pool,
  saleIds: readonly string[],
  signal: AbortSignal,
): Promise<readonly TicketColumns[]> {
  const client = await pool.connect();
  const found = saleIds.map(() => ({
    units: [] as number[],
    reservationId: [] as string[],
    userId: [] as string[],
  }));
  const bySale = new Map(saleIds.map((id, place) => [id, found[place]]));
  const [only] = saleIds.length === 1 ? found : [];
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query({
      text: `DECLARE audited NO SCROLL CURSOR FOR
               SELECT unit_no, reservation_id, user_id${
                 only ? '' : ', sale_id'
               } FROM tickets WHERE ${only ? 'sale_id = $1 ORDER BY unit_no' : 'sale_id = ANY($1) ORDER BY sale_id, unit_no'}`,
      values: only ? [...saleIds] : [saleIds],
    });
    for (let isMore = true; isMore;) {
      signal.throwIfAborted();
      const { rows } = await client.query<[number, string, string, string?]>({
        text: `FETCH ${PAGE} FROM audited`,
        rowMode: 'array',
      });
      for (const [unit, reservation, user, saleId = ''] of rows) {
        const of = only ?? bySale.get(saleId);
        of?.units.push(unit);
        of?.reservationId.push(reservation);
        of?.userId.push(user);
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
  return found.map(({ units, reservationId, userId }) =>
    units.length === 0
      ? NO_TICKETS
      : { count: units.length, unitNo: Int32Array.from(units), reservationId, userId },
  );
}

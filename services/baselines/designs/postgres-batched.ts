/**
 * Postgres alone, in batches: what comes while one transaction runs is decided together in the next. One statement for
 * a whole batch takes the units, in the order in which buyers came, and writes the orders. Never oversells. Gives up a
 * second instance (the order is that of one process) and a buffer: what arrives faster than Postgres commits waits in this
 * process' memory, and is lost with it, unanswered.
 */
import { postgresDesign, type Shop } from './postgres.ts';
import type { MakeDesign, Reply } from './design.ts';

/** The most requests of one batch. */
const MAX_BATCH = 2_000;

interface Waiting {
  readonly buyer: string;
  readonly settle: (reply: Reply) => void;
  readonly fail: (error: unknown) => void;
}

const LOCK = 'SELECT left_units FROM stock FOR UPDATE';
const WRITE = `WITH taken AS (UPDATE stock SET left_units = left_units - cardinality($1::text[]))
INSERT INTO orders (buyer, unit) SELECT buyer, $2::int + at FROM unnest($1::text[]) WITH ORDINALITY AS sold (buyer, at)`;

export const postgresBatched: MakeDesign = (parts) => {
  let waiting: Waiting[] = [];
  let isWorking = false;

  async function decide(shop: Shop, batch: readonly Waiting[]): Promise<void> {
    const replies: Reply[] = [];
    await shop.transaction(batch[0]?.buyer ?? '', 'READ COMMITTED', async (query) => {
      const [row] = await query<{ left_units: number }>(LOCK);
      const left = row?.left_units ?? 0;
      const first = shop.stock - left;
      const sold = batch.slice(0, left).map(({ buyer }) => buyer);
      replies.length = 0;
      for (let at = 0; at < batch.length; at++)
        replies.push(at < left ? { is: 'granted', unit: first + at + 1 } : { is: 'soldOut' });
      if (sold.length === 0) return { is: 'soldOut' };
      shop.notes.between(batch[0]?.buyer ?? '');
      await query(WRITE, [sold, first]);
      return { is: 'granted', unit: first + 1 };
    });
    batch.forEach(({ settle }, at) => settle(replies[at] ?? { is: 'gaveUp' }));
  }

  async function work(shop: Shop): Promise<void> {
    isWorking = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      await decide(shop, batch).catch((error: unknown) => {
        for (const { fail } of batch) fail(error);
      });
    }
    isWorking = false;
  }

  return postgresDesign(
    parts,
    (shop, buyer) =>
      new Promise((settle, fail) => {
        waiting.push({ buyer, settle, fail });
        // After this turn of the event loop, so that all that it has read is one batch.
        if (!isWorking) {
          isWorking = true;
          setImmediate(() => void work(shop));
        }
      }),
  );
};

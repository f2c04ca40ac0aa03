/** Makes a run fail: changes its tickets in Postgres while it lasts, as no part of the engine would. */
import { join } from 'node:path';
import pg from 'pg';
import { vi } from 'vitest';
import { endpointsOf, openSettings } from '../../../control/cluster/native/settings.ts';

const SOLD_OUT_LIMIT_MS = 30_000;

/** Waits until `stock` tickets of the newest sale exist; then sells unit 1 twice, and gives unit 3 to a thief. */
export async function plantFaults(dataDir: string, stock: number): Promise<void> {
  const settings = await openSettings(join(dataDir, 'native', 'settings.json'));
  const client = new pg.Client({ connectionString: endpointsOf(settings).postgresUrl });
  await client.connect();
  try {
    const ofNewest = 'sale_id = (SELECT id FROM sales ORDER BY created_at DESC LIMIT 1)';
    const sold = () =>
      client
        .query<{ sold: number }>(`SELECT count(*)::int AS sold FROM tickets WHERE ${ofNewest}`)
        .then(({ rows }) => rows[0]?.sold);
    await vi.waitUntil(async () => (await sold()) === stock, { timeout: SOLD_OUT_LIMIT_MS });
    await client.query('ALTER TABLE tickets DROP CONSTRAINT tickets_pkey');
    await client.query(`UPDATE tickets SET unit_no = 1 WHERE unit_no = 2 AND ${ofNewest}`);
    await client.query(`UPDATE tickets SET user_id = 'thief' WHERE unit_no = 3 AND ${ofNewest}`);
  } finally {
    await client.end();
  }
}

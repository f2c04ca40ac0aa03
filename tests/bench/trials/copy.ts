/** COPY against `INSERT … unnest`: the same rows into the same table, in batches as large as the worker's. */
import pg from 'pg';
import { runTrial, withRig } from './trial.ts';

const BATCH = 512;
const BATCHES = 60;

const INSERT = `INSERT INTO tickets (sale_id, generation, stock, unit_no, reservation_id, item_no, user_id)
SELECT $1, 1, $2, t.unit_no, t.reservation_id, 1, t.user_id
  FROM unnest($3::int[], $4::text[], $5::text[]) AS t (unit_no, reservation_id, user_id)`;
const FENCED_INSERT = `${INSERT} ON CONFLICT (reservation_id, item_no) DO NOTHING`;
const COLUMNS = '(sale_id, generation, stock, unit_no, reservation_id, item_no, user_id)';

/** The part of pg's connection that COPY needs; its types don't have it. */
interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** One COPY of a text, as a query that `pg` hands its messages to. */
class CopyText {
  readonly done: Promise<void>;
  readonly #sql: string;
  readonly #text: Buffer;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(sql: string, text: string) {
    this.#sql = sql;
    this.#text = Buffer.from(text);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: pg.Connection): void {
    connection.query(this.#sql);
  }
  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.#text);
    connection.endCopyFrom();
  }
  handleError(error: Error): void {
    this.#reject(error);
  }
  handleReadyForQuery(): void {
    this.#resolve();
  }
  handleCommandComplete(): void {}
}

await withRig(async (rig) => {
  const client = new pg.Client({ connectionString: rig.endpoints.postgresUrl });
  await client.connect();
  rig.undo.add('copy client', () => client.end());
  const stock = BATCH * BATCHES;
  let sales = 0;
  await runTrial({
    title: `${BATCHES} commits of ${BATCH} tickets each, one connection`,
    variants: ['unnest, repeats let pass', 'unnest', 'COPY', 'COPY to a staging table, then INSERT'],
    rounds: 5,
    compare: 'tickets/s',
    async run(variant) {
      const saleId = `copy-${++sales}`;
      await client.query('INSERT INTO sales (id, title, stock, updated_at) VALUES ($1, $1, $2, now())', [
        saleId,
        stock,
      ]);
      await client.query('CREATE TEMP TABLE IF NOT EXISTS staged (LIKE tickets INCLUDING DEFAULTS)');
      const copy = async (table: string, text: string) => {
        const query = new CopyText(`COPY ${table} ${COLUMNS} FROM STDIN`, text);
        client.query(query);
        await query.done;
      };
      const startedMs = performance.now();
      for (let batch = 0; batch < BATCHES; batch++) {
        const units = Array.from({ length: BATCH }, (_, at) => batch * BATCH + at + 1);
        const reservation = (unit: number) => `${saleId}.trial000-${batch.toString(36)}.${unit}`;
        if (variant.startsWith('unnest')) {
          await client.query({
            name: variant,
            text: variant === 'unnest' ? INSERT : FENCED_INSERT,
            values: [saleId, stock, units, units.map(reservation), units.map((unit) => `u${unit}`)],
          });
          continue;
        }
        const text = units
          .map((unit) => `${saleId}\t1\t${stock}\t${unit}\t${reservation(unit)}\t1\tu${unit}\n`)
          .join('');
        if (variant === 'COPY') {
          await copy('tickets', text);
          continue;
        }
        await client.query('BEGIN');
        await copy('staged', text);
        await client.query(
          `INSERT INTO tickets ${COLUMNS} SELECT sale_id, generation, stock, unit_no, reservation_id, item_no, user_id FROM staged ON CONFLICT (reservation_id, item_no) DO NOTHING`,
        );
        await client.query('TRUNCATE staged');
        await client.query('COMMIT');
      }
      return { 'tickets/s': (stock * 1_000) / (performance.now() - startedMs) };
    },
  });
});

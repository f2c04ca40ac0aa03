import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkState } from '../../contract/checks.ts';
import { runRecordSchema, type RunRecord } from '../../contract/run-record.ts';
import { readTarget } from '../../control/target/read-target.ts';
import { testEndpoints, uniqueName } from '../support/backends.ts';
import { openControlCentre } from '../support/centre.ts';
import { flashgrid, temporaryDataDir } from '../support/terminal.ts';

const examples = resolve(import.meta.dirname, '../../docs/examples');
const hasPython = spawnSync('python3', ['--version']).status === 0;
/** Without Python there is no shop to attack. */
const withPython = it.skipIf(!hasPython);

let dataDir: string;
let remove: () => Promise<void>;
const shops: ChildProcess[] = [];
let adapters = 0;
let homes = 0;

beforeAll(async () => {
  ({ path: dataDir, remove } = await temporaryDataDir());
});

afterAll(async () => {
  for (const shop of shops) shop.kill();
  for (const shop of shops) if (shop.exitCode === null && shop.signalCode === null) await once(shop, 'close');
  await remove();
});

/** Starts a shop and resolves with its address. */
async function open(file: string): Promise<string> {
  const shop = spawn('python3', [file, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  shops.push(shop);
  const [line] = (await once(shop.stdout, 'data')) as [Buffer];
  return /http:\S+/.exec(line.toString())?.[0] ?? '';
}

/** The adapter of the docs for a shop at this address, with a change. */
function adapterFor(url: string, change: Record<string, unknown> = {}): string {
  const adapter: object = JSON.parse(readFileSync(join(examples, 'shop.json'), 'utf8'));
  const path = join(dataDir, `adapter-${adapters++}.json`);
  writeFileSync(path, JSON.stringify({ ...adapter, url, ...change }));
  return path;
}

async function attack(
  target: string,
  ...more: string[]
): Promise<{ code: number; output: string; record: RunRecord }> {
  // A data folder of its own: attacks may run at once.
  const home = join(dataDir, `home-${homes++}`);
  const json = `${home}.json`;
  const size = ['--requests', '300', '--connections', '50'];
  const run = flashgrid(home, 'attack', '--target', target, ...size, '--json', json, ...more);
  const code = await run.ended();
  // No backend was started for it.
  expect(existsSync(join(home, 'native'))).toBe(false);
  return {
    code,
    output: run.output(),
    record: runRecordSchema.parse(JSON.parse(readFileSync(json, 'utf8'))),
  };
}

const stateOf = ({ audit }: RunRecord, id: string) => audit.checks.find((check) => check.id === id);

withPython(
  'catches the example shop overselling, with a witness, and passes it after its one-line fix',
  async () => {
    const source = readFileSync(join(examples, 'shop.py'), 'utf8');
    const fixed = source.replace(/^one_at_a_time = .*$/m, 'one_at_a_time = threading.Lock()');
    expect(fixed).not.toBe(source);
    const fixedFile = join(dataDir, 'fixed.py');
    writeFileSync(fixedFile, fixed);
    const [url, fixedUrl, otherUrl] = await Promise.all(
      [join(examples, 'shop.py'), fixedFile, fixedFile].map((file) => open(file)),
    );
    // The same adapter as a module.
    const module = join(dataDir, 'shop.mjs');
    const text = readFileSync(join(examples, 'shop.mjs'), 'utf8');
    writeFileSync(module, text.replace('process.env.SHOP_URL', `'${otherUrl}'`));
    const evidenceFile = join(dataDir, 'evidence.gz');
    const [broken, passed, byModule] = await Promise.all([
      attack(adapterFor(url ?? '')),
      attack(adapterFor(fixedUrl ?? ''), '--evidence', evidenceFile),
      attack(module),
    ]);
    expect(broken.code, broken.output).toBe(3);
    expect(broken.output).toMatch(/FAIL {2}The shop broke a promise/);
    expect(broken.output).toContain('– Not judged: Every accepted request was decided');
    expect(broken.record.target).toMatchObject({ name: 'shop.py', url });
    expect(broken.record.environment.provider).toBe('none');
    expect(broken.record.audit).toMatchObject({ stock: 20 });
    expect(broken.record.audit.sold).toBeGreaterThan(20);
    const { evidence } = stateOf(broken.record, 'no_oversell') ?? {};
    expect(evidence?.witness?.contradiction).toMatch(/^Unit \d+ was sold twice\.$/);
    const rows = evidence?.witness?.events.filter(({ kind }) => kind === 'owner') ?? [];
    expect(rows).toHaveLength(2);
    expect(new Set(rows.map(({ text }) => text)).size).toBe(2);
    expect(new Set(rows.map(({ text }) => /^Unit \d+/.exec(text)?.[0])).size).toBe(1);
    expect(passed.code, passed.output).toBe(0);
    expect(passed.output).toMatch(/PASS {2}20 tickets, 20 owners\. Exactly\./);
    expect(passed.output).toContain('3 checks not judged');
    expect(passed.record.load).toMatchObject({ sent: 300, accepted: 20, rejected: 280, unknown: 0 });
    const judged = flashgrid(dataDir, 'verify', evidenceFile);
    expect(await judged.ended(), judged.output()).toBe(0);

    expect(byModule.code, byModule.output).toBe(0);
    expect(byModule.record.load).toMatchObject({ sent: 300, accepted: 20, rejected: 280 });
  },
);

it('refuses a bad adapter and what does not go with it, by field and with exit code 2', async () => {
  const far = flashgrid(dataDir, 'attack', '--target', adapterFor('http://8.8.8.8'));
  const bad = flashgrid(
    dataDir,
    'attack',
    '--target',
    adapterFor('http://127.0.0.1:1', { answers: { acceptd: {} } }),
  );
  const shop = ['attack', '--target', adapterFor('http://127.0.0.1:1')];
  const plant = flashgrid(dataDir, ...shop, '--plant', 'phantom');
  const sales = flashgrid(dataDir, ...shop, '--sales', '2');
  // Faults break parts of our own cluster, and none runs here.
  const fault = flashgrid(join(dataDir, 'no-cluster'), ...shop, '--fault', 'kill:worker@25%');
  const all = [far, bad, plant, sales, fault];
  expect(await Promise.all(all.map((run) => run.ended()))).toEqual([2, 2, 2, 2, 6]);
  expect(far.output()).toMatch(
    /url: 8\.8\.8\.8 is .* neither a loopback nor a\s+private address.*--i-own-this-target/s,
  );
  expect(bad.output()).toMatch(/answers\.accepted takes .*answers has no\s+field "acceptd"/s);
  expect(plant.output()).toContain('--plant does not go with --target');
  expect(sales.output()).toContain('--sales does not go with --target: an adapter names one sale');
  expect(fault.output().replace(/\s+/g, ' ')).toContain('FlashGrid breaks only what it started itself');
});

it('judges a shop that decides later and keeps its tickets in Postgres, and reads them without writing', async () => {
  const { postgresUrl } = testEndpoints();
  const schema = uniqueName('shop');
  const db = new pg.Client({ connectionString: postgresUrl });
  await db.connect();
  await db.query(
    `CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".tickets (seat int, buyer text, no int)`,
  );
  const stock = 10;
  const states = new Map<number, 'queued' | 'won' | 'lost'>();
  let sold = 0;
  let work = Promise.resolve();
  const decide = async (no: number, buyer: string) => {
    const seat = sold < stock ? ++sold : undefined;
    if (seat !== undefined)
      await db.query(`INSERT INTO "${schema}".tickets VALUES ($1, $2, $3)`, [seat, buyer, no]);
    states.set(no, seat === undefined ? 'lost' : 'won');
  };
  const shop = createServer((request, response) => {
    const [, page, value = ''] = request.url?.split('/') ?? [];
    if (page === 'orders') return void response.end(JSON.stringify({ state: states.get(Number(value)) }));
    const no = states.size + 1;
    states.set(no, 'queued');
    work = work.then(() => decide(no, value));
    response.writeHead(202).end(JSON.stringify({ order: { no } }));
  });
  await new Promise<void>((done) => shop.listen(0, '127.0.0.1', done));
  process.env['SHOP_DB'] = postgresUrl;
  try {
    const adapter = {
      url: `http://127.0.0.1:${(shop.address() as AddressInfo).port}`,
      buy: { path: '/buy/{buyer}' },
      answers: { accepted: { status: 202 }, id: 'order.no' },
      outcome: {
        path: '/orders/{id}',
        granted: { field: 'state', is: 'won' },
        soldOut: { field: 'state', is: 'lost' },
      },
      stock,
      reset: undefined,
    };
    const sql = `SELECT seat, buyer, no AS id FROM "${schema}".tickets`;
    const owners = { sql, postgres: '${SHOP_DB}', unit: 'seat', id: 'id' };
    const run = await attack(adapterFor(adapter.url, { ...adapter, owners }));
    expect(run.code, run.output).toBe(0);
    expect(run.record.audit).toMatchObject({ sold: 10, granted: 10, refused: 290, pending: 0 });
    const unjudged = run.record.audit.checks.filter((check) => checkState(check) === 'notJudged');
    expect(unjudged.map(({ id }) => id)).toEqual(['stock_balance', 'queues_empty']);

    // What it reads must not change anything, whatever the statement.
    const deleting = { ...owners, sql: `DELETE FROM "${schema}".tickets RETURNING buyer, seat, no AS id` };
    const refused = await attack(adapterFor(adapter.url, { ...adapter, owners: deleting }));
    expect(refused.code).toBe(6);
    expect(refused.output.replace(/\s+/g, ' ')).toContain(
      'owners.sql of the adapter): cannot execute DELETE in a read-only transaction',
    );
  } finally {
    delete process.env['SHOP_DB'];
    await new Promise((done) => shop.close(done).closeAllConnections());
    await work;
    await db.query(`DROP SCHEMA "${schema}" CASCADE`);
    await db.end();
  }
});

it('is launched by a page only when a person confirmed it, and by a terminal only nearby', async () => {
  const undo: (() => unknown)[] = [];
  try {
    const { centre } = await openControlCentre(undo);
    const target = await readTarget(join(examples, 'shop.json'));
    const order = { settings: { profile: 'burst', requests: 1, connections: 1 }, target };
    expect(await centre.dispatch('attack.launchTarget', order, 'page')).toMatchObject({
      ok: false,
      error: { code: 'page.needsConfirmation' },
    });
    // A terminal may, but not to any address.
    const far = { ...order, target: { ...target, url: 'http://8.8.8.8' } };
    expect(await centre.dispatch('attack.launchTarget', far, 'terminal')).toMatchObject({
      ok: false,
      error: { code: 'target.notPrivate', field: 'url' },
    });
  } finally {
    for (const step of undo.reverse()) await step();
  }
});

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runRecordSchema, type RunRecord } from '../../contract/run-record.ts';
import { flashgrid, temporaryDataDir } from '../support/terminal.ts';

const examples = resolve(import.meta.dirname, '../../docs/examples');
const hasPython = spawnSync('python3', ['--version']).status === 0;
/** Without Python there is no shop to attack. */
const withPython = it.skipIf(!hasPython);

let dataDir: string;
let remove: () => Promise<void>;
const shops: ChildProcess[] = [];

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
  const path = join(dataDir, `adapter-${Object.keys(change).join('-')}.json`);
  writeFileSync(path, JSON.stringify({ ...adapter, url, ...change }));
  return path;
}

async function attack(
  target: string,
  ...more: string[]
): Promise<{ code: number; output: string; record: RunRecord }> {
  const json = join(dataDir, 'run.json');
  const run = flashgrid(
    dataDir,
    'attack',
    '--target',
    target,
    '--requests',
    '300',
    '--connections',
    '50',
    '--json',
    json,
    ...more,
  );
  const code = await run.ended();
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
    const url = await open(join(examples, 'shop.py'));
    const broken = await attack(adapterFor(url));
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
    // No cluster was started for it.
    expect(existsSync(join(dataDir, 'native'))).toBe(false);

    const fixed = source.replace(/^one_at_a_time = .*$/m, 'one_at_a_time = threading.Lock()');
    expect(fixed).not.toBe(source);
    writeFileSync(join(dataDir, 'fixed.py'), fixed);
    const fixedUrl = await open(join(dataDir, 'fixed.py'));
    const evidenceFile = join(dataDir, 'evidence.gz');
    const passed = await attack(adapterFor(fixedUrl), '--evidence', evidenceFile);
    expect(passed.code, passed.output).toBe(0);
    expect(passed.output).toMatch(/PASS {2}20 tickets, 20 owners\. Exactly\./);
    expect(passed.output).toContain('3 checks not judged');
    expect(passed.record.load).toMatchObject({ sent: 300, accepted: 20, rejected: 280, unknown: 0 });
    const judged = flashgrid(dataDir, 'verify', evidenceFile);
    expect(await judged.ended(), judged.output()).toBe(0);

    // The same adapter as a module, found by its environment variable.
    writeFileSync(
      join(dataDir, 'shop.mjs'),
      readFileSync(join(examples, 'shop.mjs'), 'utf8').replace('process.env.SHOP_URL', `'${fixedUrl}'`),
    );
    const byModule = await attack(join(dataDir, 'shop.mjs'));
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
  const fault = flashgrid(dataDir, 'attack', '--target', 'any.json', '--fault', 'kill:worker@25%');
  expect(await Promise.all([far.ended(), bad.ended(), fault.ended()])).toEqual([2, 2, 2]);
  expect(far.output()).toMatch(
    /url: 8\.8\.8\.8 is .* neither a loopback nor a\s+private address.*--i-own-this-target/s,
  );
  expect(bad.output()).toMatch(/answers\.accepted takes .*answers has no\s+field "acceptd"/s);
  expect(fault.output()).toContain('--fault does not go with --target');
});

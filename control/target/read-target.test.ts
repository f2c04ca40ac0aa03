import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FailureError } from '../../contract/failure.ts';
import { readTarget } from './read-target.ts';
import { isNearby } from './target-limits.ts';

const docs = resolve(import.meta.dirname, '../../docs');
let dir: string;
let example: Record<string, unknown>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fg-target-'));
  example = JSON.parse(await readFile(join(docs, 'examples/shop.json'), 'utf8')) as Record<string, unknown>;
});
afterAll(() => rm(dir, { recursive: true }));

/** What is told of the example with a change, or of another text. */
async function complaint(change: Record<string, unknown> | string, name = 'adapter.json'): Promise<string> {
  const file = join(dir, name);
  await writeFile(file, typeof change === 'string' ? change : JSON.stringify({ ...example, ...change }));
  const error: unknown = await readTarget(file).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FailureError)) throw new Error('it was read', { cause: error });
  return error.failure.message.replace(`${file}: `, '');
}

describe('the adapter of a shop', () => {
  it('is read as the docs show it, as a file and as a module', async () => {
    const text = await readFile(join(docs, 'examples/shop.json'), 'utf8');
    expect(await readFile(join(docs, 'any-shop.md'), 'utf8')).toContain(text);
    expect(await readTarget(join(docs, 'examples/shop.json'))).toMatchObject({ name: 'shop.py', limit: 1 });
    expect(await readTarget(join(docs, 'examples/shop.mjs'))).toMatchObject({ name: 'shop.py', limit: 1 });
  });

  it('is refused with the field that is wrong', async () => {
    const cases: [change: Record<string, unknown>, told: RegExp][] = [
      [{ name: undefined }, /^name is missing\.$/],
      [{ url: 'shop' }, /^url takes an address/],
      [{ url: 'ftp://127.0.0.1' }, /^url takes an address/],
      [{ stok: 20 }, /^has no field "stok"\.$/],
      [{ stock: 0 }, /^stock must be at least 1\.$/],
      [{ stock: 'many' }, /^stock takes a whole number from 1, or/],
      [{ limit: 11 }, /^limit must be at most 10\.$/],
      [{ buy: { path: 'buy', body: '{buyer}' } }, /^buy\.path takes a path that begins with \//],
      [{ buy: { path: '/buy' } }, /^buy has no \{buyer\}/],
      [{ headers: { Host: 'x' } }, /^headers takes names of headers, and none that FlashGrid sets itself/],
      [{ headers: { a: 'b\r\nc: d' } }, /^headers\.a takes printable ASCII/],
      [{ answers: {} }, /^answers\.accepted takes \{ "status": 200 \}/],
      [
        { answers: { accepted: { is: 1, status: 200 } } },
        /^answers\.accepted .*"is" needs "field"|^answers\.accepted takes/,
      ],
      [{ owners: {} }, /^owners needs "path" \(HTTP\) or "sql"/],
      [{ owners: { sql: 'SELECT 1' } }, /^owners "sql" needs "postgres"/],
      [{ outcome: { path: '/o/{id}', granted: { status: 200 } } }, /^answers\.id is missing/],
      [{ name: '${NO_SUCH_VARIABLE}' }, /^name names the environment variable NO_SUCH_VARIABLE/],
    ];
    for (const [change, told] of cases) expect(await complaint(change)).toMatch(told);
    expect(await complaint('{')).toMatch(/^is not JSON/);
    expect(await complaint('export const url = 1;', 'empty.mjs')).toMatch(
      /^request must be an exported function/,
    );
  });
});

it('takes loopback and private addresses for nearby, and no other', () => {
  for (const address of [
    '127.0.0.1',
    '127.8.8.8',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '::1',
    'fd00::1',
    '::ffff:127.0.0.1',
  ])
    expect([address, isNearby(address)]).toEqual([address, true]);
  for (const address of [
    '8.8.8.8',
    '172.32.0.1',
    '169.254.169.254',
    '192.169.0.1',
    '0.0.0.0',
    '2001:db8::1',
    'fe80::1',
    '::ffff:8.8.8.8',
    'localhost',
  ])
    expect([address, isNearby(address)]).toEqual([address, false]);
});

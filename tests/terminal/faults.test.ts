import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { attackWithFault, planAttack, whenWell } from '../support/fault-attacks.ts';
import { flashgrid, temporaryDataDir } from '../support/terminal.ts';

const SEED = 1;

let dataDir: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ path: dataDir, remove } = await temporaryDataDir());
  const up = flashgrid(dataDir, 'up', '--provider', 'native', '--gateways', '2', '--workers', '2');
  expect(await up.ended(), up.output()).toBe(0);
});

afterAll(async () => {
  await flashgrid(dataDir, 'down', '--reset').ended();
  await remove();
});

// The first attack of the seed whose fault is of that kind; `npm run faults` runs a hundred.
it.each(['kill gateway', 'freeze workers', 'freeze machine'])(
  'tells the truth of an attack with this in it: %s',
  async (what) => {
    const number = Array.from({ length: 300 }, (_, at) => at + 1).find((at) => {
      const { name, lengthMs } = planAttack(SEED, at).fault;
      return name.startsWith(what) && lengthMs < 6_000;
    });
    await whenWell(dataDir);
    const outcome = await attackWithFault(dataDir, SEED, number ?? 0);
    expect(outcome.wrongs, outcome.output).toEqual([]);
    expect(outcome.fault.name).toContain(what);
  },
  180_000,
);

it('goes through a crash matrix, refuses another attack meanwhile, and goes on after Ctrl-C', async () => {
  await whenWell(dataDir);
  const file = (name: string) => join(dataDir, name);
  const args = ['--only', 'flush,kill', '--quick', '--out', file('m.ndjson')];
  const first = flashgrid(dataDir, 'matrix', ...args);
  await first.printed(/^1\/2 {2}seed 1 {2}flush:\S+: exit 0\. /m);
  const refused = flashgrid(dataDir, 'attack', '--requests', '100', '--connections', '10');
  expect(await refused.ended()).toBe(6);
  expect(refused.output()).toContain('The crash matrix is running: 1 of 2 attacks are done.');
  first.child.kill('SIGINT');
  expect(await first.ended(), first.output()).toBe(130);
  expect(readFileSync(file('m.ndjson'), 'utf8').trim().split('\n')).toHaveLength(1);
  const second = flashgrid(dataDir, 'matrix', ...args, '--html', file('m.html'), '--md', file('m.md'));
  expect(await second.ended(), second.output()).toBe(0);
  expect(second.output()).toContain('1 of 2 attacks are in');
  expect(second.output()).toMatch(/^1\/1 {2}seed 1 {2}kill:worker@\d+%: exit 0\. .*served again/m);
  expect(second.output()).toContain('No promise was broken.');
  expect(readFileSync(file('m.html'), 'utf8')).toContain('<h1>HELD</h1>');
  expect(readFileSync(file('m.md'), 'utf8')).toContain('| `kill:worker` | 1 |');
}, 180_000);

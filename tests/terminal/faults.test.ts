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
  const matrix = (seeds: number, ...more: string[]) =>
    flashgrid(
      dataDir,
      'matrix',
      '--only',
      'flush',
      '--seeds',
      String(seeds),
      '--out',
      file('m.ndjson'),
      ...more,
    );
  // More than are made before the interrupt.
  const first = matrix(8);
  await first.printed(/^1\/8 {2}seed 1 {2}flush:redis@\d+%: exit 0\. .*were deleted\./m);
  const refused = flashgrid(dataDir, 'attack', '--requests', '100', '--connections', '10');
  const status = flashgrid(dataDir, 'status');
  expect(await Promise.all([refused.ended(), status.ended()])).toEqual([6, 0]);
  expect(refused.output()).toMatch(/The crash matrix is running: \d of 8 attacks are done\./);
  expect(status.output()).toMatch(/Crash matrix: running, \d of 8 attacks are done/);
  first.child.kill('SIGINT');
  expect(await first.ended(), first.output()).toBe(130);
  const made = readFileSync(file('m.ndjson'), 'utf8').trim().split('\n').length;
  expect(made).toBeLessThan(8);
  const second = matrix(made + 1, '--html', file('m.html'), '--md', file('m.md'));
  expect(await second.ended(), second.output()).toBe(0);
  expect(second.output()).toContain(`${made} of ${made + 1} attacks are in`);
  expect(second.output()).toMatch(new RegExp(`^1/1 {2}seed ${made + 1} {2}flush:redis@`, 'm'));
  expect(second.output()).toContain('No promise was broken.');
  expect(readFileSync(file('m.html'), 'utf8')).toContain('<h1>HELD</h1>');
  expect(readFileSync(file('m.md'), 'utf8')).toContain(`| \`flush:redis\` | ${made + 1} |`);
}, 180_000);

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

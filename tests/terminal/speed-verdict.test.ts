import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runRecordSchema } from '../../contract/run-record.ts';
import { startBurner } from '../support/burner.ts';
import { flashgrid, survivors, temporaryDataDir } from '../support/terminal.ts';

let dataDir: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ path: dataDir, remove } = await temporaryDataDir());
});

afterAll(async () => {
  if (survivors(dataDir).length > 0) await flashgrid(dataDir, 'down', '--reset').ended();
  await remove();
});

it('measures latency as it can be computed, from intended and from actual send times', async () => {
  const test = flashgrid(dataDir, 'selftest', 'latency');
  expect(await test.ended(), test.output()).toBe(0);
  expect(test.output()).toMatch(
    /\nintended +p99 [\s\S]*\nactual +p99 [\s\S]*all 13 figures agree within 5 %/,
  );
  const unknown = flashgrid(dataDir, 'selftest', 'everything');
  expect(await unknown.ended()).toBe(2);
});

// Only Linux tells what other programs use.
it.runIf(existsSync('/proc/stat'))(
  'withholds the speed verdict of the poster attack while another program takes a core, and judges what was sold',
  async () => {
    const up = flashgrid(dataDir, 'up', '--provider', 'native');
    expect(await up.ended(), up.output()).toBe(0);
    const burner = await startBurner();
    try {
      const file = join(dataDir, 'poster.json');
      const poster = flashgrid(dataDir, 'attack', '--json', file);
      expect(await poster.ended(), poster.output()).toBe(0);
      expect(poster.output()).toMatch(/PASS {2}[\s\S]*The speed verdict is withheld: /);
      const { speed, audit, load } = runRecordSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
      expect(audit.checks.every(({ ok }) => ok)).toBe(true);
      expect(speed?.withheld.join(' ')).toMatch(/Other programs used [\d.]+ of this machine's/);
      expect(speed?.withheld.join(' ')).toContain(`process ${burner.pid})`);
      expect(load.generator.each).toHaveLength(load.generator.processes);

      const few = ['--requests', '500', '--connections', '50', '--stock', '5'];
      const asked = flashgrid(dataDir, 'attack', ...few, '--slo', 'p99<1min', 'unknown==0');
      expect(await asked.ended(), asked.output()).toBe(5);
      expect(asked.output()).toMatch(/Every promise was kept, but the speed verdict is withheld/);
      expect(asked.output()).toMatch(/Not judged[\s\S]*p99<1min/);
    } finally {
      burner.end();
    }
    const down = flashgrid(dataDir, 'down', '--reset');
    expect(await down.ended(), down.output()).toBe(0);
  },
);

/** What takes a guard out of a test build (tests/support/guards.ts) must fit the sources of today, and stand nowhere in them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attackSettingsSchema } from '../../contract/attack-settings.ts';
import { matrixCells } from '../../contract/chaos.ts';
import { MODEL_GUARDS, modelCell, modelSettings } from '../../contract/model-cells.ts';
import { guardRunsSchema } from '../support/guard-runs.ts';
import { GUARDS, matrixGuards, type Guard } from '../support/guards.ts';
import { applyCuts } from '../support/unguarded-build.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

it.each(Object.entries(GUARDS as Readonly<Record<string, Guard>>))(
  'the guard %s can be taken out, and has no switch in the sources',
  (_, { cuts }) => {
    for (const cut of cuts) {
      const source = readFileSync(join(root, cut.file), 'utf8');
      expect(applyCuts(cut.file, source, [cut])).not.toBe(source);
      // A short one is plain code.
      if (cut.replace.length > 20) expect(source).not.toContain(cut.replace);
    }
  },
);

describe('the counterexamples of the model', () => {
  const named = [...read('docs/model/flashgrid.pml').matchAll(/\bNO_[A-Z_]*[A-Z]\b/g)].map(([name]) => name);

  it('are each a cell of the matrix, or it is said why none can show it', () => {
    expect([...MODEL_GUARDS].sort()).toEqual([...new Set(named)].sort());
    const rows = new Set(matrixCells([1], ['model']).map(({ fault }) => fault));
    const without = MODEL_GUARDS.filter((guard) => !rows.has(`model:${guard}`));
    expect(without.map((guard) => [guard, modelCell(guard)])).toEqual(
      without.map((guard) => [guard, { why: expect.stringMatching(/^[A-Z].{30,}\.$/) as string }]),
    );
    // Fewer cells than this is a step back.
    expect(rows.size).toBeGreaterThanOrEqual(15);
  });

  it.each(matrixGuards())('$model can be walked without its guard', ({ model, cuts, sql }) => {
    expect(cuts.length + sql.length).toBeGreaterThan(0);
    for (const { file } of cuts) expect(applyCuts(file, read(file), cuts)).not.toBe(read(file));
    const { faults, ...settings } = modelSettings(model, 1) ?? { faults: '' };
    expect(attackSettingsSchema.parse({ ...settings, faults })).toMatchObject({ faults });
  });

  it('were tried, with their guard and without: a cell that nothing breaks shows nothing', () => {
    const runs = guardRunsSchema.parse(JSON.parse(read('docs/guards.json')));
    const tried = Object.fromEntries(matrixGuards().map(({ model }) => [model, runs[model]]));
    for (const [model, run] of Object.entries(tried)) {
      expect(run?.with?.broken, model).toBe(0);
      expect(run?.with?.held, model).toBeGreaterThan(0);
      expect(run?.without?.broken, model).toBeGreaterThan(0);
    }
  });
});

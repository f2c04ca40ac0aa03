import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { matrixResult } from '../../tests/support/matrix-fixture.ts';
import { MatrixFile } from './matrix-file.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fg-matrix-'));
  path = join(dir, 'matrix.ndjson');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const seedsOf = async (file = new MatrixFile(path)) => (await file.list()).map(({ seed }) => seed);

describe('the file of a matrix', () => {
  it('gives back what was added, by this process or an earlier one', async () => {
    const file = new MatrixFile(path);
    expect(await file.list()).toEqual([]);
    await file.add(matrixResult());
    await file.add(matrixResult({ seed: 2 }));
    expect(await seedsOf(file)).toEqual([1, 2]);
    expect(await new MatrixFile(path).list()).toEqual(await file.list());
  });

  it('replaces the result of an attack that was made again, but not that of another provider', async () => {
    const file = new MatrixFile(path);
    for (const over of [{}, { seed: 2 }, { runId: 'run-9' }, { provider: 'docker' }])
      await file.add(matrixResult(over));
    for (const one of [file, new MatrixFile(path)])
      expect((await one.list()).map(({ runId, seed, provider }) => [runId, seed, provider]).sort()).toEqual([
        ['run-1', 1, 'docker'],
        ['run-1', 2, 'native'],
        ['run-9', 1, 'native'],
      ]);
  });

  it('takes out a last line that was cut short, so that the next one stands alone', async () => {
    await new MatrixFile(path).add(matrixResult());
    appendFileSync(path, '{"fault":"kill:wor');
    const file = new MatrixFile(path);
    expect(await seedsOf(file)).toEqual([1]);
    await file.add(matrixResult({ seed: 2 }));
    expect(await seedsOf()).toEqual([1, 2]);
  });

  it('that holds something else is told, with the line, and is left as it is', async () => {
    writeFileSync(path, `${JSON.stringify(matrixResult())}\nnotes of mine\n`);
    await expect(new MatrixFile(path).list()).rejects.toThrow('line 2 is no result of a matrix');
    writeFileSync(path, 'a diary');
    await expect(new MatrixFile(path).list()).rejects.toThrow('it holds no result of a matrix');
    expect(readFileSync(path, 'utf8')).toBe('a diary');
    // Starting afresh works even then.
    const file = new MatrixFile(path);
    await file.clear();
    expect(await file.list()).toEqual([]);
  });

  it('is bounded: the oldest of what is not wanted goes', async () => {
    const file = new MatrixFile(path);
    for (let seed = 1; seed <= 6; seed++) await file.add(matrixResult({ seed }));
    await file.drop(2, ({ seed }) => seed === 1);
    expect(await seedsOf(file)).toEqual([1, 5, 6]);
    expect(await seedsOf()).toEqual([1, 5, 6]);
  });
});

import { describe, expect, it } from 'vitest';
import { attackSettingsSchema } from './attack-settings.ts';
import { chaosFaults, matrixCells } from './chaos.ts';
import { FAULT_KINDS, faultKind, faultText, parseFaults } from './faults.ts';
import { matrixRows, matrixSummary, type MatrixResult } from './matrix-report.ts';

describe('a random schedule', () => {
  it('is the same for the same seed, another for another, and can be written down', () => {
    const seeds = Array.from({ length: 200 }, (_, seed) => seed);
    const texts = seeds.map((seed) => chaosFaults(seed));
    expect(seeds.map((seed) => chaosFaults(seed))).toEqual(texts);
    expect(new Set(texts).size).toBeGreaterThan(195);
    for (const text of texts) expect(parseFaults(text).map(faultText).join(' ')).toBe(text);
    // A fault every ten seconds of an attack that lasts.
    const long = parseFaults(chaosFaults(7, 1_800)).filter(({ kind }) => kind !== 'flush');
    expect(long.length).toBeGreaterThan(170);
    expect(long.every(({ at }) => 'afterMs' in at && at.afterMs < 1_800_000)).toBe(true);
    const kinds = new Set(texts.flatMap((text) => parseFaults(text).map(({ kind }) => kind)));
    expect(FAULT_KINDS.filter((kind) => !kinds.has(kind))).toEqual(['freeze']);
  });
});

describe('the matrix', () => {
  it('has every target of every fault once for each seed, as attacks that can be launched', () => {
    const cells = matrixCells([1, 2]);
    const targets = FAULT_KINDS.reduce((sum, kind) => sum + faultKind(kind).targets.length, 0);
    expect(cells).toHaveLength(2 * targets);
    expect(new Set(cells.map(({ fault, seed }) => `${fault} ${seed}`)).size).toBe(cells.length);
    for (const { settings } of cells) expect(attackSettingsSchema.safeParse(settings).success).toBe(true);
    expect(matrixCells([1], ['flush']).map(({ fault }) => fault)).toEqual(['flush:redis']);
    const quick = matrixCells(
      Array.from({ length: 8 }, (_, seed) => seed),
      ['cut'],
      true,
    );
    expect(quick).toHaveLength(8);
    expect(new Set(quick.map(({ fault }) => fault)).size).toBe(faultKind('cut').targets.length);
  });

  const result: MatrixResult = {
    fault: 'kill:worker',
    seed: 1,
    provider: 'native',
    args: '--fault kill:worker@25%',
    runId: 'run-1',
    exitCode: 0,
    hadEffect: true,
    broken: [],
    reasons: [],
    oversold: 0,
    undersold: 0,
    lost: 0,
    duplicated: 0,
    pending: 0,
    unknown: 3,
    requests: 1_000,
    coverage: { frameRedelivered: 2 },
  };

  it('tells what held, and names every attack that did not', () => {
    const broken = {
      ...result,
      seed: 2,
      args: '--seed 2',
      exitCode: 3,
      broken: ['no_oversell'],
      oversold: 1,
    };
    const idle = { ...result, seed: 3, args: '--seed 3', exitCode: 5, hadEffect: false };
    const open = { ...result, seed: 4, args: '--seed 4', exitCode: 6, reasons: ['Redis is away.'] };
    const [, row] = matrixRows([result, broken, idle, open]);
    expect(row?.slice(0, 8)).toEqual(['`kill:worker`', '4', '4,000', '1', '1', '1', '1', '1']);
    const summary = matrixSummary([result, broken, idle, open]).join('\n');
    expect(summary).toContain('4 attacks with 4,000 requests: 1 oversold');
    expect(summary).toContain('Broken in 1 attack: --seed 2.');
    expect(summary).toContain('Without effect: --seed 3.');
    expect(summary).toContain('Undecided: --seed 4 (Redis is away.).');
    expect(summary).toMatch(/Rare paths that no attack took: .*frame refused by RabbitMQ/);
    expect(matrixSummary([result]).join('\n')).toContain('No promise was broken.');
  });
});

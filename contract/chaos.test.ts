import { describe, expect, it } from 'vitest';
import { attackSettingsSchema } from './attack-settings.ts';
import { chaosFaults, matrixCells } from './chaos.ts';
import { MODEL_GUARDS, modelCell } from './model-cells.ts';
import { faultText, parseFaults } from './fault-syntax.ts';
import { FAULT_KINDS, LEADER_TARGETS, faultKind, memberOf } from './faults.ts';

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
    const everywhere = (sellsOut: boolean) =>
      seeds.map((seed) => chaosFaults(seed, 1_800, sellsOut)).join(' ');
    expect(everywhere(false)).toContain(':worker.after-commit');
    expect(everywhere(true)).not.toContain(':worker.after-commit');
    const kinds = new Set(texts.flatMap((text) => parseFaults(text).map(({ kind }) => kind)));
    expect(FAULT_KINDS.filter((kind) => !kinds.has(kind))).toEqual(['freeze', 'resend', 'partition']);
  });

  it('breaks members, and no whole backend in their place, where the cluster is highly available', () => {
    const of = (isHighly: boolean) =>
      [1, 2, 3, 4, 5, 6].flatMap((seed) => parseFaults(chaosFaults(seed, 3_500, false, isHighly)));
    const targets = new Set(of(true).map(({ kind, target }) => `${kind}:${target}`));
    for (const leader of LEADER_TARGETS)
      for (const kind of ['kill', 'pause', 'restart', 'partition'])
        expect(targets).toContain(`${kind}:${leader}`);
    expect(targets).not.toContain('kill:redis');
    expect(of(false).some(({ target }) => memberOf(target))).toBe(false);
  });
});

describe('the matrix', () => {
  it('moves clocks both ways', () => {
    const faults = matrixCells([1, 2, 3, 4], ['clock']).flatMap(({ settings }) =>
      parseFaults(settings.faults),
    );
    expect(new Set(faults.map(({ value }) => Math.sign(Number(value))))).toEqual(new Set([1, -1]));
  });

  it('has every target of every fault once for each seed, as attacks that can be launched', () => {
    const cells = matrixCells([1, 2]);
    const targets = FAULT_KINDS.reduce((sum, kind) => sum + faultKind(kind).targets.length, 0);
    const ways = MODEL_GUARDS.filter((guard) => !('why' in modelCell(guard)));
    expect(cells).toHaveLength(2 * (targets + ways.length));
    expect(new Set(cells.map(({ fault, seed }) => `${fault} ${seed}`)).size).toBe(cells.length);
    for (const { settings } of cells) expect(attackSettingsSchema.safeParse(settings).success).toBe(true);
    expect(matrixCells([1], ['flush', 'kill:redis', 'model:NO_KEY']).map(({ fault }) => fault)).toEqual([
      'kill:redis',
      'flush:redis',
      'model:NO_KEY',
    ]);
    const highlyAvailable = matrixCells([1], ['kill', 'partition:redis-primary'], false, true);
    expect(highlyAvailable.map(({ fault }) => fault).join(' ')).toBe(
      'kill:gateway kill:worker kill:gateways kill:workers kill:rabbitmq-leader kill:redis-primary kill:postgres-primary partition:redis-primary',
    );
    for (const { settings } of highlyAvailable)
      expect(attackSettingsSchema.safeParse(settings).success).toBe(true);
    const quick = matrixCells(
      Array.from({ length: 8 }, (_, seed) => seed),
      ['cut'],
      true,
    );
    expect(quick).toHaveLength(8);
    expect(new Set(quick.map(({ fault }) => fault)).size).toBe(faultKind('cut').targets.length);
  });
});

import { describe, expect, it } from 'vitest';
import { MATRIX_KINDS } from './chaos.ts';
import { matrixLeftMs, matrixPlanSchema, planCells, type MatrixState } from './matrix.ts';

describe('the plan of a matrix', () => {
  it('has every target of every kind once for each seed, or one target of each kind', () => {
    const all = planCells(matrixPlanSchema.parse({ seeds: 2, firstSeed: 5 }));
    expect(new Set(all.map(({ seed }) => seed))).toEqual(new Set([5, 6]));
    expect(new Set(all.map(({ fault, seed }) => `${fault} ${seed}`)).size).toBe(all.length);
    const quick = planCells(matrixPlanSchema.parse({ isQuick: true }));
    expect(quick.map(({ fault }) => fault.split(':')[0])).toEqual(
      MATRIX_KINDS.filter((kind) => kind !== 'partition'),
    );
    const rows = ['kill:worker', 'model:NO_FENCE'];
    expect(planCells(matrixPlanSchema.parse({ only: rows })).map(({ fault }) => fault)).toEqual(rows);
    const cut = planCells(matrixPlanSchema.parse({ only: ['cut'] }));
    expect(cut.every(({ fault }) => fault.startsWith('cut:'))).toBe(true);
  });

  it.each([
    [{ seeds: 0 }, 'seeds'],
    [{ firstSeed: -1 }, 'firstSeed'],
    [{ only: [] }, 'only'],
    [{ only: ['melt'] }, 'only'],
    [{ only: ['kill:frames'] }, 'only'],
    [{ seeds: 1_000 }, 'seeds'],
    [{ quick: true }, undefined],
  ])('that is wrong is refused, and its field is named: %j', (plan, field) => {
    const { error } = matrixPlanSchema.safeParse(plan);
    expect(error?.issues[0]?.path[0]).toBe(field);
    expect(error?.issues).toHaveLength(1);
  });

  it('of too many attacks says how many they are, and how many may be', () => {
    const { error } = matrixPlanSchema.safeParse({ seeds: 1_000 });
    expect(error?.issues[0]?.message).toMatch(/these are \d{5,} attacks, and a matrix has at most 20000/);
    expect(matrixPlanSchema.safeParse({ seeds: 1_000, only: ['flush'] }).success).toBe(true);
  });
});

it('estimates what is left from the attacks so far, and only from them', () => {
  const state: MatrixState = { phase: 'running', total: 10, done: 4, impossible: [], version: 4 };
  expect(matrixLeftMs(state, 0)).toBeUndefined();
  const current = { fault: 'flush:redis', seed: 1, faults: 'flush:redis@20%', startedAtMs: 1_000 };
  expect(matrixLeftMs({ ...state, msPerAttack: 5_000 }, 0)).toBe(30_000);
  expect(matrixLeftMs({ ...state, msPerAttack: 5_000, current }, 3_000)).toBe(28_000);
  // An attack that takes longer than the others does not make the rest shorter.
  expect(matrixLeftMs({ ...state, msPerAttack: 5_000, current }, 60_000)).toBe(25_000);
});

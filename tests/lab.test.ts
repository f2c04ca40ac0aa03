/** The lab on real backends: every design does what its entry in the catalogue claims, and is judged by the same checks. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DESIGN_IDS, DESIGNS } from '../contract/designs.ts';
import type { LabResult, LabState } from '../contract/lab.ts';
import { labSentences } from '../contract/lab-report.ts';
import { openControlCentre } from './support/centre.ts';
import { waitFor } from './support/worker-world.ts';

const undo: (() => unknown)[] = [];
let world: Awaited<ReturnType<typeof openControlCentre>>;
const results: LabResult[] = [];
let state: LabState | undefined;

beforeAll(async () => {
  world = await openControlCentre(undo);
  world.centre.on('lab.resultAdded', ({ result }) => results.push(result));
  world.centre.on('lab.stateChanged', ({ lab }) => (state = lab));
  await world.ask('cluster.start', { provider: 'native' });
  await world.ask('lab.start', { rounds: 1, buyers: 2_000, connections: 200 });
  await expect(world.ask('attack.launch', { profile: 'burst' })).rejects.toThrow(/The lab is running/);
  await waitFor('the end of the lab', () => state?.phase === 'idle', 240_000);
}, 300_000);
afterAll(async () => {
  for (const step of undo.reverse()) await step();
}, 60_000);

it('brings the same buyers to every design, and finds what each claims', () => {
  expect(state?.failure).toBeUndefined();
  expect(results.map(({ design }) => design)).toEqual(DESIGN_IDS);
  expect(labSentences(results).join(' ')).toMatch(
    /the same for every design.*agrees with what each design claims/,
  );
  for (const { design, requests, sold, undersold, lost, unknown } of results) {
    expect([design, requests, undersold, lost, unknown]).toEqual([design, 2_000, 0, 0, 0]);
    if (DESIGNS[design].oversells !== 'always') expect([design, sold]).toEqual([design, 20]);
  }
});

it('shows the two buyers of a double sale, by what their own process did', () => {
  const naive = results.find(({ design }) => design === 'read-then-write');
  expect(naive?.exitCode).toBe(3);
  expect(naive?.witness?.contradiction).toMatch(/^Unit \d+ was sold to A and to B\.$/);
  const readBy = (lane: number) =>
    naive?.witness?.events.find((event) => event.lane === lane && event.kind === 'seen')?.text;
  expect(readBy(0)).toMatch(/^left_units = \d+$/);
  expect(readBy(0)).toBe(readBy(1));
});

it('counts what others pay for the same promise', () => {
  const costs = (id: string) => results.find(({ design }) => design === id)?.costs;
  expect(costs('serializable')?.retries).toBeGreaterThan(0);
  expect(costs('row-lock')?.lockWaitMs).toBeGreaterThan(0);
  expect(costs('postgres-batched')?.commits).toBeLessThan(20);
  expect(costs('flashgrid')).toBeUndefined();
});

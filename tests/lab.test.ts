/** The lab on real backends: every design does what its entry in the catalogue claims, and is judged by the same checks. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DESIGN_IDS, DESIGNS } from '../contract/designs.ts';
import type { LabResult, LabState } from '../contract/lab.ts';
import { labSentences } from '../contract/lab-report.ts';
import { RACE_BUYERS, RACE_DESIGNS, raceVerdict, type OpenRace, type RaceDesign } from '../contract/race.ts';
import { openControlCentre } from './support/centre.ts';
import { waitFor } from './support/worker-world.ts';

const SMALL = { rounds: 1, buyers: 2_000, connections: 200 };
const undo: (() => unknown)[] = [];
let world: Awaited<ReturnType<typeof openControlCentre>>;
const results: LabResult[] = [];
let state: LabState | undefined;

beforeAll(async () => {
  world = await openControlCentre(undo);
  world.centre.on('lab.resultAdded', ({ result }) => results.push(result));
  world.centre.on('lab.stateChanged', ({ lab }) => (state = lab));
  await world.ask('cluster.start', { provider: 'native' });
  await world.ask('lab.start', { ...SMALL, bets: { 'read-then-write': 25 } });
  await expect(world.ask('attack.launch', { profile: 'burst' })).rejects.toThrow(/The lab is running/);
  await waitFor('the end of the lab', () => state?.phase === 'idle', 240_000);
}, 300_000);
afterAll(async () => {
  for (const step of undo.reverse()) await step();
}, 60_000);

it('brings the same buyers to every design, and finds what each claims', () => {
  expect(state?.failure).toBeUndefined();
  expect(results.map(({ design }) => design)).toEqual(DESIGN_IDS);
  expect(results.filter(({ bet }) => bet !== undefined).map(({ design, bet }) => [design, bet])).toEqual([
    ['read-then-write', 25],
  ]);
  expect(labSentences(results).join(' ')).toMatch(
    /the same for every design.*agrees with what each design claims/,
  );
  for (const { design, requests, sold, undersold, lost, unknown, backendMicros } of results) {
    expect([design, backendMicros]).toEqual([design, expect.any(Number)]);
    expect(backendMicros).toBeGreaterThan(0);
    expect([design, requests, undersold, lost, unknown]).toEqual([design, 2_000, 0, 0, 0]);
    if (DESIGNS[design].oversells === 'never') expect([design, sold]).toEqual([design, 20]);
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
  const of = (id: string) => results.find(({ design }) => design === id);
  const costs = (id: string) => of(id)?.costs;
  expect(costs('serializable')?.retries).toBeGreaterThan(0);
  expect(of('row-lock')?.postgresWaitMs).toBeGreaterThan(0);
  expect(costs('redlock')?.lockWaitMs).toBeGreaterThan(0);
  expect(costs('postgres-batched')?.commits).toBeLessThan(20);
  expect(costs('flashgrid')).toMatchObject({ retries: 0, gaveUp: 0 });
});

it('stops an instance that holds its lock or its unit: the Redlock sells twice, a row lock lets all wait', async () => {
  results.length = 0;
  const designs = DESIGN_IDS.filter((id) => ['row-lock', 'redlock', 'one-each', 'flashgrid'].includes(id));
  await world.ask('lab.start', { ...SMALL, rounds: 0, stall: true, designs });
  await waitFor('the end of the lab', () => state?.phase === 'idle', 120_000);
  expect(state?.failure).toBeUndefined();
  expect(results.map(({ design, kind }) => [kind, design])).toEqual(designs.map((one) => ['stall', one]));
  for (const { design, stopped, oversold, undersold, lost } of results) {
    expect([design, stopped?.forMs ?? 0, undersold, lost]).toEqual([design, expect.any(Number), 0, 0]);
    expect([design, stopped?.forMs]).toEqual([design, expect.toSatisfy((ms: number) => ms >= 2_000)]);
    expect([design, oversold > 0]).toEqual([design, design === 'redlock']);
  }
  const [rowLock, redlock] = results;
  expect(rowLock?.stopped?.soldMeanwhile).toBe(0);
  expect(redlock?.stopped?.soldMeanwhile).toBeGreaterThan(0);
  const said = redlock?.witness?.events.map(({ text }) => text).join('; ');
  expect(said).toMatch(/this process was stopped for \d+ ms/);
}, 150_000);

it('runs a design as a shop that any attack can take, until it is ended', async () => {
  const declared = await world.ask('lab.serveDesign', { design: 'atomic-update', stock: 7 });
  await expect(world.ask('lab.start', {})).rejects.toThrow(/The design atomic-update runs as a shop/);
  const { name, url } = declared;
  const buy = await fetch(`${url}/buy/ann`, { method: 'POST' });
  expect([name, declared.stock, buy.status]).toEqual(['One atomic UPDATE', 7, 201]);
  await world.ask('lab.endShop', {});
  await expect(fetch(`${url}/tickets`)).rejects.toThrow();
});

describe('the race of two buyers by hand', () => {
  /** Most steps that both together need. */
  const MAX_STEPS = 40;

  async function opened(design: RaceDesign): Promise<OpenRace> {
    const race = await world.ask('race.open', { design });
    if (race.is !== 'open') throw new Error('it is closed');
    return race;
  }

  /** Sends a statement of A, then one of B, and so on to the end. @returns the race, and who ever waited */
  async function inTurns(design: RaceDesign): Promise<{ race: OpenRace; waited: Set<string> }> {
    let race = await opened(design);
    const waited = new Set<string>();
    for (let steps = 0; steps < MAX_STEPS && raceVerdict(race).is === 'running'; steps++) {
      const buyer = RACE_BUYERS[steps % 2] ?? 'A';
      const next = await world.ask('race.step', { buyer });
      if (next.is !== 'open') throw new Error('it was closed');
      race = next;
      for (const one of RACE_BUYERS) if (race.sessions[one].waits) waited.add(one);
    }
    return { race, waited };
  }

  /** What the second buyer is told by each design that refuses, and whether it waited before. */
  const refusals: Readonly<Partial<Record<RaceDesign, readonly [answer: RegExp, waits: boolean]>>> = {
    'repeatable-read': [/^ERROR: could not serialize access due to concurrent update$/, true],
    serializable: [/^ERROR: could not serialize access/, true],
    'row-lock': [/^left_units = 0$/, true],
    'atomic-update': [/^0 rows$/, false],
    'skip-locked': [/^0 rows$/, false],
    'version-column': [/^0 rows$/, true],
    'redis-decr': [/^-1$/, false],
    'redis-lua': [/^-1$/, false],
    redlock: [/^null$/, false],
  };

  it.each(RACE_DESIGNS)('steps through %s, and sees it oversell or say why not', async (design) => {
    const { race, waited } = await inTurns(design);
    const { A, B } = race.sessions;
    expect(A.end).toEqual({ is: 'granted', unit: 1 });
    const refusal = refusals[design];
    if (refusal) {
      expect(B.end).toEqual({ is: 'soldOut' });
      expect(B.lines.map(({ answer = '' }) => answer)).toContainEqual(expect.stringMatching(refusal[0]));
      expect(raceVerdict(race)).toMatchObject({ is: 'soldOnce' });
      expect([...waited]).toEqual(refusal[1] ? ['B'] : []);
    } else {
      expect(['always', 'often']).toContain(DESIGNS[design].oversells);
      expect(B.end?.is).toBe('granted');
      expect(raceVerdict(race)).toMatchObject({ is: 'oversold' });
    }
  });

  it('begins anew, refuses what is no buyer, and leaves nothing behind', async () => {
    await opened('row-lock');
    for (const buyer of ['A', 'A', 'A', 'B', 'B', 'B'] as const) await world.ask('race.step', { buyer });
    const again = await world.ask('race.reset', {});
    expect(again).toMatchObject({ is: 'open', sessions: { B: { lines: [] } }, tickets: [] });
    expect(await world.centre.dispatch('race.step', { buyer: 'C' })).toMatchObject({ ok: false });
    await world.ask('race.step', { buyer: 'A' });
    await world.ask('race.close', {});
    await expect(world.ask('race.step', { buyer: 'A' })).rejects.toThrow(/There is no race/);
    const urls = await world.ask('cluster.listConnections', {});
    const urlOf = (role: string) => urls.find((one) => one.role === role)?.url ?? '';
    const client = new pg.Client({ connectionString: urlOf('postgres') });
    const redis = new Redis(urlOf('redis'));
    try {
      await client.connect();
      const { rows } = await client.query(
        `SELECT nspname FROM pg_namespace WHERE nspname LIKE '%\\_race' UNION ALL
        SELECT query FROM pg_stat_activity WHERE application_name = 'flashgrid lab'`,
      );
      expect(rows).toEqual([]);
      expect(await redis.keys('*:race:*')).toEqual([]);
    } finally {
      await client.end();
      redis.disconnect();
    }
  });
});

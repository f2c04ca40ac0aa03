import { describe, expect, it } from 'vitest';
import { renderLabChart } from './charts/lab-chart.ts';
import { DESIGN_IDS } from './designs.ts';
import { labAttacks, labPlanSchema, labSettings, type LabResult } from './lab.ts';
import {
  agrees,
  labBars,
  labBets,
  labMarkdown,
  labRows,
  labSentences,
  labWitnesses,
  stoppedRows,
} from './lab-report.ts';
import type { Witness } from './witness.ts';

const result = (own: Partial<LabResult> = {}): LabResult => ({
  design: 'row-lock',
  kind: 'crowd',
  round: 1,
  runId: 'run-1',
  exitCode: 0,
  arrivals: 'abc',
  broken: [],
  reasons: [],
  ...{ stock: 20, sold: 20, oversold: 0, undersold: 0, lost: 0, requests: 1_000, unknown: 0 },
  ...{ rps: 1_000, p50Ms: 5, p99Ms: 50 },
  costs: { commits: 20, retries: 0, gaveUp: 0, lockWaitMs: 12 },
  ...own,
});

describe('the plan of a lab', () => {
  it('sends the same buyers to every design once a round, each round beginning with another design', () => {
    const plan = labPlanSchema.parse({
      ...{ rounds: 2, designs: ['row-lock', 'redlock', 'flashgrid'], seed: 7 },
      stall: true,
    });
    expect(labAttacks(plan).map(({ design, kind, round }) => `${kind} ${round} ${design}`)).toEqual([
      ...['crowd 1 row-lock', 'crowd 1 redlock', 'crowd 1 flashgrid'],
      ...['crowd 2 redlock', 'crowd 2 flashgrid', 'crowd 2 row-lock'],
      ...['stall 3 flashgrid', 'stall 3 row-lock', 'stall 3 redlock'],
    ]);
    expect([1, 2].map((round) => labSettings(plan, { kind: 'crowd', round }).seed)).toEqual([7, 8]);
    expect(labSettings(plan, { kind: 'calm', round: 3 })).toMatchObject({ ratePerSec: 100, stock: 300 });
    expect(labPlanSchema.parse({}).designs).toEqual(DESIGN_IDS);
  });
});

describe('what a lab came to', () => {
  it('is one row a design, in the order of the catalogue, with how often it oversold', () => {
    const rows = labRows([
      result({ design: 'flashgrid', costs: undefined }),
      result({ oversold: 3 }),
      result({ round: 2 }),
    ]);
    expect(rows.slice(1).map((row) => [row[0], row[2], row.at(-1)])).toEqual([
      ['Row lock', '1 of 2 rounds, 3', 'NO'],
      ['FlashGrid', '0', 'yes'],
    ]);
    expect(rows[2]?.slice(9, 13)).toEqual(['–', '–', '–', '–']);
  });

  it('agrees with the claim of a naive design only when it was seen to oversell', () => {
    expect(agrees('read-then-write', [result({ oversold: 0 })])).toBe(false);
    expect(agrees('read-then-write', [result({ oversold: 0 }), result({ oversold: 9 })])).toBe(true);
    expect(agrees('redis-get-decr', [result(), result()])).toBe(true);
    expect(agrees('redis-get-decr', [result(), result(), result()])).toBe(false);
    expect(agrees('redis-get-decr', [result(), result(), result({ oversold: 1 })])).toBe(true);
    expect(agrees('redlock', [result(), result({ oversold: 1 })])).toBe(true);
    expect(agrees('redlock', [result({ kind: 'stall' })])).toBe(false);
    expect(labSentences([result({ oversold: 1 })]).join(' ')).toContain('Not as claimed: Row lock.');
  });

  it('counts the CPU of the backends too, and says where another design is better', () => {
    const results = [
      result({ cpuMicros: 10, backendMicros: 90, postgresWaitMs: 30 }),
      result({ design: 'flashgrid', cpuMicros: 100, backendMicros: 50 }),
      result({ kind: 'calm', p50Ms: 1.5 }),
      result({ design: 'flashgrid', kind: 'calm', p50Ms: 4 }),
      result({ design: 'read-then-write', kind: 'calm', p50Ms: 1 }),
    ];
    const [head = [], row = []] = labRows(results);
    const told = Object.fromEntries(head.map((name, at) => [name, row[at]]));
    expect(told).toMatchObject({
      'CPU a request': '100 µs',
      'p50 at 100/s': '1.5 ms',
      'lock waits': '42 ms',
    });
    const bars = [
      ...labBars(results),
      ...labBars([result({ ...{ cpuMicros: 1, backendMicros: 1 }, oversold: 3, sold: 23 })]),
    ];
    expect(renderLabChart(bars).text).toMatch(/100 µs[^]*20 of 20[^]*150 µs[^]*oversold">23 of 20/);
    expect(renderLabChart(labBars([result()])).text).toBe('');
    expect(labSentences(results).join(' ')).toMatch(
      /answer sooner than FlashGrid \(p50 4 ms\), although they wait for the commit: 1 of the designs that never oversell, first Row lock, 1\.5 ms \(needs Postgres\)/,
    );
    expect(labRows([result({ cpuMicros: 10 })])[1]).toContain('–');
  });

  it('tells what each did when an instance was stopped, and holds each to its claim', () => {
    const stall = (own: Partial<LabResult>) =>
      result({ kind: 'stall', stopped: { forMs: 2_004, soldMeanwhile: 19 }, ...own });
    const cells = (row: readonly string[] | undefined) => [row?.[1], row?.[2], row?.[3], row?.at(-1)];
    const rows = stoppedRows([
      stall({ stopped: undefined }),
      stall({ design: 'redlock', oversold: 7 }),
      stall({ design: 'flashgrid', stopped: { forMs: 2_000 }, oversold: 1 }),
    ]);
    expect(rows.slice(1).map(cells)).toEqual([
      ['not reached', '–', '0', 'yes'],
      ['2 s', '19', '1 of 1 round, 7', 'yes'],
      ['2 s', '–', '1 of 1 round, 1', 'NO'],
    ]);
    expect(agrees('redlock', [result({ design: 'redlock' }), stall({ design: 'redlock' })])).toBe(false);
    expect(stoppedRows([result()])).toEqual([]);
  });

  it('says in how many attacks the speed verdict is withheld', () => {
    const one = result({ isSpeedWithheld: true });
    const told = labSentences([one, result({ design: 'redlock' })]).join(' ');
    expect(told).toContain('The speed verdict is withheld in 1 attack (Row lock):');
    expect(labSentences([one]).join(' ')).toContain('The speed verdict is withheld in 1 attack:');
    expect(labSentences([result()]).join(' ')).not.toContain('withheld');
  });

  it('puts the bets of the audience beside the truth', () => {
    const bet = { design: 'read-then-write', bet: 25 } as const;
    const results = [result({ ...bet, sold: 213 }), result({ ...bet, sold: 199 }), result({ bet: 20 })];
    expect(labBets(results).slice(1)).toEqual([
      ['Read, then write', '25', '199 to 213', '181'],
      ['Row lock', '20', '20', 'exact'],
    ]);
    expect(labMarkdown(results)).toContain('### The bets');
    expect(labBets([result()])).toEqual([]);
    expect(labMarkdown([result()])).not.toContain('bet');
    expect(labPlanSchema.safeParse({ bets: { 'read-then-write': -1 } }).success).toBe(false);
  });

  it('names a round in which the buyers were not the same', () => {
    const text = labSentences([result(), result({ design: 'redlock', arrivals: 'other' })]).join(' ');
    expect(text).toContain('In round 1 the buyers were not the same');
    expect(labSentences([result(), result({ round: 2, arrivals: 'x' })]).join(' ')).toContain(
      'were the same',
    );
  });

  it('shows the moment of a double sale, with what would have stopped it', () => {
    const witness: Witness = {
      contradiction: 'Unit 4 was sold to A and to B.',
      lanes: ['A (u1)', 'B (u2)'],
      events: [
        { lane: 0, kind: 'statement', tMs: 0, text: 'SELECT 1' },
        { lane: 1, kind: 'seen', tMs: 2.5, text: 'left_units = 17' },
      ],
    };
    const results = [result({ oversold: 0 }), result({ design: 'read-then-write', oversold: 1, witness })];
    expect(labWitnesses(results)).toMatchObject([
      { title: 'Read, then write', witness, stoppedBy: expect.stringContaining('FOR UPDATE') as string },
    ]);
    expect(labMarkdown(results)).toContain('+2.5 ms, B (u2): Saw: left_units = 17');
  });
});

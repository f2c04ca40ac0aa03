import { describe, expect, it } from 'vitest';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import { randomFrom } from './chaos.ts';
import {
  FEWEST_RUNS,
  areEnough,
  changeSentences,
  compareRuns,
  comparisonJson,
  comparisonRows,
  comparisonSentences,
} from './comparison.ts';
import type { RunRecord } from './run-record.ts';

const base = fixtureRun();
const random = randomFrom(2026);
/** A normal deviate. */
const noise = (spread: number) =>
  spread * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

interface Planted {
  readonly delayMs?: number;
  readonly lossShare?: number;
}

/**
 * A run with noise like that of real ones: all figures move with the machine, the tail moves more, one run in twenty stands still for
 * a while, and the moment of the sell-out is known to 100 ms.
 */
function noisyRun({ delayMs = 0, lossShare = 0 }: Planted = {}, machine = noise(0.015)): RunRecord {
  const stall = random() < 0.05 ? 0.15 + 0.4 * random() : 0;
  const slower = (ms: number, spread: number, share: number) =>
    ms * Math.exp(noise(spread) - machine + stall * share) + delayMs;
  const [p50, p90, p99] = [slower(61, 0.02, 0.3), slower(96, 0.03, 1), slower(142, 0.06, 2)];
  const soldOutMs = 100 * Math.ceil(3 + noise(0.6));
  return {
    ...base,
    load: {
      ...base.load,
      rps: 12_000 * Math.exp(machine + noise(0.012) - stall * 0.3) * (1 - lossShare),
      latencyMs: { ...base.load.latencyMs, p50, p90, p99, p999: slower(171, 0.1, 3) },
    },
    audit: { ...base.audit, drainMs: 400 * Math.exp(noise(0.08)) },
    series: base.series.slice(0, 2).map((sample, at) => ({ ...sample, tMs: soldOutMs + at, remaining: 0 })),
  };
}
const runs = (count: number, planted?: Planted) => Array.from({ length: count }, () => noisyRun(planted));
const compare = (a: readonly RunRecord[], b: readonly RunRecord[]) =>
  compareRuns({ name: 'before', records: a }, { name: 'after', records: b });
const share = (times: number, is: () => boolean) =>
  Array.from({ length: times }, is).filter(Boolean).length / times;

describe('a comparison of ten runs with ten', () => {
  it('calls a build different from itself in at most two of a hundred pairs, over all metrics', () => {
    const isDifferent = () => compare(runs(10), runs(10)).verdict !== 'same';
    // 3 of 50 is what may be.
    expect(share(100, isDifferent)).toBeLessThanOrEqual(4 / 100);
  });

  it('calls a delay of 20 ms slower, each time', () => {
    const isFound = () => {
      const { verdict, metrics } = compare(runs(10), runs(10, { delayMs: 20 }));
      return verdict === 'worse' && metrics.find(({ metric }) => metric === 'p50')?.word === 'slower';
    };
    expect(share(40, isFound)).toBe(1);
  });

  it('calls a loss of 5 % of the throughput slower: each time under a rate, most times where it varies by 2 %', () => {
    const isSlower = (a: RunRecord[], b: RunRecord[]) => compare(a, b).metrics[0]?.word === 'slower';
    const held = (rps: number) =>
      runs(10).map((run) => ({ ...run, load: { ...run.load, rps: rps * Math.exp(noise(0.003)) } }));
    expect(share(30, () => isSlower(held(2_000), held(1_900)))).toBe(1);
    expect(share(60, () => isSlower(runs(10), runs(10, { lossShare: 0.05 })))).toBeGreaterThan(0.7);
  });

  it('has an interval that holds what was planted', () => {
    const holds = () => {
      const { interval = [0, 0] } = compare(runs(10), runs(10, { lossShare: 0.05 })).metrics[0] ?? {};
      return interval[0] <= -0.05 && interval[1] >= -0.05;
    };
    expect(share(60, holds)).toBeGreaterThan(0.93);
  });

  it('calls the faster build better, and both ways mixed', () => {
    const [slow, fast] = [runs(10, { delayMs: 20 }), runs(10)];
    expect(compare(slow, fast).verdict).toBe('better');
    const fewer = fast.map((run) => ({ ...run, load: { ...run.load, rps: run.load.rps / 2 } }));
    expect(compare(slow, fewer).verdict).toBe('mixed');
  });
});

describe('a machine that drifts', () => {
  /** Twenty runs of one build, one after the other, each on a machine that is much like a moment before. */
  function driftingRuns(): RunRecord[] {
    let machine = noise(0.1);
    return Array.from({ length: 20 }, (_, at) => {
      machine = 0.5 * machine + noise(0.1 * Math.sqrt(0.75));
      return { ...noisyRun({}, machine), startedAt: new Date(Date.UTC(2026, 0, 1, 0, at)).toISOString() };
    });
  }
  const delayed = (run: RunRecord, delayMs: number): RunRecord => {
    const { p50, p90, p99, p999, ...rest } = run.load.latencyMs;
    const slower = { p50: p50 + delayMs, p90: p90 + delayMs, p99: p99 + delayMs, p999: p999 + delayMs };
    return { ...run, load: { ...run.load, latencyMs: { ...rest, ...slower } } };
  };
  const isOfA = {
    'one after the other': (at: number) => at < 10,
    // A B, B A, as --versus makes them.
    'in turn': (at: number) => at % 4 === 0 || at % 4 === 3,
  };
  const compareDrifting = (order: keyof typeof isOfA, delayMs: number) => {
    const all = driftingRuns();
    const ofA = isOfA[order];
    return compare(
      all.filter((_, at) => ofA(at)),
      all.filter((_, at) => !ofA(at)).map((run) => delayed(run, delayMs)),
    );
  };

  it.each(['one after the other', 'in turn'] as const)(
    'is not called a change, when the runs are made %s',
    (order) => {
      expect(share(50, () => compareDrifting(order, 0).verdict !== 'same')).toBeLessThanOrEqual(0.06);
    },
  );

  it('does not hide a change that is larger than it, when the runs are made in turn', () => {
    expect(share(20, () => compareDrifting('in turn', 30).verdict === 'worse')).toBeGreaterThan(0.8);
  });
});

describe('too few runs', () => {
  it.each([
    [1, 1],
    [1, 50],
    [2, 2],
    [4, 4],
  ])("can't tell anything: %i against %i", (a, b) => {
    const { verdict, metrics, notes } = compare(runs(a), runs(b, { delayMs: 1_000, lossShare: 0.9 }));
    expect([verdict, areEnough(a, b)]).toEqual(['unknown', false]);
    expect(new Set(metrics.map(({ word }) => word))).toEqual(new Set(["can't tell"]));
    expect(notes.join(' ')).toMatch(/too few to tell a change from noise\. Make 7 or more of each/);
  });

  it('can be few on one side when the other has many', () => {
    expect([areEnough(5, 5), areEnough(3, 10), areEnough(2, 10), areEnough(0, 99)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const { metrics } = compare(runs(FEWEST_RUNS), runs(FEWEST_RUNS, { delayMs: 60 }));
    expect(metrics.find(({ metric }) => metric === 'p50')?.word).toBe('slower');
  });
});

describe('a comparison', () => {
  const [before, after] = [runs(10), runs(10, { delayMs: 20 })];

  it('tells the set-ups that differ first, within a side too', () => {
    const other = after.map((run, at) => ({
      ...run,
      environment: { ...run.environment, workers: 3, os: at === 0 ? 'Another system' : run.environment.os },
    }));
    const [first] = comparisonSentences(compare(before, other));
    expect(first).toBe(
      'Not the same set-up: Workers 1 (A), 3 (B); System Debian GNU/Linux 12 (A), Another system or Debian GNU/Linux 12 (B).',
    );
    expect(compare(before, after).setUp).toEqual([]);
  });

  it('says which metric, by how much, and its interval', () => {
    const [sentence] = changeSentences(compare(before, after), 'worse');
    expect(sentence).toMatch(
      /^The p50 latency went from 6\d(\.\d)? ms to 8\d(\.\d)? ms: slower, \+3\d(\.\d)? % \(99 % interval \+[23]\d(\.\d)? % to \+3\d(\.\d)? %\)\.$/,
    );
  });

  it('writes a large change as a factor', () => {
    const slow = before.map((run) => ({ ...run, audit: { ...run.audit, drainMs: run.audit.drainMs * 50 } }));
    const [drain] = comparisonRows(compare(before, slow)).filter(([metric]) => metric === 'time_to_drain');
    expect(drain?.[3]).toMatch(/^×(?:4|5)\d$/);
  });

  it('leaves out runs whose figures prove nothing, and says why', () => {
    const bad = {
      ...noisyRun(),
      id: 'run-bad',
      verdict: 'invalid' as const,
      reasons: ['The rate was not held.'],
    };
    const { b, notes } = compare(before, [...after, bad]);
    expect(b.runs).toHaveLength(10);
    expect(notes).toContain(
      '1 run of after left out (run-bad), since such figures prove nothing: The rate was not held.',
    );
  });

  it('tells what a reader has to doubt: failed audits, runs that are far apart in time', () => {
    const later = after.map((run) => ({
      ...run,
      startedAt: '2027-01-01T00:00:00.000Z',
      exitCode: 3,
    }));
    expect(compare(before, later).notes).toEqual([
      expect.stringContaining('The audit failed in run-mabc123'),
      expect.stringContaining('all made before'),
    ]);
    expect(compare(before, after).notes).toEqual([]);
  });

  it.each([
    [
      'says that it is withheld',
      (run: RunRecord) => ({ ...run, speed: { withheld: ['Why.'], notJudged: [] } }),
    ],
    [
      'is of an earlier version, and its generator was the limit',
      (run: RunRecord) => ({
        ...run,
        load: { ...run.load, generator: { ...run.load.generator, limits: ['Why.'] } },
      }),
    ],
  ])('leaves out the figures of a run whose speed verdict is withheld, and says so: it %s', (_, withhold) => {
    const { b, verdict, notes } = compare(before, after.map(withhold));
    expect([b.runs, b.leftOut.length, verdict]).toEqual([[], 10, 'unknown']);
    expect(notes[0]).toMatch(/^10 runs of after left out .*: the speed verdict is withheld/);
  });

  it('does not call a difference that nobody can feel a change', () => {
    const steady = (rps: number) =>
      runs(10).map((run) => ({ ...base, id: run.id, load: { ...base.load, rps } }));
    expect(compare(steady(2_000), steady(1_990)).verdict).toBe('same');
    expect(compare(steady(2_000), steady(1_900)).verdict).toBe('worse');
  });

  it('can tell of errors, which may be none at all', () => {
    const failing = (unknown: number) =>
      runs(10).map((run) => ({
        ...run,
        load: { ...run.load, unknown: unknown + Math.floor(random() * 20) },
      }));
    const errors = compare(failing(0), failing(300)).metrics.find(({ metric }) => metric === 'errors');
    expect(errors).toMatchObject({ verdict: 'worse', word: 'more' });
    expect(comparisonRows(compare(failing(0), failing(300))).flat()).toContainEqual(
      expect.stringMatching(/^\+3 points|^\+[23]\.\d points/),
    );
    expect(compare(before, after).metrics.find(({ metric }) => metric === 'errors')).toMatchObject({
      change: 0,
      interval: [0, 0],
      word: 'no difference found',
    });
  });

  it("can't tell of what a run never came to", () => {
    const never = before.map((run) => ({ ...run, series: [] }));
    const found = compare(never, after).metrics.find(({ metric }) => metric === 'time_to_sold_out');
    expect(found).toMatchObject({ a: undefined, word: "can't tell" });
    expect(compare(never, after).metrics[1]).toMatchObject({ metric: 'p50', word: 'slower' });
  });

  it('is the same each time, for programs too', () => {
    const json = comparisonJson(compare(before, after));
    expect(json).toEqual(comparisonJson(compare(before, after)));
    expect(json).toMatchObject({ schema: 'flashgrid.comparison/1', verdict: 'worse', confidence: 0.99 });
    expect(JSON.stringify(json)).not.toContain('series');
  });
});

import { describe, expect, it } from 'vitest';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import { failedWithoutQueue, queueWorth, runWithoutQueue } from './queue-worth.ts';
import type { Incident } from './run-record.ts';
import { headlineOf, summaryOf } from './run-text.ts';

const run = fixtureRun();
const incident = (part: string, kind: Incident['kind'], tMs: number): Incident => ({
  part,
  kind,
  tMs,
  text: '.',
});
const death = [incident('worker-1', 'ended', 300), incident('worker-1', 'back', 1_700)];

describe('why the queue mattered', () => {
  it('is told in one sentence of the record’s own figures, in every text of the run', () => {
    const peak = Math.max(...run.series.map(({ queueDepth }) => queueDepth)).toLocaleString('en-US');
    const text = queueWorth(run);
    expect(text).toMatch(new RegExp(`^Peak ${peak} waiting; all 10,000 accepted within \\d+ ms`));
    expect(headlineOf(run)).toContain(text);
  });

  it('names how long nothing decided: the time for which all workers were dead together', () => {
    const text = (incidents: Incident[], workers = 1) =>
      queueWorth({ ...run, incidents, environment: { ...run.environment, workers } });
    expect(text(death)).toMatch(/ while the worker was dead for 1\.4 s\.$/);
    expect(text(death, 2)).not.toContain('dead');
    const both = [...death, incident('worker-2', 'ended', 500), incident('worker-2', 'back', 1_200)];
    expect(text(both, 2)).toMatch(/ while all 2 workers were dead for 700 ms\.$/);
    expect(text([incident('redis', 'ended', 100), incident('redis', 'back', 2_100)])).toMatch(
      / while Redis was away for 2 s\.$/,
    );
  });

  it('tells how long each one waited where they came at a rate', () => {
    const text = queueWorth({
      ...fixtureRun(),
      attack: { ...run.attack, profile: 'sustained' } as typeof run.attack,
    });
    expect(text).toContain('all 10,000 accepted, the slowest answer after');
  });

  it('is left out where nothing waited, nothing was audited, or the shop is not ours', () => {
    const target = { name: 'shop', url: 'http://127.0.0.1:1', file: 'shop.json' };
    expect(
      queueWorth({ ...run, series: run.series.map((row) => ({ ...row, queueDepth: 0 })) }),
    ).toBeUndefined();
    expect(queueWorth({ ...run, audit: { ...run.audit, checks: [] } })).toBeUndefined();
    expect(queueWorth({ ...run, target })).toBeUndefined();
  });
});

describe('what the same crowd did without a queue', () => {
  const design = fixtureRun({ id: 'run-lab1', group: 'group-lab-m1-atomic-update' });
  const other = {
    ...design,
    load: { ...design.load, accepted: 20, causes: { '409 sold-out': 5_880, '503 refused': 4_100 } },
  };

  it('is only told from a kept run of a design of the lab, with the same crowd, on the same machine', () => {
    const withoutQueue = failedWithoutQueue('atomic-update', other, run.environment);
    expect(withoutQueue).toEqual({ runId: 'run-lab1', design: 'atomic-update', sent: 10_000, failed: 4_100 });
    expect(queueWorth({ ...run, withoutQueue })).toMatch(
      /; without the queue 41\.?0? % would have failed, as in run-lab1 \(.+\)\.$/,
    );
    expect(failedWithoutQueue('atomic-update', other, { ...run.environment, cores: 64 })).toBeUndefined();
    expect(
      failedWithoutQueue('atomic-update', { ...other, end: 'cancelled' }, run.environment),
    ).toBeUndefined();
    expect(queueWorth(run)).not.toContain('without');
  });

  it('is looked for among the two best designs alone, the newest first', () => {
    const at = (id: string, group: string, startedAt = '2026-11-01') => ({
      ...summaryOf(design),
      id,
      group,
      startedAt,
    });
    const found = (...runs: ReturnType<typeof at>[]) => runWithoutQueue(run, runs)?.id;
    expect(found(at('a', 'group-lab-m1-read-then-write'), at('b', 'group-lab-m1-flashgrid'))).toBeUndefined();
    expect(
      found(at('a', 'group-lab-m1-redis-lua'), at('b', 'group-lab-m2-atomic-update', '2026-11-02')),
    ).toBe('b');
    expect(found(at('a', 'group-m1-atomic-update'))).toBeUndefined();
    expect(found({ ...at('a', 'group-lab-m1-redis-lua'), connections: 7 })).toBeUndefined();
  });
});

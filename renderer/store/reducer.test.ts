import { describe, expect, it } from 'vitest';
import type { MatrixState } from '../../contract/matrix.ts';
import type { LogEntry } from '../../contract/state.ts';
import type { Sample } from '../../contract/run-record.ts';
import { applyEvent, fromSnapshot } from './reducer.ts';
import { testAttack, testSnapshot } from './test-data.ts';

const start = fromSnapshot(testSnapshot(), undefined);
const line = (seq: number): LogEntry => ({ seq, atMs: seq, part: 'control', level: 'info', text: 'x' });
const sample: Sample = {
  tMs: 100,
  sent: 10,
  accepted: 10,
  rejected: 0,
  unknown: 0,
  rps: 100,
  p50Ms: 1,
  p99Ms: 2,
  queueDepth: 0,
  unconfirmed: 0,
  remaining: 20,
  granted: 0,
  refused: 0,
  committed: 0,
};

describe('the state of the window', () => {
  it('takes an event that is newer than its snapshot', () => {
    const next = applyEvent(start, 'cluster.stateChanged', {
      seq: 11,
      cluster: { state: 'starting', steps: [], backends: [] },
    });
    expect(next.cluster.state).toBe('starting');
    expect(next.seq).toBe(11);
  });

  it('ignores events that its snapshot already holds', () => {
    for (const seq of [9, 10]) {
      const payload = { seq, cluster: { state: 'failed' as const, steps: [], backends: [] } };
      expect(applyEvent(start, 'cluster.stateChanged', payload)).toBe(start);
    }
  });

  it('begins a new series with a new attack, and keeps it while the attack goes on', () => {
    const first = applyEvent(start, 'attack.stateChanged', { seq: 11, attack: testAttack() });
    const sampled = applyEvent(first, 'attack.samplesTaken', { seq: 12, runId: 'run-1', samples: [sample] });
    const later = applyEvent(sampled, 'attack.stateChanged', {
      seq: 13,
      attack: testAttack({ progress: 0.7 }),
    });
    expect(later.series.totals.sent).toBe(10);
    const other = applyEvent(later, 'attack.stateChanged', {
      seq: 14,
      attack: testAttack({ runId: 'run-2' }),
    });
    expect(other.series).toMatchObject({ runId: 'run-2', points: [] });
  });

  it('takes the samples so far from a snapshot, as after a reload in the middle of a run', () => {
    const data = fromSnapshot(testSnapshot({ attack: testAttack(), samples: [sample] }), undefined);
    expect(data.series).toMatchObject({ runId: 'run-1', totals: { sent: 10 } });
  });

  it('keeps its log lines over a reconnect, but not over a restart of the control centre', () => {
    const logged = applyEvent(start, 'logs.linesAdded', { seq: 11, lines: [line(1)] });
    expect(fromSnapshot(testSnapshot(), logged).logs).toHaveLength(1);
    const restarted = testSnapshot({ app: { ...testSnapshot().app, pid: 8 } });
    expect(fromSnapshot(restarted, logged).logs).toHaveLength(0);
  });

  it('bounds log lines and flow samples', () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => line(index + 1));
    const logged = applyEvent(start, 'logs.linesAdded', { seq: 11, lines });
    expect(logged.logs.length).toBeLessThanOrEqual(3_000);
    expect(logged.logs.at(-1)?.seq).toBe(10_000);
  });

  it('remembers which runs were deleted, in whichever window', () => {
    const next = applyEvent(start, 'runs.runDeleted', { seq: 11, id: 'run-1' });
    expect(next.deletedRunIds).toEqual(['run-1']);
    expect(fromSnapshot(testSnapshot(), next).deletedRunIds).toEqual(['run-1']);
  });

  it('tells how many sales there are beyond those it knows', () => {
    const next = applyEvent(start, 'sales.salesChanged', { seq: 11, sales: [], salesTotal: 312 });
    expect(next.salesTotal).toBe(312);
  });

  it('knows how far a crash matrix is, from its snapshot and from each event', () => {
    const matrix: MatrixState = { phase: 'running', total: 9, done: 2, impossible: [], version: 2 };
    const data = fromSnapshot(testSnapshot({ matrix }), undefined);
    expect(data.matrix).toEqual(matrix);
    const next = applyEvent(data, 'matrix.stateChanged', { seq: 11, matrix: { ...matrix, done: 3 } });
    expect(next.matrix?.done).toBe(3);
  });

  it('says that the control centre has quit', () => {
    expect(applyEvent(start, 'app.quitting', { seq: 11 }).hasQuit).toBe(true);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AttackSettings } from '../contract/attack-settings.ts';
import { FailureError } from '../contract/failure.ts';
import { matrixPlanSchema, type MatrixState } from '../contract/matrix.ts';
import type { AttackState, ClusterState } from '../contract/state.ts';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import { Matrix } from './matrix.ts';
import { MatrixFile } from './runs/matrix-file.ts';

const plan = (over: object = {}) => matrixPlanSchema.parse({ only: ['flush'], seeds: 3, ...over });

/** A matrix on attacks that the test ends by hand. */
function makeMatrix(over: { provider?: 'native' | 'external'; path?: string } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'fg-matrix-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const path = over.path ?? join(dir, 'matrix.ndjson');
  const cluster: { -readonly [Key in keyof ClusterState]: ClusterState[Key] } = {
    state: 'running',
    provider: over.provider ?? 'native',
    steps: [],
    backends: [],
  };
  const launched: AttackSettings[] = [];
  let isActive = false;
  let end: (phase: AttackState['phase']) => void = () => undefined;
  let over_: Promise<AttackState> | undefined;
  const attacks = {
    refuseWhileActive: () => {
      if (isActive)
        throw new FailureError({ code: 'attack.busy', message: 'An attack is running.', fix: 'Wait.' });
    },
    launch: vi.fn((settings: AttackSettings) => {
      launched.push(settings);
      isActive = true;
      const runId = `run-${launched.length}`;
      over_ = new Promise((done) => {
        end = (phase) => {
          isActive = false;
          done({ runId, phase } as AttackState);
        };
      });
      return Promise.resolve({ runId } as AttackState);
    }),
    whenOver: () => Promise.resolve(over_),
    cancel: vi.fn(() => Promise.resolve(end('cancelled'))),
    canMake: (faults: string) => over.provider !== 'external' || !faults.includes('redis'),
  };
  const states: MatrixState[] = [];
  const record = fixtureRun();
  const matrix = new Matrix({
    version: '0.1.0',
    attacks,
    file: new MatrixFile(path),
    cluster: () => cluster,
    services: () => [],
    getRun: (id) => Promise.resolve({ ...record, id }),
    onState: (state) => states.push(state),
    onResult: () => undefined,
    onLog: () => undefined,
  });
  const running = (count: number) => vi.waitUntil(() => launched.length === count && isActive);
  const idle = () => vi.waitUntil(() => states.at(-1)?.phase === 'idle');
  return { matrix, attacks, cluster, launched, states, running, idle, path, end: () => end('finished') };
}

describe('the crash matrix', () => {
  it('makes one attack after the other, and keeps each result', async () => {
    const { matrix, launched, states, running, idle, end } = makeMatrix();
    const began = await matrix.start(plan());
    expect(began).toMatchObject({ phase: 'running', total: 3, done: 0, provider: 'native' });
    for (const number of [1, 2, 3]) {
      await running(number);
      expect(matrix.state).toMatchObject({
        done: number - 1,
        current: { seed: number, fault: 'flush:redis' },
      });
      end();
    }
    await idle();
    expect(states.at(-1)).toMatchObject({ done: 3, total: 3, version: 3, lastRunId: 'run-3' });
    expect(states.at(-1)).not.toHaveProperty('current');
    expect(launched.map(({ seed }) => seed)).toEqual([1, 2, 3]);
    const { rows, attacks, never } = await matrix.table({});
    expect(rows).toMatchObject([{ fault: 'flush:redis', attacks: 3 }]);
    expect(attacks).toBe(3);
    expect(never.length).toBeGreaterThan(0);
    const [first] = await matrix.listAttacks({ fault: 'flush:redis' });
    expect(first).toMatchObject({ seed: 1, runId: 'run-1' });
    expect(first?.command).toMatch(/attack --requests .* --fault flush:redis@/);
  });

  it('goes on where it was stopped, and forgets the attack that it cancelled', async () => {
    const { matrix, attacks, running, end, path } = makeMatrix();
    await matrix.start(plan());
    await running(1);
    end();
    await running(2);
    await matrix.stop();
    expect(attacks.cancel).toHaveBeenCalled();
    expect(matrix.state).toMatchObject({ phase: 'idle', done: 1, total: 3 });
    expect(matrix.state.failure).toBeUndefined();
    // A control centre that is started later finds the results, too.
    const later = makeMatrix({ path });
    expect(await later.matrix.start(plan())).toMatchObject({ done: 1, total: 3 });
    await later.running(1);
    expect(later.launched[0]?.seed).toBe(2);
    await later.matrix.stop();
  });

  it('skips what the caller has done, in place of what is kept', async () => {
    const { matrix, launched, running, idle, end } = makeMatrix();
    await matrix.start(plan(), { 'flush:redis': [1, 3] });
    await running(1);
    expect(launched[0]?.seed).toBe(2);
    end();
    await idle();
    // The result of seed 2 is kept, but the caller does not have it.
    expect(await matrix.start(plan(), {})).toMatchObject({ phase: 'running', done: 0 });
    await matrix.stop();
    expect(await matrix.start(plan(), { 'flush:redis': [1, 2, 3] })).toMatchObject({
      phase: 'idle',
      done: 3,
    });
  });

  it('and an attack refuse each other, each with a sentence that says so', async () => {
    const { matrix, attacks, running } = makeMatrix();
    await matrix.start(plan());
    await running(1);
    const busy = {
      failure: { code: 'matrix.busy', message: 'The crash matrix is running: 0 of 3 attacks are done.' },
    };
    expect(() => matrix.refuseWhileRunning()).toThrow(busy.failure.message);
    await expect(matrix.start(plan())).rejects.toMatchObject(busy);
    await expect(matrix.clear()).rejects.toMatchObject(busy);
    await matrix.stop();
    matrix.refuseWhileRunning();
    await attacks.launch({} as AttackSettings);
    await expect(matrix.start(plan())).rejects.toMatchObject({ failure: { code: 'attack.busy' } });
  });

  it('that is broken off says why, and can be started again', async () => {
    const { matrix, attacks, running, idle } = makeMatrix();
    const failure = { code: 'cluster.backendDown', message: 'Redis is away.', fix: 'Start it.' } as const;
    attacks.launch.mockRejectedValueOnce(new FailureError(failure));
    await matrix.start(plan());
    await idle();
    expect(matrix.state).toMatchObject({ phase: 'idle', done: 0, failure });
    expect(await matrix.start(plan())).not.toHaveProperty('failure');
    await running(1);
    await matrix.stop();
  });

  it('waits until every part is well, also when it is stopped meanwhile', async () => {
    const { matrix, cluster, launched, running } = makeMatrix();
    cluster.backends = [{ role: 'redis', state: 'restarting' } as never];
    await matrix.start(plan());
    await vi.waitUntil(() => matrix.state.current !== undefined);
    await matrix.stop();
    expect(launched).toEqual([]);
    cluster.backends = [];
    await matrix.start(plan());
    await running(1);
    await matrix.stop();
  });

  it('leaves out what the cluster can not make, and says so', async () => {
    const { matrix } = makeMatrix({ provider: 'external' });
    expect(await matrix.start(plan())).toMatchObject({
      phase: 'idle',
      total: 0,
      impossible: ['flush:redis'],
    });
  });

  it('starts afresh, even when its file is damaged', async () => {
    const { matrix, path, states } = makeMatrix();
    writeFileSync(path, 'a diary\n');
    const damaged = { failure: { code: 'matrix.damaged', message: expect.stringContaining(path) as string } };
    await expect(matrix.table({})).rejects.toMatchObject(damaged);
    await expect(matrix.start(plan())).rejects.toMatchObject(damaged);
    await matrix.clear();
    expect(await matrix.table({})).toMatchObject({ attacks: 0, rows: [], providers: [] });
    expect(states.at(-1)).toMatchObject({ phase: 'idle', total: 0 });
    expect(matrix.state.plan).toBeUndefined();
  });

  it('is exported in each format', async () => {
    const { matrix, running, idle, end } = makeMatrix();
    await matrix.start(plan({ seeds: 1 }));
    await running(1);
    end();
    await idle();
    const made = await Promise.all(
      (['html', 'md', 'ndjson'] as const).map((format) => matrix.export({ format })),
    );
    expect(made.map(({ fileName }) => fileName)).toEqual([
      'flashgrid-matrix.html',
      'flashgrid-matrix.md',
      'flashgrid-matrix.ndjson',
    ]);
    expect(made[0]?.text).toMatch(/^<!doctype html>/);
    expect(made[1]?.text).toContain('| `flush:redis` |');
    expect(JSON.parse(made[2]?.text ?? '')).toMatchObject({ fault: 'flush:redis', seed: 1 });
    expect((await matrix.export({ format: 'ndjson', provider: 'docker' })).text).toBe('');
  });
});

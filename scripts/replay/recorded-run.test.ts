import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { events, type CommandName, type CommandOutput } from '../../contract/contract.ts';
import { RECORDING, RecordedRun, atRate, readTake } from './recorded-run.ts';

const text = readFileSync(RECORDING, 'utf8');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function ask<Name extends CommandName>(run: RecordedRun, name: Name, input: unknown = {}) {
  const result = await run.dispatch(name, input);
  if (!result.ok) throw new Error(result.error.code);
  return result.value as CommandOutput<Name>;
}

it('fits the contract', () => {
  const { run, record, steps } = readTake(text, undefined, '');
  expect(run.verdict).toBe('pass');
  expect(record.id).toBe(run.id);
  expect(steps.map(({ name }) => name)).toContain('runs.runSaved');
});

it('says how to make a new one when the contract has changed', () => {
  expect(() => readTake(text.replace('"snapshot":', '"snapshots":'), undefined, '')).toThrow(
    'npm run record',
  );
  expect(() => readTake(text.replaceAll('"runs.runSaved"', '"runs.gone"'), undefined, '')).toThrow(
    'npm run record',
  );
});

it('moves every moment, and no length of time', () => {
  const [was, moved] = [readTake(text, undefined, ''), readTake(text, undefined, '-1')];
  const later = readTake(text, was.beganAtMs + 5_000, '');
  expect(later.snapshot.app).toEqual(was.snapshot.app);
  expect(Date.parse(later.run.startedAt) - Date.parse(was.run.startedAt)).toBe(5_000);
  expect(later.lines.map(({ atMs }) => atMs - 5_000)).toEqual(was.lines.map(({ atMs }) => atMs));
  expect(later.record.series).toEqual(was.record.series);
  expect(moved.record.id).toBe(`${was.record.id}-1`);
});

it('plays to the end, keeps the run, and plays again when an attack is launched', async () => {
  const run = new RecordedRun();
  run.start();
  const lengthMs = readTake(text, undefined, '').steps.at(-1)?.afterMs ?? 0;
  await vi.advanceTimersByTimeAsync(lengthMs / 2);
  const halfway = await ask(run, 'app.getSnapshot');
  expect(halfway.attack?.phase).toBe('attacking');
  expect(halfway.samples.length).toBeGreaterThan(10);
  expect(await ask(run, 'runs.listRuns')).toHaveLength(1);
  // A page that connects now must ignore nothing that is still to come.
  expect(halfway.seq).toBe(run.hub.seq);

  await vi.advanceTimersByTimeAsync(lengthMs);
  expect((await ask(run, 'app.getSnapshot')).attack).toMatchObject({ phase: 'finished', verdict: 'pass' });
  const [newest, earlier] = await ask(run, 'runs.listRuns');
  expect(newest?.id).not.toBe(earlier?.id);
  expect((await ask(run, 'runs.getRun', { id: newest?.id })).id).toBe(newest?.id);

  const again = await ask(run, 'attack.launch', { profile: 'burst' });
  await vi.advanceTimersByTimeAsync(lengthMs / 2);
  const snapshot = await ask(run, 'app.getSnapshot');
  expect(snapshot.attack).toMatchObject({ runId: again.runId, phase: 'attacking' });
  expect(again.runId).not.toBe(newest?.id);
  run.stop();
});

it('plays the attack at another rate, and never ends', () => {
  const sent: number[] = [];
  const moments: number[] = [];
  let [afterMs, sampled] = [0, 0];
  for (const step of atRate(readTake(text, undefined, '').steps, 30_000)) {
    if (step.afterMs > 60_000) break;
    expect(step.afterMs).toBeGreaterThanOrEqual(afterMs);
    ({ afterMs } = step);
    if (step.name === 'attack.stateChanged') {
      const { attack } = events[step.name].parse({ ...step.payload, seq: 0 });
      expect(attack.phase).toMatch(/preparing|attacking/);
      sent.push(attack.sent);
    }
    if (step.name !== 'attack.samplesTaken') continue;
    for (const sample of events[step.name].parse({ ...step.payload, seq: 0 }).samples) {
      moments.push(sample.tMs);
      sampled += sample.sent;
    }
  }
  expect(sent).toEqual(sent.toSorted((a, b) => a - b));
  expect(moments).toEqual(moments.toSorted((a, b) => a - b));
  for (const count of [sent.at(-1) ?? 0, sampled]) expect(count / 60 / 30_000).toBeCloseTo(1, 1);
});

it('refuses what it can not show', async () => {
  const run = new RecordedRun();
  expect(await run.dispatch('cluster.stop', {})).toMatchObject({
    ok: false,
    error: { code: 'replay.onlyShown' },
  });
  expect(await run.dispatch('runs.getRun', { id: 'gone' })).toMatchObject({ ok: false });
  expect(await run.dispatch('no.suchCommand', {})).toMatchObject({ ok: false });
});

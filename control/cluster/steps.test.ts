import { expect, it } from 'vitest';
import type { Step } from '../../contract/backends.ts';
import { FailureError } from '../../contract/failure.ts';
import { StepReporter } from './steps.ts';

function newStep() {
  const told: Step[] = [];
  return { told, step: new StepReporter({ onStep: (one) => told.push(one) }, 'redis.start', 'Start Redis') };
}
const states = (told: readonly Step[]) => told.map(({ state, detail }) => [state, detail]);

it('waits, runs and is done when its work returns, with the time that it took', async () => {
  const { told, step } = newStep();
  expect(await step.run(() => Promise.resolve(7))).toBe(7);
  expect(states(told)).toEqual([
    ['waiting', undefined],
    ['running', undefined],
    ['done', undefined],
  ]);
  expect(told[0]?.startedAtMs).toBeUndefined();
  expect(told[2]).toMatchObject({ title: 'Start Redis', startedAtMs: told[1]?.startedAtMs });
  expect(told[2]?.durationMs).toBeGreaterThanOrEqual(0);
});

it('ends as its work says, once', async () => {
  const done = newStep();
  await done.step.run((step) => step.done('port 1'));
  expect(states(done.told).slice(1)).toEqual([
    ['running', undefined],
    ['done', 'port 1'],
  ]);
  const skipped = newStep();
  await skipped.step.run((step) => step.skip('already here'));
  expect(states(skipped.told).at(-1)).toEqual(['skipped', 'already here']);
});

it('fails with its work, and puts its id into a failure that has none', async () => {
  const { told, step } = newStep();
  const failing = (failure: ConstructorParameters<typeof FailureError>[0]) =>
    step.run(() => Promise.reject(new FailureError(failure)));
  const failure = { code: 'native.portTaken', message: 'No port.', fix: 'Choose one.' } as const;
  await expect(failing(failure)).rejects.toMatchObject({ failure: { ...failure, step: 'redis.start' } });
  await expect(failing({ ...failure, step: 'other' })).rejects.toMatchObject({ failure: { step: 'other' } });
  expect(states(told).at(-1)).toEqual(['failed', 'No port.']);
  const surprise = new TypeError('none');
  await expect(step.run(() => Promise.reject(surprise))).rejects.toBe(surprise);
});

it('says that it was given up when it was cancelled', async () => {
  const { told, step } = newStep();
  const given = step.run(() => Promise.reject(new DOMException('aborted', 'AbortError')));
  await expect(given).rejects.toThrow();
  expect(told.at(-1)).toMatchObject({ state: 'failed', detail: expect.stringMatching(/^given up/) });
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BackendWatch } from './backend-watch.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('finds out by itself that a backend takes no writes, and that it takes them again', async () => {
  let problem: Error | undefined;
  const told: string[] = [];
  const watch = new BackendWatch({
    operate: () => (problem ? Promise.reject(problem) : Promise.resolve()),
    onChange: ({ state }) => told.push(state),
  });
  watch.start();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(watch.health.state).toBe('ok');
  problem = new Error("OOM command not allowed when used memory > 'maxmemory'.");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watch.health).toMatchObject({ state: 'refusing', reason: expect.stringContaining('maxmemory') });
  problem = undefined;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual(['refusing', 'ok']);
  watch.stop();
});

it('leaves the operation out while real traffic succeeds', async () => {
  let proofs = 0;
  const operate = vi.fn(() => Promise.resolve());
  const watch = new BackendWatch({ operate, proofs: () => proofs });
  watch.start();
  for (let second = 0; second < 5; second++) {
    proofs++;
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(operate).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(operate).toHaveBeenCalledTimes(1);
  watch.stop();
});

it('calls a backend silent that does not answer, without asking it again and again, until it does', async () => {
  let answer: () => void = () => undefined;
  const operate = vi.fn(() => new Promise<void>((resolve) => (answer = resolve)));
  const watch = new BackendWatch({ operate });
  watch.start();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(watch.health).toMatchObject({ state: 'silent', reason: 'no answer in time' });
  expect(operate).toHaveBeenCalledTimes(1);
  // Whoever asks meanwhile is answered at once.
  expect((await watch.check()).state).toBe('silent');
  answer();
  await vi.advanceTimersByTimeAsync(1_000);
  answer();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watch.health.state).toBe('ok');
  watch.stop();
});

it('answers many who ask at once with one operation', async () => {
  const operate = vi.fn(() => Promise.resolve());
  const watch = new BackendWatch({ operate });
  await Promise.all(Array.from({ length: 20 }, () => watch.check()));
  expect(operate).toHaveBeenCalledTimes(1);
});

it('believes real traffic that is refused more than an operation that still fits, until real traffic succeeds', async () => {
  let proofs = 0;
  const watch = new BackendWatch({ operate: () => Promise.resolve(), proofs: () => proofs });
  watch.start();
  const full = Object.assign(new Error('could not extend file: No space left on device'), { code: '53100' });
  for (let second = 0; second < 5; second++) {
    watch.noteError(full);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(watch.health).toMatchObject({ state: 'refusing', reason: 'its disk is full' });
  }
  proofs++;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watch.health.state).toBe('ok');
  // Nobody tries any more: the operation counts again.
  watch.noteError(full);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(watch.health.state).toBe('ok');
  // A deadlock and the like pass by themselves.
  watch.noteError(Object.assign(new Error('deadlock detected'), { code: '40P01' }));
  expect(watch.health.state).toBe('ok');
  watch.stop();
});

it('gives up a read that waits soon after the backend turns out to be gone, and no other', async () => {
  let isGone = false;
  const watch = new BackendWatch({
    operate: () => (isGone ? Promise.reject(new Error('connect ECONNREFUSED')) : Promise.resolve()),
  });
  watch.start();
  expect(await watch.whileServing(Promise.resolve('value'))).toBe('value');
  await expect(watch.whileServing(Promise.reject(new Error('its own')))).rejects.toThrow('its own');
  const ended: string[] = [];
  const waits = watch
    .whileServing(new Promise(() => undefined))
    .catch((error: Error) => ended.push(error.message));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(ended).toEqual([]);
  isGone = true;
  await vi.advanceTimersByTimeAsync(1_200);
  await waits;
  expect(ended).toEqual(['the backend is gone: nothing listens at its address']);
  // Known to be gone: little time, since it may just have come back.
  const late = watch.whileServing(new Promise((resolve) => setTimeout(() => resolve('back'), 50)));
  await vi.advanceTimersByTimeAsync(60);
  expect(await late).toBe('back');
  watch.stop();
});

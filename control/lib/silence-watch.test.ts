import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { SilenceWatch } from './silence-watch.ts';

const LIMIT_MS = 200;

function watch() {
  const silences: number[] = [];
  const watched = new SilenceWatch((limitMs) => silences.push(limitMs), 20);
  onTestFinished(() => watched.stop());
  return { watched, silences };
}

it('tells once of a silence that lasts', async () => {
  const { watched, silences } = watch();
  watched.heard(LIMIT_MS);
  await expect.poll(() => silences).toEqual([LIMIT_MS]);
  await sleep(2 * LIMIT_MS);
  expect(silences).toEqual([LIMIT_MS]);
});

it('takes no standstill of its own process for a silence', async () => {
  const { watched, silences } = watch();
  watched.heard(LIMIT_MS);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * LIMIT_MS);
  // What is due after it, and then what was said meanwhile.
  await sleep(1);
  watched.heard(60_000);
  await sleep(LIMIT_MS);
  expect(silences).toEqual([]);
});

it('is over when it is stopped', async () => {
  const { watched, silences } = watch();
  watched.heard(LIMIT_MS);
  watched.stop();
  await sleep(2 * LIMIT_MS);
  expect(silences).toEqual([]);
});

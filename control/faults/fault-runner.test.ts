import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { parseFaults } from '../../contract/fault-syntax.ts';
import type { FaultTools } from './fault.ts';
import { FaultRunner } from './fault-runner.ts';

/** A backend that takes `pauseMs` to stop. */
function world(pauseMs: number) {
  const calls: string[] = [];
  let isPaused = false;
  const cluster = {
    provider: 'native',
    pause: async () => {
      await sleep(pauseMs);
      isPaused = true;
      calls.push('pause');
    },
    resume: () => {
      isPaused = false;
      calls.push('resume');
      return Promise.resolve();
    },
    isPaused: () => Promise.resolve(isPaused),
  };
  const tools = { cluster, backends: () => [] } as unknown as FaultTools;
  const runner = new FaultRunner(tools, { onChange: () => undefined, onLog: () => undefined });
  return { runner, calls };
}

const [anHour] = parseFaults('pause:redis@1s+3600s');
if (!anHour) throw new Error('nothing to inject');

it('ends what lasts when it is told to, also what is only being made at that moment', async () => {
  const { runner, calls } = world(50);
  const injected = runner.inject(anHour);
  await runner.heal();
  await injected;
  expect(calls).toEqual(['pause', 'resume']);
  await runner.settle();
  expect(runner.outcomes(0)).toMatchObject([
    { target: 'redis', hadEffect: true, endMs: expect.any(Number) as number },
  ]);
});

it('tells a fault that could not be made, and one whose moment never came', async () => {
  const { runner } = world(0);
  const [flush] = parseFaults('flush:redis@1s');
  if (!flush) throw new Error('nothing to inject');
  // There is no supervisor whose counts it could read.
  await runner.inject(flush);
  runner.skip(anHour);
  const [made, skipped] = runner.outcomes(0);
  expect(made).toMatchObject({
    hadEffect: false,
    effect: expect.stringMatching(/^It could not be made: /) as string,
  });
  expect(skipped).toMatchObject({
    hadEffect: false,
    effect: expect.stringContaining('never came') as string,
  });
  expect(skipped).not.toHaveProperty('tMs');
});

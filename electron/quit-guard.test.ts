import { describe, expect, it } from 'vitest';
import { settingsSchema, type Settings } from '../contract/settings.ts';
import type { ClusterState } from '../contract/state.ts';
import type { CommandName } from '../contract/contract.ts';
import { QuitGuard, type QuitAnswer } from './quit-guard.ts';

interface World {
  readonly guard: QuitGuard;
  readonly calls: { readonly name: string; readonly input: unknown }[];
  readonly asked: string[];
  readonly ended: number[];
  readonly told: string[][];
}

/** A guard before a control centre that only notes what it is asked. */
function makeWorld({
  cluster = 'running',
  onQuit = 'ask',
  answer = 'stop',
  isRemembered = false,
  releaseError,
}: {
  cluster?: ClusterState['state'];
  onQuit?: Settings['onQuit'];
  answer?: QuitAnswer | Promise<QuitAnswer>;
  isRemembered?: boolean;
  releaseError?: Error;
} = {}): World {
  const world = { calls: [], asked: [], ended: [], told: [] } as Omit<World, 'guard'>;
  const snapshot = { cluster: { state: cluster }, settings: settingsSchema.parse({ onQuit }) };
  const guard: QuitGuard = new QuitGuard({
    centre: {
      call: (async (name: CommandName, input: unknown) => {
        world.calls.push({ name, input });
        if (name === 'app.quit') setImmediate(() => void guard.release());
        return { ok: true, value: name === 'app.getSnapshot' ? snapshot : {} };
      }) as never,
      release: () => (releaseError ? Promise.reject(releaseError) : Promise.resolve()),
    },
    ask: async (state) => {
      world.asked.push(state);
      return { answer: await answer, isRemembered };
    },
    cleanUp: () => Promise.resolve(),
    showFailures: async (failures) => {
      world.told.push([...failures]);
    },
    quit: (code) => world.ended.push(code),
    log: (text) => {
      throw new Error(text);
    },
  });
  return { ...world, guard };
}

const hold = (guard: QuitGuard): boolean => {
  let isHeld = false;
  guard.hold({ preventDefault: () => (isHeld = true) });
  return isHeld;
};
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
const quitInputs = ({ calls }: World) =>
  calls.filter(({ name }) => name === 'app.quit').map(({ input }) => input);

describe('QuitGuard', () => {
  it('holds the end until everything is released, then lets it pass', async () => {
    const world = makeWorld();
    expect(hold(world.guard)).toBe(true);
    await settled();
    expect(world.ended).toEqual([0]);
    expect(world.guard.isReleased).toBe(true);
    expect(hold(world.guard)).toBe(false);
  });

  it.each(['stopped', 'failed'] as const)('asks nothing when the cluster is %s', async (cluster) => {
    const world = makeWorld({ cluster });
    hold(world.guard);
    await settled();
    expect(world.asked).toEqual([]);
    expect(quitInputs(world)).toEqual([{ cluster: 'stop' }]);
  });

  it.each(['starting', 'running', 'stopping'] as const)('asks while the cluster is %s', async (cluster) => {
    const world = makeWorld({ cluster, answer: 'keep' });
    hold(world.guard);
    await settled();
    expect(world.asked).toEqual([cluster]);
    expect(quitInputs(world)).toEqual([{ cluster: 'keep' }]);
  });

  it.each(['stop', 'keep'] as const)('does what the settings say without asking: %s', async (onQuit) => {
    const world = makeWorld({ onQuit });
    hold(world.guard);
    await settled();
    expect(world.asked).toEqual([]);
    expect(quitInputs(world)).toEqual([{ cluster: onQuit }]);
  });

  it('stops at a signal though it still asks, and heeds no later answer', async () => {
    let answerLate: (answer: QuitAnswer) => void = () => undefined;
    const late = new Promise<QuitAnswer>((resolve) => (answerLate = resolve));
    const world = makeWorld({ answer: late });
    hold(world.guard);
    await settled();
    world.guard.stopNow();
    await settled();
    expect(quitInputs(world)).toEqual([{ cluster: 'stop' }]);
    expect(world.ended).toEqual([0]);
    answerLate('cancel');
    await settled();
    expect(world.guard.isReleased).toBe(true);
    expect(quitInputs(world)).toHaveLength(1);
  });

  it('stays open after Cancel, and asks again the next time', async () => {
    const world = makeWorld({ answer: 'cancel', isRemembered: true });
    hold(world.guard);
    await settled();
    expect(world.ended).toEqual([]);
    expect(world.calls.map(({ name }) => name)).toEqual(['app.getSnapshot']);
    expect(hold(world.guard)).toBe(true);
    await settled();
    expect(world.asked).toHaveLength(2);
  });

  it('keeps the answer as a setting when told to', async () => {
    const world = makeWorld({ answer: 'keep', isRemembered: true });
    hold(world.guard);
    await settled();
    expect(world.calls.find(({ name }) => name === 'settings.saveSettings')?.input).toMatchObject({
      onQuit: 'keep',
    });
  });

  it('asks once, however often it is told to end meanwhile', async () => {
    const world = makeWorld();
    hold(world.guard);
    hold(world.guard);
    world.guard.stopNow();
    await settled();
    expect(world.asked).toHaveLength(1);
    expect(world.ended).toEqual([0]);
  });

  it('asks nobody when a signal comes', async () => {
    const world = makeWorld();
    world.guard.stopNow();
    await settled();
    expect(world.asked).toEqual([]);
    expect(quitInputs(world)).toEqual([{ cluster: 'stop' }]);
  });

  it('names all that could not be stopped, and ends with a code that says so', async () => {
    const world = makeWorld({
      releaseError: new AggregateError([new Error('cluster: Redis hangs'), new Error('lock: gone')], 'two'),
    });
    hold(world.guard);
    await settled();
    expect(world.told).toEqual([['cluster: Redis hangs', 'lock: gone']]);
    expect(world.ended).toEqual([6]);
  });
});

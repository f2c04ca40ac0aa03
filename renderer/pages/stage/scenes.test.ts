import { expect, it } from 'vitest';
import type { CommandName, ControlClient, EventName } from '../../../contract/contract.ts';
import { fixtureRun } from '../../../tests/support/run-fixture.ts';
import { SCENES, playScene, type Scene } from './scenes.ts';

const [naive, , , queue, broken] = SCENES as readonly [Scene, Scene, Scene, Scene, Scene];
const never = new AbortController().signal;

/** A control centre that answers as told, and notes what was asked. */
function fakeClient(answers: Partial<Record<CommandName, unknown>> = {}) {
  const asked: [name: string, input: unknown][] = [];
  const listeners = new Map<EventName, (payload: never) => void>();
  const tell = (name: EventName, payload: object) => listeners.get(name)?.(payload as never);
  const known: Partial<Record<CommandName, unknown>> = {
    'app.getSnapshot': { cluster: { state: 'running' } },
    'lab.listResults': [{ runId: 'run-1' }],
    'attack.launch': { runId: 'run-2' },
    'runs.getRun': fixtureRun(),
    ...answers,
  };
  const client = {
    call: (name: CommandName, input: unknown) => {
      asked.push([name, input]);
      const value = known[name];
      return Promise.resolve(
        value instanceof Error ? { ok: false, error: value.cause } : { ok: true, value },
      );
    },
    on: (name: EventName, listener: (payload: never) => void) => {
      listeners.set(name, listener);
      return () => listeners.delete(name);
    },
  } as unknown as ControlClient;
  const inputOf = (name: CommandName) => asked.find(([one]) => one === name)?.[1];
  const until = (name: CommandName) => expect.poll(() => asked.some(([one]) => one === name)).toBe(true);
  return { client, tell, inputOf, until, listeners };
}

const refusal = (message: string) =>
  new Error(message, { cause: { code: 'lab.busy', message, fix: 'Wait.' } });

it('plays a round of the lab with the bet, and tells what its record says', async () => {
  const { client, tell, inputOf, until, listeners } = fakeClient();
  const playing = playScene(client, naive, 25, never);
  await until('lab.start');
  tell('lab.stateChanged', { lab: { phase: 'running', done: 0, total: 1 } });
  tell('lab.stateChanged', { lab: { phase: 'idle', done: 1, total: 1 } });
  const { load, audit } = fixtureRun();
  expect(await playing).toMatchObject({ sold: audit.sold, oversold: audit.oversold });
  expect(inputOf('lab.start')).toMatchObject({
    designs: ['read-then-write'],
    rounds: 1,
    bets: { 'read-then-write': 25 },
  });
  expect(inputOf('runs.getRun')).toEqual({ id: 'run-1' });
  expect((await playing).facts[0]).toContain(load.sent.toLocaleString('en'));
  expect(listeners.size).toBe(0);
});

it('attacks FlashGrid for the other scenes, and kills the workers in the last one', async () => {
  for (const [scene, faults] of [
    [queue, undefined],
    [broken, 'kill:workers@25%'],
  ] as const) {
    const { client, tell, inputOf, until } = fakeClient();
    const playing = playScene(client, scene, undefined, never);
    await until('attack.launch');
    // That of another attack, and one that goes on.
    tell('attack.stateChanged', { attack: { runId: 'run-0', phase: 'finished' } });
    tell('attack.stateChanged', { attack: { runId: 'run-2', phase: 'draining' } });
    tell('attack.stateChanged', { attack: { runId: 'run-2', phase: 'finished' } });
    await playing;
    expect(inputOf('attack.launch')).toMatchObject({ profile: 'burst', requests: 5_000 });
    expect((inputOf('attack.launch') as { faults?: string }).faults).toBe(faults);
  }
});

it('starts the cluster where none runs', async () => {
  const { client, inputOf, until, tell } = fakeClient({
    'app.getSnapshot': { cluster: { state: 'stopped' } },
  });
  const playing = playScene(client, naive, undefined, never);
  await until('lab.start');
  tell('lab.stateChanged', { lab: { phase: 'idle', done: 1, total: 1 } });
  await playing;
  expect(inputOf('cluster.start')).toEqual({});
});

it('fails with the reason when the lab can not start, breaks off, or does not end', async () => {
  const busy = fakeClient({ 'lab.start': refusal('The lab is running.') });
  await expect(playScene(busy.client, naive, 1, never)).rejects.toThrow('The lab is running.');
  // It is another's.
  expect(busy.inputOf('attack.cancel')).toBeUndefined();
  const broke = fakeClient();
  const playing = playScene(broke.client, naive, 1, never);
  await broke.until('lab.start');
  broke.tell('lab.stateChanged', {
    lab: {
      phase: 'idle',
      done: 0,
      total: 1,
      failure: { code: 'app.surprise', message: 'It broke.', fix: 'Look.' },
    },
  });
  await expect(playing).rejects.toThrow('It broke.');
  await expect(playScene(fakeClient().client, queue, 1, never, 20)).rejects.toThrow('not over within 20 ms');
});

it('ends at once when the story is left, and cancels what it began', async () => {
  const abort = new AbortController();
  const { client, inputOf, until, listeners } = fakeClient();
  const playing = playScene(client, queue, 1, abort.signal);
  await until('attack.launch');
  abort.abort();
  await expect(playing).rejects.toThrow(/aborted/);
  expect(inputOf('attack.cancel')).toEqual({});
  expect(listeners.size).toBe(0);
});

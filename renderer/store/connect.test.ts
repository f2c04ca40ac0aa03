import { beforeEach, describe, expect, it } from 'vitest';
import type { ConnectedClient, ConnectionStatus } from '../../contract/client.ts';
import { eventNames, parsers } from '../../contract/contract.ts';
import type { Snapshot } from '../../contract/state.ts';
import { MAX_WAITING, connectStore } from './connect.ts';
import { useControl } from './store.ts';
import { testSnapshot } from './test-data.ts';

/** A client whose every message the test sends by hand. */
function fakeClient() {
  const heard = new Map<string, (payload: unknown) => void>();
  const answers: ((snapshot: Snapshot) => void)[] = [];
  let tell: (status: ConnectionStatus) => void = () => undefined;
  const order: string[] = [];
  const client: ConnectedClient = {
    call: (name) => {
      order.push(`call ${name}`);
      return new Promise((resolve) => {
        answers.push((snapshot) => {
          resolve({ ok: true, value: parsers.commands[name].output.parse(snapshot) });
        });
      });
    },
    on: (name, listener) => {
      order.push(`on ${name}`);
      heard.set(name, (raw) => listener(parsers.events[name].parse(raw)));
      return () => heard.delete(name);
    },
    onStatus: (listener) => {
      tell = listener;
      return () => undefined;
    },
    retryNow: () => undefined,
    close: () => undefined,
  };
  return {
    client,
    order,
    status: (status: ConnectionStatus) => tell(status),
    emitState: (seq: number, state: string) =>
      heard.get('cluster.stateChanged')?.({ seq, cluster: { state, steps: [], backends: [] } }),
    emitQuitting: (seq: number) => heard.get('app.quitting')?.({ seq }),
    answer: async (snapshot: Snapshot) => {
      answers.shift()?.(snapshot);
      // The answer passes through the promises of the call.
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    },
    asked: () => answers.length,
  };
}

const clusterState = () => useControl.getState().data?.cluster.state;

describe('the connection of the store', () => {
  let frames: (() => void)[];
  const draw = (): void => frames.splice(0).forEach((task) => task());
  const connect = (client: ConnectedClient) => connectStore(client, (task) => frames.push(task));

  beforeEach(() => {
    frames = [];
    useControl.setState({ data: undefined, status: { state: 'connecting' }, problem: undefined });
  });

  it('hears that the control centre ends, even when the line goes with the same frame', async () => {
    const fake = fakeClient();
    connect(fake.client);
    fake.status({ state: 'online' });
    await fake.answer(testSnapshot());
    fake.emitQuitting(1_000_000);
    fake.status({ state: 'offline', retryAtMs: 0 });
    draw();
    expect(useControl.getState().data?.hasQuit).toBe(true);
  });

  it('subscribes to everything before it asks for the snapshot', () => {
    const fake = fakeClient();
    connect(fake.client);
    fake.status({ state: 'online' });
    expect(fake.order.at(-1)).toBe('call app.getSnapshot');
    expect(fake.order.slice(0, -1).sort()).toEqual(eventNames.map((name) => `on ${name}`).sort());
  });

  it('holds events back until the snapshot, then applies only the newer ones', async () => {
    const fake = fakeClient();
    connect(fake.client);
    fake.status({ state: 'online' });
    fake.emitState(10, 'failed');
    fake.emitState(11, 'starting');
    expect(useControl.getState().data).toBeUndefined();
    await fake.answer(testSnapshot({ seq: 10 }));
    expect(clusterState()).toBe('starting');
  });

  it('applies all events of a frame in one change of the store', async () => {
    const fake = fakeClient();
    connect(fake.client);
    fake.status({ state: 'online' });
    await fake.answer(testSnapshot());
    let changes = 0;
    const unsubscribe = useControl.subscribe(() => changes++);
    for (let seq = 11; seq < 40; seq++) fake.emitState(seq, 'starting');
    expect(changes).toBe(0);
    draw();
    expect(changes).toBe(1);
    unsubscribe();
  });

  it('keeps what it shows while offline, and takes a new snapshot after', async () => {
    const fake = fakeClient();
    connect(fake.client);
    fake.status({ state: 'online' });
    await fake.answer(testSnapshot({ seq: 500 }));
    fake.status({ state: 'offline', retryAtMs: 1 });
    expect(clusterState()).toBe('stopped');
    fake.status({ state: 'online' });
    // A control centre that was started anew counts from the beginning.
    await fake.answer(testSnapshot({ seq: 3, cluster: { state: 'running', steps: [], backends: [] } }));
    expect(clusterState()).toBe('running');
    fake.emitState(4, 'stopping');
    draw();
    expect(clusterState()).toBe('stopping');
  });

  it('drops a snapshot that was asked for before the connection was lost', async () => {
    const fake = fakeClient();
    connect(fake.client);
    fake.status({ state: 'online' });
    fake.status({ state: 'offline', retryAtMs: 1 });
    await fake.answer(testSnapshot());
    expect(useControl.getState().data).toBeUndefined();
  });

  it('takes a new snapshot instead of a flood that a hidden window has missed', async () => {
    const fake = fakeClient();
    connect(fake.client);
    fake.status({ state: 'online' });
    await fake.answer(testSnapshot({ seq: 10 }));
    for (let at = 0; at <= MAX_WAITING; at++) fake.emitState(11 + at, 'starting');
    expect(fake.asked()).toBe(1);
    await fake.answer(testSnapshot({ seq: 20_000, cluster: { state: 'running', steps: [], backends: [] } }));
    expect(clusterState()).toBe('running');
    fake.emitState(20_001, 'stopping');
    draw();
    expect(clusterState()).toBe('stopping');
  });

  it('hears nothing any more once it is ended', async () => {
    const fake = fakeClient();
    const end = connect(fake.client);
    fake.status({ state: 'online' });
    await fake.answer(testSnapshot());
    end();
    fake.emitState(11, 'failed');
    draw();
    expect(clusterState()).toBe('stopped');
  });
});

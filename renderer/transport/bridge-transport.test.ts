import { expect, it, onTestFinished, vi } from 'vitest';
import { createBridgeClient } from './bridge-transport.ts';
import type { FlashgridBridge } from './bridge.ts';

function bridgeThat(answer: (name: string, input: unknown) => unknown): {
  readonly bridge: FlashgridBridge;
  readonly emit: (payload: unknown) => void;
} {
  let heard: (payload: unknown) => void = () => undefined;
  return {
    bridge: {
      call: (name, input) => Promise.resolve(answer(name, input)),
      on: (_name, listener) => {
        heard = listener;
        return () => undefined;
      },
    },
    emit: (payload) => heard(payload),
  };
}

it('passes a command on and parses its answer', async () => {
  const { bridge } = bridgeThat(() => ({ ok: true, value: [] }));
  expect(await createBridgeClient(bridge, () => undefined).call('runs.listRuns', {})).toEqual({
    ok: true,
    value: [],
  });
});

it('hands on an expected failure', async () => {
  const error = { code: 'x.y', message: 'm', fix: 'f' };
  const { bridge } = bridgeThat(() => ({ ok: false, error }));
  expect(await createBridgeClient(bridge, () => undefined).call('runs.listRuns', {})).toEqual({
    ok: false,
    error,
  });
});

it('turns an unknown answer and a refused message into failures', async () => {
  const strange = createBridgeClient(bridgeThat(() => ({ ok: true, value: 3 })).bridge, () => undefined);
  expect(await strange.call('runs.listRuns', {})).toMatchObject({
    ok: false,
    error: { code: 'client.unknownAnswer' },
  });
  const refusing = createBridgeClient(
    bridgeThat(() => {
      throw new Error('sender refused');
    }).bridge,
    () => undefined,
  );
  expect(await refusing.call('runs.listRuns', {})).toMatchObject({
    ok: false,
    error: { code: 'client.refused', message: 'runs.listRuns was refused: sender refused' },
  });
});

it('is online from the start, and reports events that it does not know', () => {
  const problems: string[] = [];
  const { bridge, emit } = bridgeThat(() => undefined);
  const client = createBridgeClient(bridge, (problem) => problems.push(problem));
  const states: string[] = [];
  client.onStatus(({ state }) => states.push(state));
  const heard: number[] = [];
  client.on('app.quitting', ({ seq }) => heard.push(seq));
  emit({ seq: 1 });
  emit({});
  expect(states).toEqual(['online']);
  expect(heard).toEqual([1]);
  expect(problems).toHaveLength(1);
});

it('gives up on an answer that does not come', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { bridge } = bridgeThat(() => new Promise(() => undefined));
  const call = createBridgeClient(bridge, () => undefined).call('doctor.runChecks', {});
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await call).toMatchObject({ ok: false, error: { code: 'client.timeout' } });
});

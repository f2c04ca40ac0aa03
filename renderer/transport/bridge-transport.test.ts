import { expect, it } from 'vitest';
import { createBridgeCarrier } from './bridge-transport.ts';
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
  expect(await createBridgeCarrier(bridge, () => undefined).call('runs.listRuns', {})).toEqual({
    ok: true,
    value: [],
  });
});

it('hands on an expected failure', async () => {
  const error = { code: 'x.y', message: 'm', fix: 'f' };
  const { bridge } = bridgeThat(() => ({ ok: false, error }));
  expect(await createBridgeCarrier(bridge, () => undefined).call('runs.listRuns', {})).toEqual({
    ok: false,
    error,
  });
});

it('turns an unknown answer and a refused message into failures', async () => {
  const strange = createBridgeCarrier(bridgeThat(() => ({ ok: true, value: 3 })).bridge, () => undefined);
  expect(await strange.call('runs.listRuns', {})).toMatchObject({
    ok: false,
    error: { code: 'face.unknownAnswer' },
  });
  const refusing = createBridgeCarrier(
    bridgeThat(() => {
      throw new Error('sender refused');
    }).bridge,
    () => undefined,
  );
  expect(await refusing.call('runs.listRuns', {})).toMatchObject({ ok: false });
});

it('is online from the start, and reports events that it does not know', () => {
  const problems: string[] = [];
  const { bridge, emit } = bridgeThat(() => undefined);
  const carrier = createBridgeCarrier(bridge, (problem) => problems.push(problem));
  const states: string[] = [];
  carrier.onStatus(({ state }) => states.push(state));
  const heard: number[] = [];
  carrier.on('app.quitting', ({ seq }) => heard.push(seq));
  emit({ seq: 1 });
  emit({});
  expect(states).toEqual(['online']);
  expect(heard).toEqual([1]);
  expect(problems).toHaveLength(1);
});

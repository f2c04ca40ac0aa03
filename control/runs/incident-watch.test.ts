import { describe, expect, it } from 'vitest';
import { IncidentWatch } from './incident-watch.ts';

function world() {
  let nowMs = 1_000_000;
  const services = [
    {
      id: 'gateway-1',
      role: 'gateway',
      state: 'running',
      restarts: 0,
      detail: undefined as string | undefined,
    },
    {
      id: 'worker-1',
      role: 'worker',
      state: 'running',
      restarts: 0,
      detail: undefined as string | undefined,
    },
  ];
  const backends = [{ role: 'redis', state: 'running' }];
  let rebuilds = 0;
  const parts = {
    supervisor: {
      states: () => services.map((service) => ({ ...service })),
      totals: { read: () => ({ rebuilds }), latest: () => new Map() },
    },
    cluster: { backends: () => backends.map((backend) => ({ ...backend })) },
  };
  const said: string[] = [];
  const watch = new IncidentWatch(
    parts as never,
    (text) => said.push(text),
    () => nowMs,
  );
  /** Lets time pass; the silent ones say nothing meanwhile. */
  const pass = (ms: number, ...silent: string[]) => {
    for (let left = ms; left > 0; left -= 100) {
      nowMs += 100;
      for (const { id } of services)
        if (!silent.includes(id)) watch.handleSample(id, { atMs: nowMs, eventLoopLagMs: 2 });
      if (!silent.includes('control')) watch.look();
    }
  };
  return {
    watch,
    said,
    pass,
    service: (id: string, change: object) =>
      Object.assign(services.find((one) => one.id === id) ?? {}, change),
    backend: (change: object) => Object.assign(backends[0] ?? {}, change),
    rebuild: () => rebuilds++,
    now: () => nowMs,
    told: () =>
      watch.incidents(1_000_000).map(({ part, kind, lengthMs }) => [part, kind, lengthMs ?? 0] as const),
  };
}

describe('pauses', () => {
  it('of one service are that service’s, by its own clock', () => {
    const { watch, pass, told, now } = world();
    pass(1_000);
    pass(6_000, 'gateway-1');
    watch.handleSample('gateway-1', { atMs: now(), eventLoopLagMs: 6_000 });
    expect(told()).toEqual([['gateway-1', 'paused', 6_000]]);
  });

  it('of all clocks at once are the machine’s, told once', () => {
    const { watch, pass, told, now } = world();
    pass(1_000);
    pass(6_000, 'gateway-1', 'worker-1', 'control');
    watch.look();
    watch.handleSample('gateway-1', { atMs: now(), eventLoopLagMs: 5_950 });
    watch.handleInterval({ eventLoopLagMaxMs: 5_990 }, now());
    expect(told()).toEqual([['machine', 'paused', expect.closeTo(6_000, -2)]]);
  });

  it('of the generator alone are its own', () => {
    const { watch, pass, told, now } = world();
    pass(5_000);
    watch.handleInterval({ eventLoopLagMaxMs: 3_000 }, now());
    expect(told()).toEqual([['generator', 'paused', 3_000]]);
  });

  it('show in the gap between two samples, but not across a restart', () => {
    const { watch, pass, told, now, service } = world();
    pass(1_000);
    pass(4_000, 'gateway-1');
    watch.handleSample('gateway-1', { atMs: now(), eventLoopLagMs: 3 });
    expect(told()).toEqual([['gateway-1', 'paused', 3_900]]);
    service('gateway-1', { state: 'restarting' });
    pass(2_000, 'gateway-1');
    watch.handleSample('gateway-1', { atMs: now(), eventLoopLagMs: 3 });
    expect(told().filter(([part, kind]) => part === 'gateway-1' && kind === 'paused')).toHaveLength(1);
  });

  it('that last to the end are told, although the part has not reported them', () => {
    const { pass, told } = world();
    pass(1_000);
    pass(20_000, 'gateway-1');
    expect(told()).toEqual([['gateway-1', 'paused', 20_000]]);
  });

  it('that are short are not told', () => {
    const { watch, pass, told, now } = world();
    pass(1_000);
    watch.handleSample('worker-1', { atMs: now(), eventLoopLagMs: 400 });
    expect(told()).toEqual([]);
  });
});

describe('parts that go away', () => {
  it('are told with their return', () => {
    const { watch, said, pass, service, backend, told } = world();
    pass(200);
    service('worker-1', { state: 'restarting', detail: 'ended by SIGKILL' });
    backend({ state: 'restarting' });
    pass(300);
    service('worker-1', { state: 'running', detail: undefined });
    backend({ state: 'running' });
    pass(100);
    expect(told().map(([part, kind]) => `${part} ${kind}`)).toEqual([
      'worker-1 ended',
      'redis ended',
      'worker-1 back',
      'redis back',
    ]);
    expect(watch.heldUpMs()).toBe(300);
    expect(said[0]).toBe('worker-1 went away: ended by SIGKILL.');
    expect(said[3]).toBe('Redis serves again after 300 ms.');
  });

  it('are the reason for what is undecided: given up, away, silent, or with frames in hand', () => {
    const { watch, pass, service, backend, rebuild } = world();
    pass(200);
    expect(watch.missing()).toEqual([]);
    service('worker-1', { state: 'failed', detail: 'ended with code 1, 6 times in a row' });
    backend({ state: 'failed', detail: 'ended' });
    rebuild();
    pass(60_000, 'gateway-1', 'worker-1');
    expect(watch.missing()).toEqual([
      expect.stringMatching(/^gateway-1 has said nothing for 60 s/),
      'worker-1 was given up (ended with code 1, 6 times in a row).',
      'Redis is failed: ended.',
      expect.stringMatching(/^Redis lost data or started again/),
    ]);
  });
});

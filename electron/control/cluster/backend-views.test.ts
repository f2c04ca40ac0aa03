import { describe, expect, it } from 'vitest';
import type { BackendHealth } from '../../../services/shared/backend-trouble.ts';
import { REFUSES_MESSAGES } from '../../../services/shared/broker-canary.ts';
import type { Backends } from '../../../services/shared/messages.ts';
import { BackendViews } from './backend-views.ts';
import type { EngineState } from './cluster.ts';

const BEGAN_MS = Date.now() - 60_000;
const ok: BackendHealth = { state: 'ok', reason: 'ok', sinceMs: BEGAN_MS };
const all = (change: Partial<Backends>): Backends => ({ rabbitmq: ok, redis: ok, postgres: ok, ...change });
const running = (role: EngineState['role']): EngineState => ({
  role,
  state: 'running',
  startedAtMs: BEGAN_MS,
});
const sick = (state: BackendHealth['state'], reason: string, forMs = 1_000): BackendHealth => ({
  state,
  reason,
  sinceMs: Date.now() - forMs,
});

describe('a backend as it is shown', () => {
  it('is unhealthy when the services find that it takes no writes, though its process is alive', () => {
    const views = new BackendViews();
    const redis = sick('refusing', 'READONLY: it is a replica');
    views.hear('gateway-1', all({ redis }));
    views.hear('worker-1', all({ redis }));
    expect(views.view(running('redis'))).toMatchObject({
      state: 'unhealthy',
      detail: 'Redis refuses what is written to it: READONLY: it is a replica.',
      sinceMs: redis.sinceMs,
    });
    expect(views.view(running('postgres'))).toEqual(running('postgres'));
  });

  it('names who sees a trouble that others do not, and forgets a service that has gone silent', () => {
    const views = new BackendViews();
    views.hear('gateway-1', all({ postgres: sick('refusing', 'its disk is full') }));
    views.hear('worker-1', all({}));
    expect(views.view(running('postgres')).detail).toMatch(/ Seen by gateway-1\.$/);
    expect(views.view(running('postgres'), Date.now() + 3_000).state).toBe('running');
  });

  it('keeps what its provider says of one that does not run, and waits for services to find a new one', () => {
    const views = new BackendViews();
    views.hear('gateway-1', all({ redis: sick('away', 'nothing listens at its address') }));
    const failed: EngineState = { role: 'redis', state: 'failed', detail: 'Redis ended.' };
    expect(views.view(failed)).toEqual(failed);
    expect(views.view({ ...running('redis'), startedAtMs: Date.now() }).state).toBe('starting');
    expect(views.view(running('redis')).state).toBe('unhealthy');
  });
});

describe('a RabbitMQ that only a restart heals', () => {
  const why = (trouble: BackendHealth, engine = running('rabbitmq')) => {
    const views = new BackendViews();
    views.hear('gateway-1', all({ rabbitmq: trouble }));
    return views.whyRestart(engine);
  };
  it('is restarted once it has stored nothing for a while, with the reason', () => {
    expect(why(sick('refusing', REFUSES_MESSAGES, 20_000))).toMatch(/^RabbitMQ refuses .* lasted for 20 s/);
    expect(why(sick('silent', 'it confirms no message', 20_000))).toMatch(/restarted\.$/);
    expect(why(sick('refusing', REFUSES_MESSAGES, 5_000))).toBeUndefined();
  });

  it('is left alone where time or a person heals it: an alarm, a wrong password, a frozen process, a start', () => {
    expect(why(sick('blocked', 'an alarm of RabbitMQ: low on disk', 60_000))).toBeUndefined();
    expect(why(sick('refusing', 'it does not accept our user or password', 60_000))).toBeUndefined();
    const silent = sick('silent', 'no answer in time', 60_000);
    expect(why(silent, { ...running('rabbitmq'), state: 'unhealthy' })).toBeUndefined();
    expect(why(silent, { ...running('rabbitmq'), startedAtMs: Date.now() - 5_000 })).toBeUndefined();
  });

  it('is no Redis and no Postgres: these heal with their cause', () => {
    const views = new BackendViews();
    const trouble = sick('silent', 'no answer in time', 60_000);
    views.hear('gateway-1', all({ redis: trouble, postgres: trouble }));
    expect(views.whyRestart(running('redis'))).toBeUndefined();
    expect(views.whyRestart(running('postgres'))).toBeUndefined();
  });
});

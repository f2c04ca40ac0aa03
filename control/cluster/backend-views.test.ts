import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BackendHealth } from '../../services/shared/backend-trouble.ts';
import { REFUSES_MESSAGES } from '../../services/shared/amqp/broker-canary.ts';
import type { Backends } from '../../services/shared/messages.ts';
import { BackendViews } from './backend-views.ts';
import type { BackendState } from '../../contract/backends.ts';

const BEGAN_MS = Date.now() - 60_000;
const ok: BackendHealth = { state: 'ok', reason: 'ok', sinceMs: BEGAN_MS };
const all = (change: Partial<Backends>): Backends => ({ rabbitmq: ok, redis: ok, postgres: ok, ...change });
const running = (role: BackendState['role']): BackendState => ({
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
    views.observe('gateway-1', all({ redis }));
    views.observe('worker-1', all({ redis }));
    expect(views.view(running('redis'))).toMatchObject({
      state: 'unhealthy',
      detail: 'Redis refuses what is written to it: READONLY: it is a replica.',
      sinceMs: redis.sinceMs,
    });
    expect(views.view(running('postgres'))).toEqual(running('postgres'));
  });

  it('names who sees a trouble that others do not, and forgets a service that has gone silent', () => {
    const views = new BackendViews();
    views.observe('gateway-1', all({ postgres: sick('refusing', 'its disk is full') }));
    views.observe('worker-1', all({}));
    expect(views.view(running('postgres')).detail).toMatch(/ Seen by gateway-1\.$/);
    expect(views.view(running('postgres'), Date.now() + 3_000).state).toBe('running');
  });

  it('keeps what its provider says of one that does not run, and waits for services to find a new one', () => {
    const views = new BackendViews();
    views.observe('gateway-1', all({ redis: sick('away', 'nothing listens at its address') }));
    const failed: BackendState = { role: 'redis', state: 'failed', detail: 'Redis ended.' };
    expect(views.view(failed)).toEqual(failed);
    expect(views.view({ ...running('redis'), startedAtMs: Date.now() }).state).toBe('starting');
    expect(views.view(running('redis')).state).toBe('unhealthy');
  });
});

describe('a RabbitMQ that only a restart heals', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  /** What is said after `sec` seconds of each trouble in turn, told once a second. */
  function why(backend: BackendState, ...phases: (readonly [trouble: Partial<Backends>, sec: number])[]) {
    const views = new BackendViews();
    let said: string | undefined;
    for (const [trouble, sec] of phases)
      for (let second = 0; second <= sec && said === undefined; second++) {
        views.observe('gateway-1', all(trouble));
        said = views.whyRestart(backend);
        vi.advanceTimersByTime(1_000);
      }
    return said;
  }
  const refusing = { rabbitmq: sick('refusing', REFUSES_MESSAGES) };
  const silent = { rabbitmq: sick('silent', 'it confirms no message') };
  const blocked = { rabbitmq: sick('blocked', 'an alarm of RabbitMQ: low on disk') };

  it('is restarted once it has stored nothing for a while, with the reason', () => {
    expect(why(running('rabbitmq'), [refusing, 20])).toMatch(/^RabbitMQ refuses .* lasted for 15 s/);
    expect(why(running('rabbitmq'), [silent, 20])).toMatch(/restarted\.$/);
    expect(why(running('rabbitmq'), [refusing, 10])).toBeUndefined();
  });

  it('is left alone where time or a person heals it: an alarm, a wrong password, a frozen process, a start', () => {
    expect(why(running('rabbitmq'), [blocked, 60])).toBeUndefined();
    // What came before does not count: the alarm has ended only now.
    expect(why(running('rabbitmq'), [blocked, 60], [silent, 5])).toBeUndefined();
    expect(why(running('rabbitmq'), [silent, 10], [{}, 1], [silent, 10])).toBeUndefined();
    const password = { rabbitmq: sick('refusing', 'it does not accept our user or password') };
    expect(why(running('rabbitmq'), [password, 60])).toBeUndefined();
    expect(why({ ...running('rabbitmq'), state: 'unhealthy' }, [silent, 60])).toBeUndefined();
  });

  it('is no Redis and no Postgres: these heal with their cause', () => {
    const trouble = sick('silent', 'no answer in time');
    expect(why(running('redis'), [{ redis: trouble }, 60])).toBeUndefined();
    expect(why(running('postgres'), [{ postgres: trouble }, 60])).toBeUndefined();
  });
});

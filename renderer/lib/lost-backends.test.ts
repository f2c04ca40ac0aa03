import { describe, expect, it } from 'vitest';
import type { BackendState } from '../../contract/backends.ts';
import { lostBackendDetail, lostBackends } from './lost-backends.ts';

const backend = (
  role: BackendState['role'],
  state: BackendState['state'],
  detail?: string,
): BackendState => ({
  role,
  state,
  ...(detail === undefined ? {} : { detail }),
});

describe('backends that do not serve', () => {
  it('are named, the worst first, with the reason and what happens next', () => {
    const backends = [
      backend('rabbitmq', 'unhealthy', 'RabbitMQ takes no messages now: an alarm of RabbitMQ: low on disk.'),
      backend('redis', 'restarting', 'Redis ended by itself (signal SIGKILL). It is started again now.'),
      backend('postgres', 'running'),
    ];
    expect(lostBackends({ state: 'running', backends })).toBe(
      'Redis is being restarted. RabbitMQ does not serve.',
    );
    const detail = lostBackendDetail({ state: 'running', backends });
    expect(detail).toContain('low on disk');
    expect(detail).toMatch(/Accepted reservations are kept meanwhile\.$/);
    const lost = [backend('redis', 'failed'), backend('postgres', 'failed')];
    expect(lostBackends({ state: 'running', backends: lost })).toBe('Redis and Postgres have ended.');
    expect(lostBackendDetail({ state: 'running', backends: lost })).toMatch(/^FlashGrid keeps trying/);
  });

  it('are none while all serve, or while the cluster is on its way down', () => {
    const running = [backend('redis', 'running'), backend('rabbitmq', 'starting')];
    expect(lostBackends({ state: 'running', backends: running })).toBeUndefined();
    expect(lostBackendDetail({ state: 'running', backends: running })).toBeUndefined();
    expect(lostBackends({ state: 'stopping', backends: [backend('redis', 'failed')] })).toBeUndefined();
    expect(lostBackendDetail({ state: 'stopping', backends: [backend('redis', 'failed')] })).toBeUndefined();
  });
});

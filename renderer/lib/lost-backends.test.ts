import { describe, expect, it } from 'vitest';
import type { EngineState } from '../../contract/backends.ts';
import { lostEngineDetail, lostEngines } from './lost-backends.ts';

const engine = (role: EngineState['role'], state: EngineState['state'], detail?: string): EngineState => ({
  role,
  state,
  ...(detail === undefined ? {} : { detail }),
});

describe('backends that do not serve', () => {
  it('are named, the worst first, with the reason and what happens next', () => {
    const engines = [
      engine('rabbitmq', 'unhealthy', 'RabbitMQ takes no messages now: an alarm of RabbitMQ: low on disk.'),
      engine('redis', 'restarting', 'Redis ended by itself (signal SIGKILL). It is started again now.'),
      engine('postgres', 'running'),
    ];
    expect(lostEngines({ state: 'running', engines })).toBe(
      'Redis is being restarted. RabbitMQ does not serve.',
    );
    const detail = lostEngineDetail({ state: 'running', engines });
    expect(detail).toContain('low on disk');
    expect(detail).toMatch(/What was accepted is kept meanwhile\.$/);
    const lost = [engine('redis', 'failed'), engine('postgres', 'failed')];
    expect(lostEngines({ state: 'running', engines: lost })).toBe('Redis and Postgres have ended.');
    expect(lostEngineDetail({ state: 'running', engines: lost })).toMatch(/^FlashGrid goes on trying/);
  });

  it('are none while all serve, or while the cluster is on its way down', () => {
    const running = [engine('redis', 'running'), engine('rabbitmq', 'starting')];
    expect(lostEngines({ state: 'running', engines: running })).toBeUndefined();
    expect(lostEngineDetail({ state: 'running', engines: running })).toBeUndefined();
    expect(lostEngines({ state: 'stopping', engines: [engine('redis', 'failed')] })).toBeUndefined();
    expect(lostEngineDetail({ state: 'stopping', engines: [engine('redis', 'failed')] })).toBeUndefined();
  });
});

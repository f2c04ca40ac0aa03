import { describe, expect, it } from 'vitest';
import type { EngineState } from '../../electron/control/cluster/cluster.ts';
import { lostEngines } from './lost-engines.ts';

const engine = (role: EngineState['role'], state: EngineState['state']): EngineState => ({ role, state });

describe('lost engines', () => {
  it('names the engines that ended while the cluster runs', () => {
    const redis = engine('redis', 'failed');
    expect(lostEngines({ state: 'running', engines: [engine('rabbitmq', 'running'), redis] })).toBe(
      'Redis has ended.',
    );
    expect(lostEngines({ state: 'running', engines: [redis, engine('postgres', 'failed')] })).toBe(
      'Redis and Postgres have ended.',
    );
  });

  it('says nothing while all run, or while the cluster is on its way down', () => {
    expect(lostEngines({ state: 'running', engines: [engine('redis', 'unhealthy')] })).toBeUndefined();
    expect(lostEngines({ state: 'stopping', engines: [engine('redis', 'failed')] })).toBeUndefined();
  });
});

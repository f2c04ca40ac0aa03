/** A control centre's state for tests: everything stopped, nothing sold. */
import type { AttackState, Snapshot } from '../../contract/state.ts';
import { settingsSchema } from '../../contract/settings.ts';
import { attackSettingsSchema } from '../../contract/attack-settings.ts';

export function testSnapshot(over: Partial<Snapshot> = {}): Snapshot {
  return {
    seq: 10,
    app: { version: '0.1.0', node: 'v20.20.0', platform: 'linux x64', dataDir: '/data', pid: 7 },
    settings: settingsSchema.parse({}),
    cluster: { state: 'stopped', steps: [], backends: [] },
    services: [],
    stats: [],
    flow: [],
    sales: [],
    samples: [],
    ...over,
  };
}

export function testAttack(over: Partial<AttackState> = {}): AttackState {
  return {
    runId: 'run-1',
    saleId: 'sale-1',
    phase: 'attacking',
    settings: attackSettingsSchema.parse({ profile: 'burst' }),
    startedAtMs: 1_000,
    progress: 0.5,
    sent: 5_000,
    accepted: 4_900,
    rejected: 100,
    unknown: 0,
    granted: 12,
    remaining: 8,
    reasons: [],
    ...over,
  };
}

import { describe, expect, it } from 'vitest';
import { judgeMachine, readMachineLimits, type MachineLimits } from './preflight.ts';
import { planProcesses } from './process-plan.ts';
import { attackSettingsSchema, type AttackSettingsInput } from '../../../contract/attack-settings.ts';

const roomy: MachineLimits = {
  openFiles: 65_536,
  localPorts: 28_232,
  acceptQueue: 4_096,
  freeMemoryBytes: 8e9,
};

function judge(input: AttackSettingsInput, limits: Partial<MachineLimits> = {}, targets = 1) {
  const settings = attackSettingsSchema.parse(input);
  return judgeMachine(settings, planProcesses(settings, 2), targets, { ...roomy, ...limits });
}

const burst = (connections: number, requests = 20_000) =>
  ({ profile: 'burst', requests, connections }) as const;

describe('the preflight', () => {
  it('has nothing against the flagship attack on an ordinary machine', () => {
    expect(judge(burst(1_000, 10_000))).toEqual({ failures: [], warnings: [] });
  });

  it('names the field, the need and the limit when files are short', () => {
    expect(judge(burst(10_000), { openFiles: 1_024 }).failures).toEqual([
      expect.objectContaining({
        code: 'attack.openFiles',
        field: 'connections',
        message: expect.stringMatching(/10,000 sockets need 10,100 open files .* allows 1,024/),
        fix: expect.stringMatching(/at most 924 connections.*ulimit -n 11000/),
      }),
    ]);
  });

  it('lets exactly as many connections through as it says', () => {
    expect(judge(burst(924), { openFiles: 1_024 }).failures).toEqual([]);
    expect(judge(burst(925), { openFiles: 1_024 }).failures).toHaveLength(1);
    const several = { ...burst(1_848), processes: 2 };
    expect(judge(several, { openFiles: 1_024 }, 2).failures).toEqual([]);
    expect(judge(several, { openFiles: 1_024 }, 1).failures).toHaveLength(1);
  });

  it('counts the local ports for each gateway, and says how many gateways would do', () => {
    const few = { localPorts: 5_000 };
    expect(judge(burst(12_000), few).failures).toEqual([
      expect.objectContaining({
        code: 'attack.localPorts',
        fix: expect.stringContaining('Start 3 gateways'),
      }),
    ]);
    expect(judge(burst(12_000), few, 3).failures).toEqual([]);
  });

  it('refuses what the memory can not hold, under the field that asks for it', () => {
    const sustained = { profile: 'sustained', ratePerSec: 200_000, durationSec: 3_600 } as const;
    expect(judge(sustained).failures).toEqual([
      expect.objectContaining({ code: 'attack.memory', field: 'durationSec' }),
    ]);
    expect(judge(burst(1_000, 5_000_000)).failures).toEqual([]);
    expect(judge(burst(1_000, 5_000_000), { freeMemoryBytes: 2e8 }).failures).toEqual([
      expect.objectContaining({ code: 'attack.memory', field: 'requests' }),
    ]);
  });

  it('warns of connections that will have to queue', () => {
    expect(judge(burst(10_000)).warnings).toEqual([expect.stringContaining('net.core.somaxconn')]);
  });

  it('does not refuse what it can not know', () => {
    const unknown = { openFiles: undefined, localPorts: undefined, acceptQueue: undefined };
    expect(judge(burst(20_000), unknown)).toEqual({ failures: [], warnings: [] });
  });

  it('reads the limits of this machine', async () => {
    const limits = await readMachineLimits();
    expect(limits.freeMemoryBytes).toBeGreaterThan(1e7);
    if (process.platform === 'linux') {
      expect(limits.openFiles ?? 256).toBeGreaterThanOrEqual(256);
      expect(limits.localPorts).toBeGreaterThan(0);
      expect(limits.acceptQueue).toBeGreaterThan(0);
    }
  });
});

describe('the plan of the processes', () => {
  const plan = (input: AttackSettingsInput, cores: number) =>
    planProcesses(attackSettingsSchema.parse(input), cores);

  it('takes one on a small machine, however large the load', () => {
    expect(plan(burst(10_000, 1_000_000), 4).processes).toBe(1);
  });

  it('takes more where cores and load both ask for them', () => {
    expect(plan(burst(1_000, 10_000), 16).processes).toBe(1);
    expect(plan(burst(1_000, 1_000_000), 16).processes).toBe(4);
    expect(plan({ profile: 'sustained', ratePerSec: 30_000, durationSec: 10 }, 16).processes).toBe(2);
  });

  it('shares all connections out, and has none without a request', () => {
    expect(plan({ ...burst(10), processes: 3 }, 2).connections).toEqual([4, 3, 3]);
    expect(plan({ ...burst(1_000, 7), processes: 3 }, 2).connections).toEqual([3, 2, 2]);
    expect(plan({ ...burst(1_000, 2), processes: 16 }, 2)).toMatchObject({
      processes: 2,
      connections: [1, 1],
    });
  });
});

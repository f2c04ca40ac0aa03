/** Ready-made attacks, for every frontend; docs/usage.md lists them. */
import type { AttackSettingsInput } from './attack-settings.ts';

export interface AttackPreset {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly settings: AttackSettingsInput;
  /** The window shows it by its title alone. */
  readonly isMinor?: true;
}

/** Ready-made attacks, the first being the one on the poster. */
export const ATTACK_PRESETS: readonly AttackPreset[] = [
  {
    id: 'flagship',
    title: '10,000 buyers, 20 tickets',
    summary: 'Ten thousand requests over a thousand connections, for twenty tickets.',
    settings: { profile: 'burst', requests: 10_000, connections: 1_000, stock: 20 },
  },
  {
    id: 'stadium',
    title: '100,000 buyers, 5,000 tickets',
    summary: 'A stadium goes on sale: a longer surge, and thousands of winners to record.',
    settings: { profile: 'burst', requests: 100_000, connections: 1_000, stock: 5_000 },
  },
  {
    id: 'stampede',
    title: '10,000 connections at once',
    summary: 'Every buyer has a connection of their own, all opened at the same moment.',
    settings: { profile: 'burst', requests: 10_000, connections: 10_000, stock: 20 },
  },
  {
    id: 'crash',
    title: 'The worker dies in the rush',
    summary: 'Nothing is decided for a second or two. The queue keeps every accepted reservation.',
    settings: {
      profile: 'burst',
      requests: 60_000,
      connections: 1_000,
      stock: 30_000,
      faults: 'kill:workers@25%',
    },
  },
  {
    id: 'everyone-wins',
    title: 'Everyone wins',
    summary: 'As many tickets as buyers: every single request ends as a row in Postgres.',
    settings: { profile: 'burst', requests: 20_000, connections: 500, stock: 20_000 },
  },
  {
    id: 'shed',
    title: 'Reject once sold out',
    summary: 'Once sold out, the gateway rejects by itself, without touching the queue.',
    settings: { profile: 'burst', requests: 50_000, connections: 1_000, stock: 20, mode: 'shed' },
  },
  {
    id: 'steady',
    title: 'Steady stream, 2,600 a second',
    summary: 'The rate of the original claim, held for twenty seconds.',
    settings: { profile: 'sustained', ratePerSec: 2_600, durationSec: 20, connections: 400, stock: 500 },
  },
  {
    id: 'ramp',
    title: 'Ramp to 3,000 a second',
    summary: 'The rate rises evenly for twenty seconds and is held for ten.',
    isMinor: true,
    settings: { profile: 'staged', stages: '0..3000@20s,3000@10s', connections: 400, stock: 500 },
  },
  {
    id: 'steps',
    title: 'Steps of 500 a second',
    summary: 'Every ten seconds the rate goes up by 500: where does it get slow?',
    isMinor: true,
    settings: {
      profile: 'staged',
      stages: '500@10s,1000@10s,1500@10s,2000@10s,2500@10s',
      connections: 400,
      stock: 500,
    },
  },
  {
    id: 'spike',
    title: 'Spike to 5,000 a second',
    summary: 'Five times the rate for five seconds, and what it takes to get over it.',
    isMinor: true,
    settings: { profile: 'staged', stages: '1000@10s,5000@5s,1000@15s', connections: 800, stock: 500 },
  },
  {
    id: 'soak',
    title: 'Soak for half an hour',
    summary: '800 a second for a long time: nothing may grow, nothing may get slower.',
    isMinor: true,
    settings: { profile: 'staged', stages: '800@30m', connections: 200, stock: 5_000 },
  },
  {
    id: 'failover',
    title: 'Every leader dies',
    summary:
      'On a highly available cluster: each leader is killed, then a gateway and a worker, in the middle of the rush.',
    isMinor: true,
    settings: {
      profile: 'sustained',
      ratePerSec: 200,
      durationSec: 45,
      connections: 1_000,
      stock: 6_000,
      timeoutMs: 10_000,
      drainTimeoutMs: 120_000,
      faults:
        'kill:rabbitmq-leader@3s kill:redis-primary@12s kill:postgres-primary@21s kill:gateway@31s kill:worker@37s',
    },
  },
];

/** What a person can ask of an attack, with units, ranges and defaults. Forms, terminal and documents read this one page. */
import { z } from 'zod';

export const ATTACK_LIMITS = {
  requests: { min: 1, max: 5_000_000 },
  connections: { min: 1, max: 20_000 },
  ratePerSec: { min: 1, max: 200_000 },
  durationSec: { min: 1, max: 3_600 },
  timeoutMs: { min: 100, max: 120_000 },
  processes: { min: 1, max: 16 },
  killWorkersAtPercent: { min: 1, max: 99 },
} as const;

export const ATTACK_DEFAULTS = {
  requests: 10_000,
  connections: 1_000,
  stock: 20,
  perBuyerLimit: 1,
  mode: 'queue',
  seed: 1,
  timeoutMs: 30_000,
  drainTimeoutMs: 60_000,
} as const;

const whole = ({ min, max }: { min: number; max: number }) => z.number().int().min(min).max(max);

const common = {
  /** Sockets opened at once, over all generator processes. */
  connections: whole(ATTACK_LIMITS.connections).default(ATTACK_DEFAULTS.connections),
  /** Units on sale. */
  stock: z.number().int().min(1).max(10_000_000).default(ATTACK_DEFAULTS.stock),
  perBuyerLimit: z.number().int().min(1).max(10).default(ATTACK_DEFAULTS.perBuyerLimit),
  /** `shed`: the gateway rejects by itself once it knows the sale is sold out. */
  mode: z.enum(['queue', 'shed']).default(ATTACK_DEFAULTS.mode),
  /** The same seed gives the same buyers in the same order. */
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(ATTACK_DEFAULTS.seed),
  /** ms after which a request without an answer counts as unknown. */
  timeoutMs: whole(ATTACK_LIMITS.timeoutMs).default(ATTACK_DEFAULTS.timeoutMs),
  /** ms that the queue may take to drain after the last answer. */
  drainTimeoutMs: z.number().int().min(1_000).max(3_600_000).default(ATTACK_DEFAULTS.drainTimeoutMs),
  /** Generator processes; by default as many as the load and the machine's cores ask for. */
  processes: whole(ATTACK_LIMITS.processes).optional(),
  /** Every worker is killed once this share of the requests, in %, is answered; each is started again by itself. */
  killWorkersAtPercent: whole(ATTACK_LIMITS.killWorkersAtPercent).optional(),
  /** The run fails (exit code 4) when the p99 in ms is above, or the requests/s below. */
  maxP99Ms: z.number().positive().optional(),
  minRps: z.number().positive().optional(),
};

export const attackSettingsSchema = z.discriminatedUnion('profile', [
  /** All requests as fast as the sockets take them. */
  z.strictObject({
    profile: z.literal('burst'),
    requests: whole(ATTACK_LIMITS.requests).default(ATTACK_DEFAULTS.requests),
    ...common,
  }),
  /** A steady rate; latency counts from the moment at which a request should have been sent. */
  z.strictObject({
    profile: z.literal('sustained'),
    ratePerSec: whole(ATTACK_LIMITS.ratePerSec),
    durationSec: whole(ATTACK_LIMITS.durationSec),
    ...common,
  }),
]);
export type AttackSettings = z.infer<typeof attackSettingsSchema>;
export type AttackSettingsInput = z.input<typeof attackSettingsSchema>;

/** Requests that the attack sends in all. */
export function totalRequests(settings: AttackSettings): number {
  return settings.profile === 'burst' ? settings.requests : settings.ratePerSec * settings.durationSec;
}

/** Ready-made attacks, the first being the one on the poster. */
export const ATTACK_PRESETS: readonly {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly settings: AttackSettingsInput;
}[] = [
  {
    id: 'flagship',
    title: '10,000 buyers, 20 tickets',
    summary: 'Ten thousand people want one of twenty tickets at the same moment.',
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
      killWorkersAtPercent: 25,
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
];

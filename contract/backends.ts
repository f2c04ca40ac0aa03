/** The three backends: names, states and steps. */
import { z } from 'zod';
import { BACKEND_TITLES } from '../services/shared/backend-trouble.ts';

export const backendRoleSchema = z.enum(['rabbitmq', 'redis', 'postgres']);
export type BackendRole = z.infer<typeof backendRoleSchema>;
export const providerSchema = z.enum(['native', 'docker', 'external']);
export type Provider = z.infer<typeof providerSchema>;
/** Of a run: an attack on a shop that is not ours needs no backends. */
export const runProviderSchema = z.enum([...providerSchema.options, 'none']);

export { BACKEND_TITLES };

export const stepSchema = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'skipped', 'failed']),
  /** What the step is doing, or how it ended. */
  detail: z.string().optional(),
  startedAtMs: z.number().optional(),
  durationMs: z.number().nonnegative().optional(),
  /** A pull: bytes done and in all (absent while unknown). */
  progress: z
    .object({ doneBytes: z.number(), totalBytes: z.number().optional(), bytesPerSec: z.number().optional() })
    .optional(),
});
export type Step = z.infer<typeof stepSchema>;

const stateOfBackendSchema = z.enum([
  'absent',
  'stopped',
  'starting',
  'running',
  'unhealthy',
  'restarting',
  'stopping',
  'failed',
]);

/** One process of a backend that consists of several. */
export const memberStateSchema = z.object({
  /** `rabbitmq-2`: faults and `Cluster.kill` take it. */
  name: z.string(),
  state: stateOfBackendSchema,
  port: z.number().int().optional(),
  /** Process id, or the container's short id. */
  handle: z.string().optional(),
  /** Whether it leads the queue of frames, is the master of Redis, or the primary of Postgres. */
  isLeader: z.boolean().optional(),
  /** What it is beside that, or what is wrong with it: `replica`, `synchronous standby`. */
  detail: z.string().optional(),
});
export type MemberState = z.infer<typeof memberStateSchema>;

export const backendStateSchema = z.object({
  role: backendRoleSchema,
  state: stateOfBackendSchema,
  version: z.string().optional(),
  port: z.number().int().optional(),
  /** Process id, or the container's short id. */
  handle: z.string().optional(),
  startedAtMs: z.number().optional(),
  detail: z.string().optional(),
  /** Since when it has been in this state, if it is not well. */
  sinceMs: z.number().optional(),
  /** Restarts since the cluster started. */
  restarts: z.number().int().nonnegative().optional(),
  /** Of a highly available cluster; the state above is that of the backend as a whole. */
  members: z.array(memberStateSchema).optional(),
});
export type BackendState = z.infer<typeof backendStateSchema>;

/** What is said of one backend, and of several, that do not serve; the worst state first. */
const LOST_WORDS = {
  failed: ['has ended', 'have ended'],
  restarting: ['is being restarted', 'are being restarted'],
  unhealthy: ['does not serve', 'do not serve'],
} as const;
export type LostState = keyof typeof LOST_WORDS;

/** `Redis and Postgres have ended`; undefined when none is in that state. */
export function lostText(backends: readonly BackendState[], state: LostState): string | undefined {
  const names = backends.filter((backend) => backend.state === state).map(({ role }) => BACKEND_TITLES[role]);
  const [one, several] = LOST_WORDS[state];
  return names.length === 0 ? undefined : `${names.join(' and ')} ${names.length === 1 ? one : several}`;
}

export const backendStatsSchema = z.object({
  role: backendRoleSchema,
  atMs: z.number(),
  /** 100 is one core. */
  cpuPercent: z.number().nonnegative(),
  /** CPU time since the backend began, of its children that have ended too. */
  cpuMicros: z.number().nonnegative(),
  memoryBytes: z.number().nonnegative(),
  networkRxBytes: z.number().nonnegative().optional(),
  networkTxBytes: z.number().nonnegative().optional(),
  diskReadBytes: z.number().nonnegative().optional(),
  diskWriteBytes: z.number().nonnegative().optional(),
});
export type BackendStats = z.infer<typeof backendStatsSchema>;

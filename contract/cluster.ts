/** One interface for the three ways to have a RabbitMQ, a Redis and a Postgres. */
import { z } from 'zod';

export const engineRoleSchema = z.enum(['rabbitmq', 'redis', 'postgres']);
export type EngineRole = z.infer<typeof engineRoleSchema>;
export const providerSchema = z.enum(['native', 'docker', 'external']);
export type Provider = z.infer<typeof providerSchema>;

/** Where the engines answer. The URLs hold passwords: never log them but through redact.ts. */
export interface Endpoints {
  readonly amqpUrl: string;
  readonly redisUrl: string;
  readonly postgresUrl: string;
  /** Of a role that only reads; the same as `postgresUrl` where it is missing. */
  readonly postgresAuditUrl?: string;
}

export const stepSchema = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'skipped', 'failed']),
  /** What is going on, or how it ended. */
  detail: z.string().optional(),
  startedAtMs: z.number().optional(),
  durationMs: z.number().nonnegative().optional(),
  /** A pull: bytes done and in all (absent while unknown). */
  progress: z
    .object({ doneBytes: z.number(), totalBytes: z.number().optional(), bytesPerSec: z.number().optional() })
    .optional(),
});
export type Step = z.infer<typeof stepSchema>;

export const engineStateSchema = z.object({
  role: engineRoleSchema,
  state: z.enum([
    'absent',
    'stopped',
    'starting',
    'running',
    'unhealthy',
    'restarting',
    'stopping',
    'failed',
  ]),
  version: z.string().optional(),
  port: z.number().int().optional(),
  /** Process id, or the container's short id. */
  handle: z.string().optional(),
  startedAtMs: z.number().optional(),
  detail: z.string().optional(),
  /** Moment since which it is in this state, where it is not well. */
  sinceMs: z.number().optional(),
  /** Times that it was started again since the cluster started. */
  restarts: z.number().int().nonnegative().optional(),
});
export type EngineState = z.infer<typeof engineStateSchema>;

export const engineStatsSchema = z.object({
  role: engineRoleSchema,
  atMs: z.number(),
  /** 100 is one core. */
  cpuPercent: z.number().nonnegative(),
  memoryBytes: z.number().nonnegative(),
  networkRxBytes: z.number().nonnegative().optional(),
  networkTxBytes: z.number().nonnegative().optional(),
  diskReadBytes: z.number().nonnegative().optional(),
  diskWriteBytes: z.number().nonnegative().optional(),
});
export type EngineStats = z.infer<typeof engineStatsSchema>;

/** A failure that a user may meet: which step, why, and what to do next. Crosses process lines as plain data. */
export const failureSchema = z.object({
  /** Stable, dotted: `native.engineMissing`. */
  code: z.string(),
  /** What failed, with which value. */
  message: z.string(),
  /** The next thing to do. */
  fix: z.string(),
  /** The step that failed, of a start. */
  step: z.string().optional(),
  /** The field that was wrong, of an input. */
  field: z.string().optional(),
});
export type Failure = z.infer<typeof failureSchema>;

/** Thrown inside the control centre for expected failures; the contract turns it into a tagged result. */
export class FailureError extends Error {
  override readonly name = 'FailureError';
  readonly failure: Failure;
  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }
}

export interface LogLine {
  readonly atMs: number;
  /** `rabbitmq`, `gateway-1`, `control`… */
  readonly part: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
}

/** What a cluster tells while it lives. */
export interface ClusterEvents {
  onStep(step: Step): void;
  onEngine(engine: EngineState): void;
  onLog(line: LogLine): void;
}

export interface Cluster {
  readonly provider: Provider;
  /**
   * Starts or adopts all three engines and waits until each has proven that it serves.
   * Steps are told through the events given at construction.
   * @throws FailureError naming the step; what was started is stopped again. AbortError-like FailureError `cluster.cancelled` on abort.
   */
  start(signal: AbortSignal): Promise<Endpoints>;
  /** Stops what this cluster started or adopted; keeps the data. Never throws for an engine that is already gone. */
  stop(): Promise<void>;
  /** Lets go of the engines without stopping them: the next start adopts them. */
  detach(): void;
  /** Stops, then removes data folders, or containers, volumes and network. */
  reset(): Promise<void>;
  engines(): readonly EngineState[];
  /** CPU and memory of each running engine. */
  stats(): Promise<readonly EngineStats[]>;
  /**
   * Ends what is left of one backend and starts it again, with its data and on its address; resolves when it serves.
   * @throws FailureError; `external.notOurs` for a backend that others run
   */
  restart(role: EngineRole, signal: AbortSignal): Promise<void>;
  /** For faults and tests: ends one engine at once, as a crash would. */
  kill(role: EngineRole): Promise<void>;
}

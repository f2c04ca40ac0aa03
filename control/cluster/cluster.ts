/** One interface for the three ways to have a RabbitMQ, a Redis and a Postgres. */
import type { LogLine } from '../../contract/state.ts';
import {
  BACKEND_TITLES,
  type BackendRole,
  type BackendState,
  type BackendStats,
  type Provider,
  type Step,
} from '../../contract/backends.ts';
import { FailureError } from '../../contract/failure.ts';

/** Where the backends answer. The URLs hold passwords: never log them but through redact.ts. */
export interface Endpoints {
  readonly amqpUrl: string;
  readonly redisUrl: string;
  readonly postgresUrl: string;
  /** Of a role that only reads; the same as `postgresUrl` where it is missing. */
  readonly postgresAuditUrl?: string;
  /** Of the owner, for what the control centre breaks on purpose; the same as `postgresUrl` where it is missing. */
  readonly postgresOwnerUrl?: string;
}

/** Under which names the control centre's own cluster keeps its data. */
export const NAMES = { namespace: 'fg', postgresSchema: 'public' };

/** The backends, and the names under which one cluster keeps its data on them. */
export interface Deployment extends Endpoints {
  /** Prefix of the queues, keys and channels. */
  readonly namespace: string;
  readonly postgresSchema: string;
}

/** What a cluster tells while it lives. */
export interface ClusterEvents {
  onStep(step: Step): void;
  onBackend(backend: BackendState): void;
  onLog(line: LogLine): void;
}

/** @throws FailureError `cluster.noMember` when a member is named: the backends of this cluster have none */
export function refuseMember(role: BackendRole, member: string | undefined): void {
  if (member === undefined) return;
  throw new FailureError({
    code: 'cluster.noMember',
    message: `${BACKEND_TITLES[role]} has no member ${member}: this cluster is not highly available.`,
    fix: 'Start a highly available cluster (`--ha`), or break the backend as a whole.',
  });
}

export interface Cluster {
  readonly provider: Provider;
  /**
   * Starts or adopts all three backends and waits until each has proven that it serves.
   * Steps are told through the events given at construction.
   * @throws FailureError naming the step; what was started is stopped again. AbortError-like FailureError
   *   `cluster.cancelled` on abort.
   */
  start(signal: AbortSignal): Promise<Endpoints>;
  /**
   * Stops what this cluster started or adopted; keeps the data. Never throws for a backend that is already
   * gone.
   */
  stop(): Promise<void>;
  /** Lets go of the backends without stopping them: the next start adopts them. */
  detach(): void;
  /** Stops, then removes data folders, or containers, volumes and network. */
  reset(): Promise<void>;
  backends(): readonly BackendState[];
  /** CPU and memory of each running backend. */
  stats(): Promise<readonly BackendStats[]>;
  /**
   * Ends what is left of one backend and starts it again, with its data and on its address; resolves when it
   * serves.
   * @throws FailureError; `external.notOurs` for a backend that others run
   */
  restart(role: BackendRole, signal: AbortSignal, member?: string): Promise<void>;
  /**
   * For faults and tests: ends one backend at once, as a crash would.
   * @param member of a highly available cluster: a member's name, or `leader` for the one that leads now
   * @throws FailureError `cluster.noMember`, as all that take a member
   */
  kill(role: BackendRole, member?: string): Promise<void>;
  /** For faults: stops all processes of one backend; they live on, and do nothing. */
  pause(role: BackendRole, member?: string): Promise<void>;
  resume(role: BackendRole, member?: string): Promise<void>;
  isPaused(role: BackendRole, member?: string): Promise<boolean>;
  /**
   * For faults: runs a shell script where the backend runs, as its user, with its environment.
   * @returns what it printed
   * @throws Error with what it printed to stderr
   */
  run(role: BackendRole, script: string, member?: string): Promise<string>;
}

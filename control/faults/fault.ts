/** What every fault is made of, and what it may use. */
import type { BackendRole, BackendState } from '../../contract/backends.ts';
import type { Cluster, Deployment } from '../cluster/cluster.ts';
import type { Links } from './links/links.ts';
import type { Supervisor } from '../services/supervisor.ts';

export interface FaultTools {
  readonly cluster: Pick<Cluster, 'provider' | 'kill' | 'pause' | 'resume' | 'isPaused' | 'restart' | 'run'>;
  /** The backends as they are shown, restarts included. */
  backends(): readonly BackendState[];
  /** The next end of this backend is on purpose: it does not count towards giving it up. */
  expectKill(role: BackendRole): void;
  readonly supervisor: Supervisor;
  readonly deployment: Deployment;
  /** The proxy between parts; it runs only while a link is put in. */
  readonly links: Pick<Links, 'put' | 'link' | 'gatewayUrls' | 'remove'>;
  /** Pids of all processes of this control centre: services, generators, native backends. */
  processes(): number[];
}

export interface Effect {
  /** Whether anything happened: seen, not assumed. */
  readonly hadEffect: boolean;
  /** What, with figures, or why not: a sentence. */
  readonly text: string;
}

/** A fault that was made. */
export interface Injection {
  /** What it hit, by id: `worker-1`, `redis`. */
  readonly targets: readonly string[];
  /** When it began, in ms since the epoch; the moment at which `inject` resolved by default. */
  readonly atMs?: number;
  /** Ends a fault that lasts. */
  heal?(): Promise<void>;
  /** Resolves once its effect can be told, after `heal`; within EFFECT_LIMIT_MS. */
  effect(): Promise<Effect>;
}

/** ms that a part may take to come back until its fault is told as it is. */
export const EFFECT_LIMIT_MS = 60_000;

/** What a fault was asked with; empty where its kind has no such thing. */
export interface FaultDetails {
  readonly lengthMs: number;
  readonly value: string;
}

export interface Fault {
  /**
   * Whether it can be made here at all; called before the attack.
   * @throws FailureError
   */
  check(target: string, tools: FaultTools): void;
  /**
   * Makes ready, before the first request, what would disturb the attack if it came later: once for all targets of
   * the schedule whose kinds share this function.
   */
  readonly prepare?: (targets: readonly string[], tools: FaultTools) => Promise<void>;
  /**
   * @throws Error when it can't be made at this moment
   */
  inject(target: string, tools: FaultTools, details: FaultDetails): Promise<Injection>;
}

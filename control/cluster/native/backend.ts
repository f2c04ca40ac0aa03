/**
 * What the native cluster must know about a backend to run it. Each backend has one file that implements
 * this.
 */
import type { BackendRole } from '../../../contract/backends.ts';
import type { SystemUser } from '../../processes/system-user.ts';
import type { ClusterSettings, PortName } from './settings.ts';

/** One process of a backend. */
export interface ProcessPlan {
  /** Name in the process registry: `redis`, `epmd`. */
  readonly role: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user?: SystemUser | undefined;
  /** The next process of the plan needs this port to answer. */
  readonly readyPort?: number;
}

export interface BackendDriver {
  readonly role: BackendRole;
  /** The role; of a cluster with several members the member's: `rabbitmq-2`, or a helper's: `sentinel-1`. */
  readonly name: string;
  /** As people write it. */
  readonly title: string;
  readonly version: string;
  /** The port that clients use. */
  readonly servicePort: PortName;
  /** Every port that it listens on. */
  readonly ports: readonly PortName[];
  readonly startLimitMs: number;
  readonly stopSignal: NodeJS.Signals;
  readonly stopLimitMs: number;
  /** In this order; the last one is the backend itself. */
  plan(settings: ClusterSettings): readonly ProcessPlan[];
  /** A slower, more cautious way to start it, tried once when the first one ends at once. */
  cautiousPlan?(settings: ClusterSettings): readonly ProcessPlan[];
  /**
   * Creates its data where there are none yet; `run` runs a program to its end, recorded like any other
   * process.
   */
  initialise?(
    settings: ClusterSettings,
    run: (plan: ProcessPlan) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Writes configuration; called before each start of its processes. */
  configure(settings: ClusterSettings): void;
  /** Pid of a process of it that is no descendant: Patroni leaves its Postgres to init. */
  daemonPid?(): number | undefined;
  /** Differs when a backend started now would differ from one that runs. */
  fingerprint(settings: ClusterSettings): string;
  /**
   * Proves with our own password that the backend serves: another program on the same port does not pass for
   * it.
   * @throws Error while it does not
   */
  probe(settings: ClusterSettings): Promise<void>;
}

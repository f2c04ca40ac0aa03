/** Backends and services as one list of parts, with state and resource use. */
import type { ClusterState, PartStats, ServiceState, ServiceRole } from '../../contract/state.ts';
import { type BackendRole, type BackendState, BACKEND_TITLES } from '../../contract/backends.ts';
import type { Tone } from '../components/state-mark.tsx';

export interface Part {
  readonly id: string;
  readonly name: string;
  readonly role: BackendRole | ServiceRole;
  readonly state: BackendState['state'] | ServiceState['state'];
  readonly tone: Tone;
  readonly version?: string | undefined;
  readonly port?: number | undefined;
  /** Process id or container id. */
  readonly handle?: string | undefined;
  readonly startedAtMs?: number | undefined;
  readonly detail?: string | undefined;
  /** Since when a backend has not been well. */
  readonly sinceMs?: number | undefined;
  readonly restarts?: number | undefined;
  readonly cpuPercent?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly eventLoopLagMs?: number | undefined;
}

/** Shape and colour of a state. */
export const TONES: Readonly<Record<Part['state'], Tone>> = {
  running: 'good',
  starting: 'busy',
  stopping: 'busy',
  restarting: 'busy',
  unhealthy: 'bad',
  failed: 'bad',
  absent: 'idle',
  stopped: 'idle',
};

/** One that is down uses nothing. */
function partOf({ startedAtMs, ...known }: Omit<Part, 'tone'>, usage: PartStats | undefined): Part {
  const isUp = known.state === 'running' || known.state === 'unhealthy';
  return { ...known, tone: TONES[known.state], ...(isUp ? { ...usage, startedAtMs } : {}) };
}

/** All parts in the order of the pipeline: gateways, RabbitMQ, workers, Redis, Postgres. */
export function listParts(
  cluster: ClusterState,
  services: readonly ServiceState[],
  stats: readonly PartStats[],
  version: string,
): readonly Part[] {
  const backend = (role: BackendRole): Part => {
    const state = cluster.backends.find((candidate) => candidate.role === role);
    const usage = stats.find((candidate) => !('serviceId' in candidate) && candidate.role === role);
    return partOf({ state: 'absent', ...state, id: role, role, name: BACKEND_TITLES[role] }, usage);
  };
  const servicesOf = (role: ServiceRole): Part[] =>
    services
      .filter((service) => service.role === role)
      .map(({ pid, ...state }) => {
        const usage = stats.find((candidate) => 'serviceId' in candidate && candidate.serviceId === state.id);
        return partOf({ ...state, name: state.id, version, handle: pid?.toString() }, usage);
      });
  return [
    ...servicesOf('gateway'),
    backend('rabbitmq'),
    ...servicesOf('worker'),
    backend('redis'),
    backend('postgres'),
  ];
}

/** Several instances as one: the worst state, and the sum of their resource use. */
export interface PartGroup {
  readonly tone: Tone;
  readonly stateText: string;
  readonly count: number;
  readonly version: string | undefined;
  readonly ports: readonly number[];
  readonly cpuPercent: number | undefined;
  readonly memoryBytes: number | undefined;
  /** When the oldest of them started. */
  readonly startedAtMs: number | undefined;
}

const SEVERITY: readonly Tone[] = ['idle', 'good', 'busy', 'bad'];

export function groupParts(parts: readonly Part[]): PartGroup {
  const worst = [...parts].sort((a, b) => SEVERITY.indexOf(b.tone) - SEVERITY.indexOf(a.tone)).at(0);
  const state = worst === undefined || worst.state === 'absent' ? 'not started' : worst.state;
  const same = parts.filter((part) => part.state === worst?.state).length;
  const starts = parts.flatMap(({ startedAtMs }) => startedAtMs ?? []);
  return {
    tone: worst?.tone ?? 'idle',
    stateText: same === parts.length ? state : `${same} of ${parts.length} ${state}`,
    count: parts.length,
    version: parts[0]?.version,
    ports: parts.flatMap(({ port }) => port ?? []),
    cpuPercent: sum(parts.map(({ cpuPercent }) => cpuPercent)),
    memoryBytes: sum(parts.map(({ memoryBytes }) => memoryBytes)),
    startedAtMs: starts.length === 0 ? undefined : Math.min(...starts),
  };
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}

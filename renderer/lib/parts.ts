/** Backends and services as one list of parts, with state and resource use. */
import type { ClusterState, PartStats, ServiceState, ServiceRole } from '../../contract/state.ts';
import { type BackendRole, type BackendState, BACKEND_TITLES } from '../../contract/backends.ts';
import type { Tone } from '../components/state-mark.tsx';

export interface Part {
  readonly id: string;
  readonly name: string;
  readonly role: BackendRole | ServiceRole;
  readonly kind: 'backend' | 'service';
  readonly state: BackendState['state'] | ServiceState['state'];
  readonly tone: Tone;
  readonly version: string | undefined;
  readonly port: number | undefined;
  /** Process id or container id. */
  readonly handle: string | undefined;
  readonly startedAtMs: number | undefined;
  readonly detail: string | undefined;
  /** Since when a backend has not been well. */
  readonly sinceMs: number | undefined;
  readonly restarts: number | undefined;
  readonly cpuPercent: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly eventLoopLagMs: number | undefined;
}

const BACKEND_ORDER: readonly BackendRole[] = ['rabbitmq', 'redis', 'postgres'];

/** Shape and colour of a state. */
export function toneOf(state: Part['state']): Tone {
  switch (state) {
    case 'running':
      return 'good';
    case 'starting':
    case 'stopping':
    case 'restarting':
      return 'busy';
    case 'unhealthy':
    case 'failed':
      return 'bad';
    case 'absent':
    case 'stopped':
      return 'idle';
  }
}

/** All parts in the order of the pipeline: gateways, RabbitMQ, workers, Redis, Postgres. */
export function listParts(
  cluster: ClusterState,
  services: readonly ServiceState[],
  stats: readonly PartStats[],
  appVersion: string,
): readonly Part[] {
  const backend = (role: BackendRole): Part => {
    const state = cluster.backends.find((candidate) => candidate.role === role);
    const usage = stats.find((candidate) => !('serviceId' in candidate) && candidate.role === role);
    const isUp = state?.state === 'running' || state?.state === 'unhealthy';
    return {
      id: role,
      name: BACKEND_TITLES[role],
      role,
      kind: 'backend',
      state: state?.state ?? 'absent',
      tone: toneOf(state?.state ?? 'absent'),
      version: state?.version,
      port: state?.port,
      handle: state?.handle,
      startedAtMs: isUp ? state.startedAtMs : undefined,
      detail: state?.detail,
      sinceMs: state?.sinceMs,
      restarts: state?.restarts,
      cpuPercent: isUp ? usage?.cpuPercent : undefined,
      memoryBytes: isUp ? usage?.memoryBytes : undefined,
      eventLoopLagMs: undefined,
    };
  };
  const service = (state: ServiceState): Part => {
    const usage = stats.find((candidate) => 'serviceId' in candidate && candidate.serviceId === state.id);
    const isUp = state.state === 'running';
    return {
      id: state.id,
      name: state.id,
      role: state.role,
      kind: 'service',
      state: state.state,
      tone: toneOf(state.state),
      version: appVersion,
      port: state.port,
      handle: state.pid === undefined ? undefined : String(state.pid),
      startedAtMs: isUp ? state.startedAtMs : undefined,
      detail: state.detail,
      sinceMs: undefined,
      restarts: state.restarts,
      cpuPercent: isUp ? usage?.cpuPercent : undefined,
      memoryBytes: isUp ? usage?.memoryBytes : undefined,
      eventLoopLagMs: isUp && usage && 'serviceId' in usage ? usage.eventLoopLagMs : undefined,
    };
  };
  const [rabbitmq, ...stores] = BACKEND_ORDER.map(backend);
  return [
    ...services.filter(({ role }) => role === 'gateway').map(service),
    ...(rabbitmq ? [rabbitmq] : []),
    ...services.filter(({ role }) => role === 'worker').map(service),
    ...stores,
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
  const [first] = parts;
  if (!first) {
    return {
      tone: 'idle',
      stateText: 'not started',
      count: 0,
      version: undefined,
      ports: [],
      cpuPercent: undefined,
      memoryBytes: undefined,
      startedAtMs: undefined,
    };
  }
  const worst = parts.reduce((a, b) => (SEVERITY.indexOf(b.tone) > SEVERITY.indexOf(a.tone) ? b : a), first);
  const same = parts.filter(({ state }) => state === worst.state).length;
  const state = worst.state === 'absent' ? 'not started' : worst.state;
  return {
    tone: worst.tone,
    stateText: parts.length === 1 || same === parts.length ? state : `${same} of ${parts.length} ${state}`,
    count: parts.length,
    version: first.version,
    ports: parts.flatMap(({ port }) => (port === undefined ? [] : [port])),
    cpuPercent: sum(parts.map(({ cpuPercent }) => cpuPercent)),
    memoryBytes: sum(parts.map(({ memoryBytes }) => memoryBytes)),
    startedAtMs: parts.reduce<number | undefined>(
      (oldest, { startedAtMs }) =>
        startedAtMs === undefined || (oldest !== undefined && oldest < startedAtMs) ? oldest : startedAtMs,
      undefined,
    ),
  };
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}

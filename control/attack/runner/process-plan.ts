/** How many generator processes an attack gets, and what each of them carries. */
import { availableParallelism } from 'node:os';
import { paceFor, totalRequests, type AttackSettings } from '../../../contract/attack-settings.ts';

/** Below this many cores, a second generator only takes time from the engine that it measures. */
const CORES_FOR_SEVERAL = 8;
/** Cores for each generator on a large machine; the rest is the engine's. */
const CORES_PER_PROCESS = 4;
/** Below this, one process is done before a second has warmed up. */
const REQUESTS_PER_PROCESS = 50_000;
const RATE_PER_PROCESS = 15_000;
const CONNECTIONS_PER_PROCESS = 2_500;

export interface ProcessPlan {
  readonly processes: number;
  /** Connections of each process; all together never more than there are requests. */
  readonly connections: readonly number[];
  /** Why so many processes. */
  readonly reason: string;
}

/** Plans the generator processes of an attack on a machine with `cores` cores. */
export function planProcesses(settings: AttackSettings, cores = availableParallelism()): ProcessPlan {
  const connections = Math.min(settings.connections, totalRequests(settings));
  const [wanted, reason] = chooseProcesses(settings, cores);
  const processes = Math.min(wanted, connections);
  const each = Math.floor(connections / processes);
  const rest = connections % processes;
  return {
    processes,
    connections: Array.from({ length: processes }, (_, index) => each + (index < rest ? 1 : 0)),
    reason: processes < wanted ? `one process for each of ${connections} connections` : reason,
  };
}

function chooseProcesses(settings: AttackSettings, cores: number): readonly [number, string] {
  if (settings.processes !== undefined) return [settings.processes, 'as set'];
  if (cores < CORES_FOR_SEVERAL)
    return [1, `${cores} cores: a second generator would take them from the engine`];
  const byCores = Math.floor(cores / CORES_PER_PROCESS);
  const byLoad = Math.max(
    settings.profile === 'burst'
      ? settings.requests / REQUESTS_PER_PROCESS
      : (paceFor(settings)?.peakPerSec ?? 0) / RATE_PER_PROCESS,
    settings.connections / CONNECTIONS_PER_PROCESS,
  );
  const processes = Math.max(1, Math.min(byCores, Math.ceil(byLoad), 16));
  return [processes, `for this load, on ${cores} cores`];
}

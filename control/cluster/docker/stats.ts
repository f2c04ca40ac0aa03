/** CPU, memory, network and disk of the containers. */
import type Docker from 'dockerode';
import { z } from 'zod';
import type { BackendRole, BackendStats } from '../../../contract/backends.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';

const STATS_LIMIT_MS = 3_000;

const amount = z.number().nonnegative().catch(0);
/**
 * Only the fields that are used, all optional: Docker, Podman and the two versions of cgroups fill different
 * ones.
 */
const statsSchema = z.object({
  cpu_stats: z.object({ cpu_usage: z.object({ total_usage: amount }).catch({ total_usage: 0 }) }),
  memory_stats: z
    .object({ usage: amount, stats: z.record(z.string(), z.number()).nullish().catch({}) })
    .catch({ usage: 0, stats: {} }),
  networks: z
    .record(z.string(), z.object({ rx_bytes: amount, tx_bytes: amount }))
    .nullish()
    .catch(undefined),
  blkio_stats: z
    .object({ io_service_bytes_recursive: z.array(z.object({ op: z.string(), value: amount })).nullish() })
    .nullish()
    .catch(undefined),
});
export type RawStats = z.infer<typeof statsSchema>;

interface Earlier {
  readonly id: string;
  readonly atMs: number;
  readonly cpuNs: number;
}

/**
 * Samples containers. CPU is the use since the previous sample: asking Docker to compute it would take a
 * second.
 */
export class StatsReader {
  readonly #docker: Docker;
  readonly #earlier = new Map<BackendRole, Earlier>();

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /** Leaves out containers without stats. */
  async read(
    backends: readonly { readonly role: BackendRole; readonly id: string }[],
  ): Promise<BackendStats[]> {
    const all = await Promise.all(
      backends.map(async ({ role, id }) => {
        try {
          const raw = await withLimit(
            this.#docker.getContainer(id).stats({ stream: false, 'one-shot': true }),
            STATS_LIMIT_MS,
            'no stats in time',
          );
          return this.#sample(role, id, statsSchema.parse(raw), Date.now());
        } catch {
          // A container that has just ended has no stats; the watch reports its end.
          return undefined;
        }
      }),
    );
    return all.filter((sample) => sample !== undefined);
  }

  #sample(role: BackendRole, id: string, raw: RawStats, atMs: number): BackendStats {
    const cpuNs = raw.cpu_stats.cpu_usage.total_usage;
    const before = this.#earlier.get(role);
    this.#earlier.set(role, { id, atMs, cpuNs });
    const passedMs = before?.id === id ? atMs - before.atMs : 0;
    const cpuPercent =
      before && passedMs > 0 ? Math.max(0, ((cpuNs - before.cpuNs) / 1e6 / passedMs) * 100) : 0;
    return { role, atMs, cpuPercent, cpuMicros: cpuNs / 1_000, ...usageOf(raw) };
  }
}

/** Memory without the file cache, as `docker stats` shows it; network and disk summed up. */
export function usageOf(raw: RawStats): Omit<BackendStats, 'role' | 'atMs' | 'cpuPercent' | 'cpuMicros'> {
  const cache =
    raw.memory_stats.stats?.['total_inactive_file'] ?? raw.memory_stats.stats?.['inactive_file'] ?? 0;
  const networks = raw.networks ? Object.values(raw.networks) : undefined;
  const disk = raw.blkio_stats?.io_service_bytes_recursive ?? undefined;
  const sum = (op: string): number =>
    (disk ?? [])
      .filter((entry) => entry.op.toLowerCase() === op)
      .reduce((total, entry) => total + entry.value, 0);
  return {
    memoryBytes: Math.max(0, raw.memory_stats.usage - cache),
    ...(networks
      ? {
          networkRxBytes: networks.reduce((total, { rx_bytes }) => total + rx_bytes, 0),
          networkTxBytes: networks.reduce((total, { tx_bytes }) => total + tx_bytes, 0),
        }
      : {}),
    ...(disk ? { diskReadBytes: sum('read'), diskWriteBytes: sum('write') } : {}),
  };
}

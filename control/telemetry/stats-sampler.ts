/**
 * CPU and memory of every part, once a second: of backends from their provider, of services from their
 * samples.
 */
import type { Cluster } from '../cluster/cluster.ts';
import type { PartStats } from '../../contract/state.ts';
import type { ServiceSample } from '../services/service-child.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import { errorText } from '../../services/shared/error-text.ts';

const INTERVAL_MS = 1_000;
/** ms that a provider may take to answer. */
const READ_LIMIT_MS = 5_000;

export class StatsSampler {
  readonly #cluster: () => Cluster | undefined;
  readonly #services: () => ReadonlyMap<string, ServiceSample>;
  readonly #onStats: (stats: PartStats[]) => void;
  readonly #onTrouble: (text: string) => void;
  readonly #before = new Map<string, { atMs: number; cpuMicros: number }>();
  #latest: PartStats[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;

  constructor(
    cluster: () => Cluster | undefined,
    services: () => ReadonlyMap<string, ServiceSample>,
    onStats: (stats: PartStats[]) => void,
    onTrouble: (text: string) => void,
  ) {
    this.#cluster = cluster;
    this.#services = services;
    this.#onStats = onStats;
    this.#onTrouble = onTrouble;
  }

  latest(): readonly PartStats[] {
    return this.#latest;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#read(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#latest = [];
    this.#before.clear();
  }

  async #read(): Promise<void> {
    // When a provider takes longer than a second, skip a reading instead of queueing another query.
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const cluster = this.#cluster();
      const backends = cluster
        ? await withLimit(cluster.stats(), READ_LIMIT_MS, 'the backends gave no statistics in time')
        : [];
      const services = [...this.#services()].map(([id, sample]) => this.#serviceStats(id, sample));
      if (this.#timer === undefined) return;
      this.#latest = [...backends, ...services];
      this.#onStats(this.#latest);
    } catch (error) {
      this.#onTrouble(`statistics: ${errorText(error)}`);
    } finally {
      this.#isReading = false;
    }
  }

  #serviceStats(serviceId: string, sample: ServiceSample): PartStats {
    const before = this.#before.get(serviceId);
    this.#before.set(serviceId, { atMs: sample.atMs, cpuMicros: sample.cpuMicros });
    const elapsedMs = before ? sample.atMs - before.atMs : 0;
    const cpuPercent =
      before && elapsedMs > 0 ? Math.max(0, (sample.cpuMicros - before.cpuMicros) / (elapsedMs * 10)) : 0;
    return {
      serviceId,
      role: sample.role,
      atMs: sample.atMs,
      cpuPercent,
      memoryBytes: sample.rssBytes,
      eventLoopLagMs: sample.eventLoopLagMs,
    };
  }
}

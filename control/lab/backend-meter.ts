/** What the backends pay for an attack of the lab: their CPU time, and how long sessions of Postgres waited for a lock. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { BackendRole } from '../../contract/backends.ts';
import type { AttackState } from '../../contract/state.ts';
import { connectionConfig } from '../../services/shared/postgres.ts';
import type { Cluster } from '../cluster/cluster.ts';

/** ms between two looks at the phase of the attack. */
const LOOK_MS = 10;
/** ms between two samples of the locks. */
const SAMPLE_MS = 50;
/** Sessions of this database that wait for a lock of another one. */
const WAITING = `SELECT count(DISTINCT pid)::int AS waiting FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND datname = current_database()`;

interface MeterOptions {
  readonly cluster: Pick<Cluster, 'stats'>;
  readonly postgresUrl: string;
  /** Whose CPU counts. */
  readonly uses: readonly BackendRole[];
  /** Of the attack that is measured. */
  phase(): AttackState['phase'] | undefined;
}

export interface Measured {
  readonly backendCpuMicros?: number;
  readonly postgresWaitMs?: number;
}

/** Measures from the first request until everything is decided; neither the preparation nor the audit counts. */
export class BackendMeter {
  readonly #options: MeterOptions;
  readonly #work: Promise<Measured>;
  #isOver = false;

  constructor(options: MeterOptions) {
    this.#options = options;
    this.#work = this.#measure();
  }

  async end(): Promise<Measured> {
    this.#isOver = true;
    return await this.#work;
  }

  async #measure(): Promise<Measured> {
    const { postgresUrl: url } = this.#options;
    const client = new pg.Client(connectionConfig({ url, name: 'lab meter' }));
    client.on('error', () => undefined);
    // Without it, the waits are not known; the lab goes on.
    const canAsk = await client.connect().then(
      () => true,
      () => false,
    );
    try {
      await this.#untilIn('preparing');
      const before = await this.#cpuMicros();
      const waits = await this.#sampleLocks(canAsk ? client : undefined);
      const after = await this.#cpuMicros();
      return {
        ...(before !== undefined && after !== undefined && { backendCpuMicros: Math.max(0, after - before) }),
        ...(waits !== undefined && { postgresWaitMs: waits }),
      };
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async #untilIn(...phases: AttackState['phase'][]): Promise<void> {
    while (this.#isIn(...phases)) await sleep(LOOK_MS);
  }

  #isIn(...phases: AttackState['phase'][]): boolean {
    const phase = this.#options.phase();
    return !this.#isOver && phase !== undefined && phases.includes(phase);
  }

  /** @returns session-ms of waiting; `undefined` where Postgres can't be asked */
  async #sampleLocks(client: pg.Client | undefined): Promise<number | undefined> {
    let total = 0;
    let lastMs = performance.now();
    let canAsk = client !== undefined;
    while (this.#isIn('attacking', 'draining')) {
      const found = canAsk
        ? await client?.query<{ waiting: number }>(WAITING).catch(() => undefined)
        : undefined;
      canAsk &&= found !== undefined;
      const now = performance.now();
      total += (found?.rows[0]?.waiting ?? 0) * (now - lastMs);
      lastMs = now;
      await sleep(SAMPLE_MS);
    }
    return canAsk ? total : undefined;
  }

  async #cpuMicros(): Promise<number | undefined> {
    const { cluster, uses } = this.#options;
    const stats = await cluster.stats().catch(() => []);
    const own = stats.filter(({ role }) => uses.includes(role));
    return own.length < uses.length ? undefined : own.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0);
  }
}

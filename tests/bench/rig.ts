/** The bench's engine: a native cluster of its own, gateway and worker as the app starts them, and the load generator that the app uses. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type pg from 'pg';
import { runAttack } from '../../control/attack/runner/attack-runner.ts';
import { attackSettingsSchema, type AttackSettingsInput } from '../../contract/attack-settings.ts';
import type { BackendRole } from '../../contract/backends.ts';
import type { Cluster, Endpoints } from '../../control/cluster/cluster.ts';
import { createNativeCluster } from '../../control/cluster/native/native-cluster.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import type { Load } from '../../contract/run-record.ts';
import { applyMigrations } from '../../services/shared/migrations.ts';
import { createPool } from '../../services/shared/postgres.ts';
import { createRedis, type RedisClient } from '../../services/shared/redis.ts';
import { AttackSale } from '../../control/sales/attack-sale.ts';
import { GatewayClient } from '../../control/sales/gateway-client.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import { cpuMs, endedBelowMs, forkProcess, type BenchProcess } from './processes.ts';

export const ADMIN_TOKEN = 'bench-admin-token-0123456789';
export const NAMESPACE = 'bench';
const root = resolve(import.meta.dirname, '../..');
/** ms that anything may take to be decided and committed. */
const SETTLE_LIMIT_MS = 180_000;

export interface SettleTimes {
  /** Epoch ms at which every reservation was decided. */
  readonly decidedAtMs: number;
  /** Epoch ms at which every grant was in Postgres. */
  readonly committedAtMs: number;
}

export class Rig {
  readonly undo = new ReleaseStack();
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'fg-bench-'));
  readonly #steps = { coldMs: 0, secondMs: 0 };
  #endpoints: Endpoints | undefined;
  readonly #handles = new Map<BackendRole, number>();
  #cluster: Cluster | undefined;
  #redis: RedisClient | undefined;
  #pool: pg.Pool | undefined;
  #sales = 0;

  /** Takes everything down when this process is interrupted, or fails where nobody waits for it. */
  endWithProcess(): void {
    const end = (code: number, error?: unknown) => {
      if (error !== undefined) console.error(error);
      void this.undo.release().finally(() => process.exit(code));
    };
    // `on`, not `once`: a second signal (`timeout` sends two) would end this process in the middle, and leave the backends running.
    process.on('SIGINT', () => end(130));
    process.on('SIGTERM', () => end(130));
    process.on('uncaughtException', (error) => end(1, error));
  }

  get startTimes(): { readonly coldMs: number; readonly secondMs: number } {
    return this.#steps;
  }

  get endpoints(): Endpoints {
    if (!this.#endpoints) throw new Error('the rig is not started');
    return this.#endpoints;
  }

  get cluster(): Cluster {
    if (!this.#cluster) throw new Error('the rig is not started');
    return this.#cluster;
  }

  get redis(): RedisClient {
    if (!this.#redis) throw new Error('the rig is not started');
    return this.#redis;
  }

  get store(): SaleStore {
    return new SaleStore(this.redis, NAMESPACE);
  }

  get pool(): pg.Pool {
    if (!this.#pool) throw new Error('the rig is not started');
    return this.#pool;
  }

  /** Starts the backends; with `isTimed`, cold, then once more on the folders that are there. */
  async start(isTimed: boolean): Promise<void> {
    this.undo.add('data folder', () => rmSync(this.#dataDir, { recursive: true, force: true }));
    const cluster = createNativeCluster({
      dataDir: this.#dataDir,
      events: {
        onStep: () => undefined,
        onBackend: ({ role, handle }) => {
          if (handle !== undefined) this.#handles.set(role, Number(handle));
        },
        onLog: () => undefined,
      },
    });
    this.#cluster = cluster;
    this.undo.add('cluster', () => cluster.stop(), 60_000);
    const startOnce = async () => {
      const startedMs = performance.now();
      this.#endpoints = await cluster.start(new AbortController().signal);
      return performance.now() - startedMs;
    };
    this.#steps.coldMs = await startOnce();
    if (isTimed) {
      await cluster.stop();
      this.#steps.secondMs = await startOnce();
    }
    await applyMigrations({ url: this.endpoints.postgresUrl, schema: 'public' });
    const redis = createRedis(this.endpoints.redisUrl, { role: 'control' });
    this.#redis = redis;
    this.undo.add('redis', () => redis.disconnect());
    const pool = createPool({ url: this.endpoints.postgresUrl, schema: 'public', max: 2, name: 'bench' });
    this.#pool = pool;
    this.undo.add('postgres', () => pool.end());
  }

  /** Pid of RabbitMQ's virtual machine, to read its CPU time: the process that was started, or one below it. */
  brokerPid(): number {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const isBroker = /^[^\0]*beam/.test(readFileSync(`/proc/${entry}/cmdline`, 'utf8'));
        for (let pid = isBroker ? Number(entry) : 0; pid > 1; pid = parentOf(pid))
          if (pid === this.#handles.get('rabbitmq')) return Number(entry);
      } catch {
        // It ended between the listing and the reading.
      }
    }
    throw new Error('the broker of this rig is not among the processes');
  }

  /** CPU time of a backend so far, in ms: of its process and all below it. */
  backendCpuMs(role: BackendRole): number {
    const root = this.#handles.get(role) ?? 0;
    let totalMs = endedBelowMs(root);
    for (const entry of readdirSync('/proc')) {
      try {
        if (!/^\d+$/.test(entry)) continue;
        for (let pid = Number(entry); pid > 1; pid = parentOf(pid))
          if (pid === root) totalMs += cpuMs(Number(entry));
      } catch {
        // It ended between the listing and the reading.
      }
    }
    return totalMs;
  }

  get environment(): Record<string, string> {
    return {
      FLASHGRID_NAMESPACE: NAMESPACE,
      FLASHGRID_AMQP_URL: this.endpoints.amqpUrl,
      FLASHGRID_REDIS_URL: this.endpoints.redisUrl,
      FLASHGRID_POSTGRES_URL: this.endpoints.postgresUrl,
      FLASHGRID_ADMIN_TOKEN: ADMIN_TOKEN,
      FLASHGRID_LOG_LEVEL: 'error',
    };
  }

  async fork(
    modulePath: string,
    env: Record<string, string> = {},
    flags?: readonly string[],
  ): Promise<BenchProcess> {
    const child = await forkProcess(resolve(root, modulePath), { ...this.environment, ...env }, flags);
    this.undo.add(modulePath, () => child.stop(), 30_000);
    return child;
  }

  /** Opens a sale of its own through the gateway, and gives its id. */
  async openSale(gateway: BenchProcess, stock: number, mode: 'queue' | 'shed' = 'queue'): Promise<string> {
    const id = `bench-${++this.#sales}`;
    const response = await fetch(`${gateway.url}/sales`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id, stock, mode }),
    });
    if (response.status !== 201)
      throw new Error(`opening ${id}: ${response.status} ${await response.text()}`);
    return id;
  }

  /** Opens several sales as an attack does; `id` is the beginning of their ids. Gives the ms that it took. */
  async openSales(count: number, stock: number): Promise<{ id: string; tookMs: number }> {
    const id = `many-${++this.#sales}`;
    const { redisUrl, postgresUrl, amqpUrl } = this.endpoints;
    const startedMs = performance.now();
    await new AttackSale({
      id,
      settings: attackSettingsSchema.parse({
        profile: 'burst',
        requests: count,
        connections: 1,
        stock,
        sales: count,
      }),
      deployment: { redisUrl, postgresUrl, amqpUrl, namespace: NAMESPACE, postgresSchema: 'public' },
      gateways: new GatewayClient(
        () => [],
        () => ADMIN_TOKEN,
      ),
      onLog: () => undefined,
      onNotClosed: () => undefined,
    }).open();
    return { id, tookMs: performance.now() - startedMs };
  }

  /** One attack by the app's own generator. */
  async attack(
    target: string | readonly string[],
    saleId: string,
    settings: AttackSettingsInput,
  ): Promise<{ load: Load; startedAtMs: number }> {
    let startedAtMs = 0;
    const { load } = await runAttack({
      settings: attackSettingsSchema.parse(settings),
      saleId,
      targets: [target].flat(),
      generatorModule: resolve(root, 'out/main/generator.js'),
      signal: AbortSignal.timeout(SETTLE_LIMIT_MS),
      onStart: (atMs) => {
        startedAtMs = atMs;
      },
      onInterval: () => undefined,
    });
    return { load, startedAtMs };
  }

  /** Waits until `count` reservations of a sale are decided and `grants` of them are committed; tells when. */
  async settled(saleId: string, count: number, grants: number): Promise<SettleTimes> {
    const deadline = Date.now() + SETTLE_LIMIT_MS;
    const until = async (isDone: () => Promise<boolean>, pauseMs: number) => {
      while (!(await isDone())) {
        if (Date.now() > deadline) throw new Error(`${saleId} was not settled within ${SETTLE_LIMIT_MS} ms`);
        await new Promise((done) => setTimeout(done, pauseMs));
      }
      return Date.now();
    };
    const decidedAtMs = await until(
      async () => ((await this.store.readSale(saleId))?.counters.decided ?? 0) >= count,
      10,
    );
    const committedAtMs = await until(async () => {
      const { rows } = await this.pool.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM tickets WHERE sale_id = $1',
        [saleId],
      );
      return (rows[0]?.n ?? 0) >= grants;
    }, 10);
    return { decidedAtMs, committedAtMs };
  }

  /** Reservations of a sale that are decided now. */
  async decided(saleId: string): Promise<number> {
    return (await this.store.readSale(saleId))?.counters.decided ?? 0;
  }
}

/** The parent's pid: the second field behind the name, which may hold spaces. */
function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

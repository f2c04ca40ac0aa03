/**
 * A whole backend of its own for a test: namespace and schema on the live backends, gateways and workers as the built processes that
 * ship, attacks by the built generator, and their audit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { expect } from 'vitest';
import type { z } from 'zod';
import { runAttack, type AttackOutcome } from '../../control/attack/runner/attack-runner.ts';
import { attackSettingsSchema, type AttackSettingsInput } from '../../contract/attack-settings.ts';
import { audit, type AuditInput } from '../../control/audit/audit.ts';
import { QueueProbe } from '../../control/audit/queue-probe.ts';
import { PublishedOutcomes } from '../../control/audit/published-outcomes.ts';
import { CHECK_IDS } from '../../contract/checks.ts';
import type { Audit } from '../../contract/run-record.ts';
import type { Deployment, Endpoints } from '../../control/cluster/cluster.ts';
import type { LogLine } from '../../contract/state.ts';
import { Links } from '../../control/faults/links/links.ts';
import { ProcessRegistry } from '../../control/processes/process-registry.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import { GatewayClient } from '../../control/sales/gateway-client.ts';
import { Supervisor } from '../../control/services/supervisor.ts';
import { applyMigrations } from '../../services/shared/migrations.ts';
import { createPool, quoteIdentifier } from '../../services/shared/postgres.ts';
import { createRedis, type RedisClient } from '../../services/shared/redis.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import { newSaleSchema } from '../../services/shared/sales.ts';
import { connectBroker } from '../../services/shared/amqp/broker-nodes.ts';
import { topology } from '../../services/shared/amqp/topology.ts';
import { testEndpoints, uniqueName } from './backends.ts';
import { removeKeys } from './redis-keys.ts';
import { noteTaken } from './taken-log.ts';

/** The processes as they ship: `npm run build` makes them, and `npm test` runs it first. */
export const BUILT = {
  gateway: join(import.meta.dirname, '../../out/main/gateway.js'),
  worker: join(import.meta.dirname, '../../out/main/worker.js'),
  generator: join(import.meta.dirname, '../../out/main/generator.js'),
  links: join(import.meta.dirname, '../../out/main/links.js'),
  reroute: join(import.meta.dirname, '../../out/main/reroute.js'),
  shop: join(import.meta.dirname, '../../out/main/shop.js'),
};
export const ADMIN_TOKEN = 'fleet-admin-token-0123456789';
const STOP_LIMIT_MS = 40_000;

export interface FleetOptions {
  readonly gateways: number;
  readonly workers: number;
  /** The backends that the fleet's processes reach, where they differ from those that the test itself looks at: a proxy. */
  readonly through?: Partial<Endpoints>;
  /** Backends in place of the test run's own. */
  readonly backends?: Partial<Endpoints>;
  /** Variables of gateways and workers. */
  readonly env?: Readonly<Record<string, string>>;
  /** Gateway and worker in place of those that ship. */
  readonly modules?: Pick<typeof BUILT, 'gateway' | 'worker'>;
  /**
   * Brings the database up to date and starts services that are not the supervisor's.
   * @returns the URLs of their gateways
   */
  readonly deploy?: (fleet: Fleet) => Promise<readonly string[]>;
}

/** Something to do once that many requests of an attack are answered. */
export interface Incident {
  readonly afterAnswers: number;
  act(): unknown;
}

export interface TicketRow {
  readonly unit_no: number;
  readonly reservation_id: string;
  readonly item_no: number;
  readonly user_id: string;
}

export class Fleet {
  readonly namespace = uniqueName('fleet');
  readonly endpoints: Endpoints;
  readonly supervisor: Supervisor;
  /** Put in only by a test that breaks them. */
  readonly links: Links;
  /** Talks to the first gateway that serves. */
  readonly #backend: GatewayClient;
  readonly redis: RedisClient;
  readonly store: SaleStore;
  readonly pool: pg.Pool;
  /** What gateways and workers wrote: shown when a test fails. */
  readonly log: string[] = [];
  readonly #published = new Map<string, PublishedOutcomes>();
  readonly #options: FleetOptions;
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'flashgrid-fleet-'));
  readonly #release = new ReleaseStack();
  readonly #queues: QueueProbe;
  #deployedUrls: readonly string[] = [];

  private constructor(options: FleetOptions) {
    this.#options = options;
    this.endpoints = { ...testEndpoints(), ...options.backends };
    const { namespace, endpoints } = this;
    this.#release.add('data folder', () => rmSync(this.#dataDir, { recursive: true, force: true }));
    this.pool = createPool({ url: endpoints.postgresUrl, schema: namespace, max: 2, name: 'test' });
    this.#release.add('pool', () => this.pool.end());
    this.redis = createRedis(endpoints.redisUrl, { role: 'control' });
    this.#release.add('redis', () => this.redis.disconnect());
    this.store = new SaleStore(this.redis, namespace);
    this.#queues = new QueueProbe(this.deployment);
    const common = {
      modules: { ...BUILT, ...options.modules },
      deployment: { ...this.deployment, ...options.through },
      env: { ...process.env, FLASHGRID_LOG_LEVEL: 'warn', ...options.env },
      registry: new ProcessRegistry(this.#dataDir),
      onLog: ({ part, level, text }: LogLine) => this.log.push(`${part} ${level} ${text.slice(0, 400)}`),
    };
    this.supervisor = new Supervisor({
      ...common,
      adminToken: ADMIN_TOKEN,
      gatewayPort: 0,
      onChange: () => undefined,
    });
    this.links = new Links({ ...common, supervisor: this.supervisor });
    this.#backend = new GatewayClient(
      () => this.#gatewayUrls(),
      () => ADMIN_TOKEN,
    );
  }

  #gatewayUrls(): string[] {
    return [...this.supervisor.gatewayUrls(), ...this.#deployedUrls];
  }

  get deployment(): Deployment {
    return { ...this.endpoints, namespace: this.namespace, postgresSchema: this.namespace };
  }

  /** Prepares namespace and schema and starts the processes. */
  static async open(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    try {
      await fleet.#start();
      return fleet;
    } catch (error) {
      await fleet.close().catch(() => undefined);
      throw new Error(`the fleet did not start; its log:\n${fleet.log.join('\n')}`, { cause: error });
    }
  }

  async #start(): Promise<void> {
    const { namespace, endpoints, supervisor } = this;
    const { gateways, workers, deploy } = this.#options;
    if (!deploy) await applyMigrations({ url: endpoints.postgresUrl, schema: namespace });
    this.#release.add('schema', () =>
      this.pool.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(namespace)} CASCADE`),
    );
    this.#release.add('keys', () => removeKeys(this.redis, namespace));
    // A broker of the test's own goes with its queues.
    if (this.#options.backends?.amqpUrl === undefined)
      this.#release.add('queues', () => this.#deleteQueues());
    this.#release.add('queue probe', () => this.#queues.close());
    // Declares them.
    await this.queued();
    this.#release.add('rare paths', () => noteTaken(supervisor.totals.coverage()));
    this.#release.add('services', () => supervisor.stop(), STOP_LIMIT_MS);
    this.#release.add('links', () => this.links.remove(), STOP_LIMIT_MS);
    await Promise.all([supervisor.scale('gateway', gateways), supervisor.scale('worker', workers)]);
    if (deploy) this.#deployedUrls = await deploy(this);
  }

  close(): Promise<void> {
    return this.#release.release();
  }

  /** Ends with the fleet, before its processes do. */
  onClose(name: string, undo: () => unknown): void {
    this.#release.add(name, undo, STOP_LIMIT_MS);
  }

  get queue(): string {
    return topology(this.namespace).queue;
  }

  /** Opens a sale through a gateway, as `POST /sales` takes it. */
  async openSale(sale: z.input<typeof newSaleSchema> & { readonly id: string }): Promise<void> {
    await this.#backend.openSale(newSaleSchema.parse(sale));
    const published = new PublishedOutcomes(this.deployment, sale.id, 1, (text) => this.log.push(text));
    this.#release.add('published outcomes', () => published.end());
    this.#published.set(sale.id, published);
  }

  /**
   * Attacks a sale of the settings' stock and limit; the incidents happen on the way, each exactly once.
   * @param targets what stands before the gateways; else the gateways themselves
   */
  async attack(
    saleId: string,
    input: AttackSettingsInput,
    incidents: readonly Incident[] = [],
    targets: readonly string[] = this.links.gatewayUrls(this.#gatewayUrls()),
  ): Promise<AttackOutcome> {
    const due = [...incidents].sort((a, b) => a.afterAnswers - b.afterAnswers);
    const acts: Promise<unknown>[] = [];
    const cancel = new AbortController();
    let answers = 0;
    const outcome = runAttack({
      settings: attackSettingsSchema.parse(input),
      saleId,
      targets,
      generatorModule: BUILT.generator,
      dataDir: this.#dataDir,
      signal: cancel.signal,
      onInterval: (interval) => {
        answers += interval.accepted + interval.rejected + interval.unknown;
        while (due[0] && answers >= due[0].afterAnswers) {
          const incident = due.shift();
          const act = Promise.resolve(incident).then((one) => one?.act());
          // An attack whose incident failed proves nothing.
          act.catch(() => cancel.abort());
          acts.push(act);
        }
      },
    });
    const [attacked] = await Promise.allSettled([outcome]);
    await Promise.all(acts);
    if (attacked.status === 'rejected') throw attacked.reason;
    if (due.length > 0) throw new Error('the attack was over before its incidents were due');
    return attacked.value;
  }

  /** Audits a run on the backends themselves, past any proxy. */
  async audit(
    sale: { readonly id: string; readonly stock: number; readonly perBuyerLimit: number },
    { ledger }: AttackOutcome,
    options: Pick<Partial<AuditInput>, 'drainTimeoutMs' | 'published'> = {},
  ): Promise<Audit> {
    return await audit({
      sale,
      ledger,
      deployment: this.deployment,
      drainTimeoutMs: 30_000,
      published: () => this.#published.get(sale.id)?.byFrame() ?? new Map(),
      ...options,
      signal: new AbortController().signal,
    });
  }

  async tickets(saleId: string): Promise<TicketRow[]> {
    const { rows } = await this.pool.query<TicketRow>(
      'SELECT unit_no, reservation_id, item_no, user_id FROM tickets WHERE sale_id = $1 ORDER BY unit_no, item_no',
      [saleId],
    );
    return rows;
  }

  /** How often the sale was rebuilt in Redis, as Postgres counts it: 0 for a sale in its first life. */
  async epoch(saleId: string): Promise<number> {
    const { rows } = await this.pool.query<{ epoch: number }>('SELECT epoch FROM sales WHERE id = $1', [
      saleId,
    ]);
    return rows[0]?.epoch ?? Number.NaN;
  }

  /** Frames that no worker has in hand, and dead-lettered ones. */
  async queued(): Promise<{ waiting: number; dead: number }> {
    return await this.#queues.count();
  }

  async #deleteQueues(): Promise<void> {
    const { queue, deadQueue, deadExchange, healthQueue } = topology(this.namespace);
    const model = await connectBroker(this.endpoints.amqpUrl, { timeout: 5_000 });
    const channel = await model.createChannel();
    for (const name of [queue, deadQueue, healthQueue]) await channel.deleteQueue(name);
    await channel.deleteExchange(deadExchange);
    await model.close();
  }
}

/** All nine checks pass, or all but those that are named, which fail. */
export function expectChecks(found: Audit, failing: readonly string[] = []): void {
  expect(found.checks.map((check) => check.id)).toEqual(CHECK_IDS);
  const failed = found.checks.filter((check) => !check.ok);
  expect(
    failed.map((check) => check.id),
    failed
      .map((check) => `${check.id}: ${check.evidence.summary} ${check.evidence.offenders.join(', ')}`)
      .join('\n'),
  ).toEqual(failing);
}

/**
 * One attack on our own engine, from its sale to its record; the life of a run is in runs/run-session.ts. It closes its sale
 * before the audit's last look, so that a late request can't sell a unit after the verdict.
 */
import { SaleStore } from '../services/shared/sale-store.ts';
import { createRedis } from '../services/shared/redis.ts';
import { totalRequests, totalStock } from '../contract/attack-settings.ts';
import { Crowd } from './attack/protocol/crowd.ts';
import { chooseTargets } from './attack/runner/choose-targets.ts';
import type { ForeignSystem } from './attack/runner/machine-meter.ts';
import type { AttackInterval } from './attack/runner/interval-merger.ts';
import { PublishedOutcomes } from './audit/published-outcomes.ts';
import { audit, countDeadFrames, type AuditInput } from './audit/audit.ts';
import type { LoadLedger } from './audit/ledger.ts';
import { notJudgedUnder } from '../contract/behaviours.ts';
import type { Failure } from '../contract/failure.ts';
import type { Cluster, Deployment } from './cluster/cluster.ts';
import type { LogLine } from '../contract/state.ts';
import { backendDown } from './cluster/backend-down.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import type { JudgedSale } from './audit/several-sales.ts';
import type { Audit, FaultOutcome, Sample } from '../contract/run-record.ts';
import { coverageSince } from '../contract/coverage.ts';
import type { PlantId } from '../contract/plants.ts';
import { plant } from './plants/plant.ts';
import { PlantBed } from './plants/plant-bed.ts';
import { PlantedLedger } from './plants/planted-ledger.ts';
import { AttackSale } from './sales/attack-sale.ts';
import { readDeadLetter } from './sales/read-dead-letter.ts';
import type { GatewayClient } from './sales/gateway-client.ts';
import type { Supervisor } from './services/supervisor.ts';
import type { FaultSpec } from '../contract/fault-syntax.ts';
import type { FaultTools } from './faults/fault.ts';
import { RunFaults } from './faults/run-faults.ts';
import type { SaleCounters } from './telemetry/pipeline-reader.ts';
import { RunTelemetry } from './telemetry/run-telemetry.ts';
import { describeEnvironment } from './runs/environment.ts';
import { RunSession, type OwnParts, type RunSessionOptions } from './runs/run-session.ts';
import type { Coverage } from '../services/shared/rare-paths.ts';
import { errorText } from '../services/shared/error-text.ts';

/** ms that taking a planted defect back may take. */
const PLANT_UNDO_LIMIT_MS = 15_000;

export interface AttackSessionOptions extends RunSessionOptions {
  readonly deployment: Deployment;
  readonly cluster: Pick<Cluster, 'provider' | 'backends'>;
  readonly supervisor: Supervisor;
  readonly gateways: GatewayClient;
  readonly faultTools: FaultTools;
}

export class AttackSession extends RunSession<AttackSessionOptions> {
  readonly #undo = new ReleaseStack();
  readonly #sale: AttackSale;
  readonly #faults: RunFaults;
  readonly #coverageBefore: Coverage;
  protected telemetry: RunTelemetry | undefined;
  /** What a planted defect changed. */
  #planted: string | undefined;
  #bed: PlantBed | undefined;

  constructor(options: AttackSessionOptions) {
    super(options, options);
    const { settings, supervisor, deployment, gateways } = options;
    this.#coverageBefore = supervisor.totals.coverage();
    this.#faults = new RunFaults(options.faultTools, settings.faults ?? '', {
      onChange: () => this.isActive && this.set({ faults: this.#faultOutcomes() }),
      onLog: (text) => this.log('warn', text),
    });
    this.#sale = new AttackSale({
      id: this.state.saleId,
      settings,
      deployment,
      gateways,
      onLog: (level: LogLine['level'], text: string) => this.log(level, text),
      onNotClosed: (text) => this.watch.add('sale', 'notClosed', text),
    });
  }

  /** Breaks a part now; the record has it like a fault of the schedule. */
  async breakNow(fault: Omit<FaultSpec, 'at'>): Promise<void> {
    await this.#faults.breakNow(fault, this.state.firstRequestAtMs);
  }

  protected async attackAndJudge(): Promise<void> {
    const { settings, supervisor, deployment } = this.options;
    const { signal } = this.abort;
    this.#undo.add(
      'samples',
      supervisor.onSample((id, sample) => this.watch.handleSample(id, sample)),
    );
    const saleId = this.state.saleId;
    await this.#sale.open();
    const redis = createRedis(deployment.redisUrl, {
      role: 'control',
      onError: (error) => this.log('warn', `redis: ${error.message}`),
    });
    this.#undo.add('redis', () => redis.disconnect());
    this.#undo.add('sale', () => this.#sale.close(), this.#sale.closeLimitMs);
    const store = new SaleStore(redis, deployment.namespace);
    const { ids } = this.#sale;
    const published = new PublishedOutcomes(deployment, saleId, ids.length, (text) => this.log('warn', text));
    this.#undo.add('outcomes', () => published.end());
    const deadBefore = await countDeadFrames(deployment);
    let isJudged = false;
    const telemetry = new RunTelemetry({
      totals: supervisor.totals,
      readSale:
        ids.length === 1
          ? async () => (await store.readSale(saleId))?.counters
          : this.#countSales(() => isJudged),
      onRow: (row) => this.#addRow(row),
    });
    this.telemetry = telemetry;
    this.#undo.add('telemetry', () => telemetry.end());
    this.#undo.add('faults', () => this.#faults.release(), RunFaults.releaseLimitMs);
    await this.#faults.prepare();
    const { load, ledger } = await this.sendLoad(
      {
        settings,
        targets: this.options.faultTools.links.gatewayUrls(await this.#buyerUrls()),
        foreign: this.#foreignParts(),
      },
      telemetry,
      { by: 'the gateway' },
      (startAtMs) => this.#faults.begin(startAtMs),
    );
    const answeredAtMs = performance.now();
    // What still breaks the cluster would only delay what the audit waits for.
    await this.#faults.over(this.state, signal);
    let judged: readonly JudgedSale[] | undefined;
    const planted = settings.plant && this.#preparePlant(settings.plant, ledger, published);
    const found = await audit({
      waitedMs: performance.now() - answeredAtMs,
      sale: { id: saleId, stock: settings.stock, perBuyerLimit: settings.perBuyerLimit },
      several: ids.length === 1 ? undefined : { ids, saleOf: this.#saleOf() },
      ...(planted ?? { ledger }),
      startedAtMs: this.state.firstRequestAtMs,
      readDeadLetter: (queues) => readDeadLetter(deployment, queues),
      deployment,
      drainTimeoutMs: settings.drainTimeoutMs,
      isBackendLost: () => backendDown(this.options.cluster) !== undefined,
      closeSale: () => this.#sale.close(),
      published: () => published.byFrame(),
      notJudged: notJudgedUnder(settings.behaviours, settings.perBuyerLimit),
      missingParts: () => this.watch.missing(),
      heldUpMs: () => this.watch.heldUpMs(),
      signal,
      deadBefore,
      onEvidence: (final) => (judged = final),
      onDrained: () => {
        // Called again each time that the audit repeats its look.
        if (this.state.phase !== 'auditing')
          this.log('info', 'the queue is drained, or its time is up: the audit begins');
        this.#faults.end();
        this.set({ phase: 'auditing' });
      },
    });
    isJudged = true;
    // The verdict rests on what was found: nothing planted is needed any more.
    await this.#bed?.undo().catch((error: unknown) => this.log('warn', errorText(error)));
    await telemetry.finish(found);
    this.feed.flush();
    await this.#faults.settle();
    // The verdict stands; a service that can't be started again is the supervisor's to report.
    await this.conclude(load, found, judged, () =>
      this.#faults.removeLinks().catch((error: unknown) => this.log('warn', errorText(error))),
    );
  }

  /** One address before all gateways, or those of the gateways that answer. */
  async #buyerUrls(): Promise<readonly string[]> {
    const { supervisor, gateways } = this.options;
    const answering = await chooseTargets(supervisor.gatewayUrls(), gateways, (text) =>
      this.log('warn', text),
    );
    return supervisor.frontUrl === undefined ? answering : [supervisor.frontUrl];
  }

  /** Which of several sales a request is for. */
  #saleOf(): (request: number) => number {
    const { settings } = this.options;
    const crowd = new Crowd(settings, totalRequests(settings));
    return (request) => crowd.sale(request);
  }

  /**
   * Reads the counters of several sales from what the workers tell: asking Redis for thousands ten times a second would slow it
   * down. Nothing is read any more once the audit has found it out.
   */
  #countSales(isOver: () => boolean): () => Promise<SaleCounters | undefined> {
    const { supervisor, settings } = this.options;
    const before = supervisor.totals.read();
    const read = () => {
      const { decided, granted, committed } = supervisor.totals.read();
      return {
        decided: decided - before.decided,
        granted: granted - before.granted,
        remaining: Math.max(0, totalStock(settings) - (committed - before.committed)),
      };
    };
    return () => Promise.resolve(isOver() ? undefined : read());
  }

  /** Backends that are no child processes of ours. */
  #foreignParts(): ForeignSystem | undefined {
    const { cluster, deployment } = this.options;
    if (cluster.provider === 'native') return undefined;
    const { amqpUrl, redisUrl, postgresUrl } = deployment;
    return { urls: [amqpUrl, redisUrl, postgresUrl], areContainers: cluster.provider === 'docker' };
  }

  /** The ledger and the step of the audit that plant a defect; all of it is taken back after the last look. */
  #preparePlant(
    id: PlantId,
    seen: LoadLedger,
    published: PublishedOutcomes,
  ): Pick<AuditInput, 'ledger' | 'plant'> {
    const ledger = new PlantedLedger(seen);
    return {
      ledger,
      plant: async (evidence) => {
        const bed = new PlantBed(this.options.deployment, this.state.saleId, (frameId) =>
          published.forget(frameId),
        );
        this.#bed = bed;
        this.#undo.add('plant', () => bed.undo(), PLANT_UNDO_LIMIT_MS);
        this.#planted = await plant(id, bed, ledger, evidence);
        this.log('warn', `planted on purpose (${id}): ${this.#planted}`);
      },
    };
  }

  protected release(): Promise<void> {
    return this.#undo.release();
  }

  protected async ownParts(): Promise<OwnParts> {
    const { cluster, supervisor, version } = this.options;
    return {
      faults: this.#faultOutcomes(),
      planted: this.#planted,
      coverage: coverageSince(this.#coverageBefore, supervisor.totals.coverage()),
      environment: await describeEnvironment(version, cluster, supervisor.states()),
    };
  }

  protected override countedSoFar(): Pick<Audit, 'refused' | 'isSaleClosed'> {
    const { isClosed } = this.#sale;
    return { ...super.countedSoFar(), ...(isClosed === undefined ? {} : { isSaleClosed: isClosed }) };
  }

  protected override handleInterval(interval: AttackInterval): void {
    super.handleInterval(interval);
    if (this.state.phase === 'attacking') this.#faults.handle(this.state);
  }

  #faultOutcomes(): FaultOutcome[] {
    return this.#faults.outcomes(this.state.firstRequestAtMs ?? this.state.startedAtMs);
  }

  #addRow(row: Sample): void {
    this.change({
      granted: this.state.granted + row.granted,
      remaining: row.remaining ?? this.state.remaining,
    });
    this.feed.add(row, this.state);
    this.#faults.handle(this.state);
  }

  /** A missing part comes first: it explains what failed after it. */
  protected override failureOf(error: unknown): Failure {
    const down = backendDown(this.options.cluster);
    if (down) return down.failure;
    const failure = super.failureOf(error);
    const missing = this.watch.missing();
    return missing.length === 0 ? failure : { ...failure, message: [failure.message, ...missing].join(' ') };
  }
}

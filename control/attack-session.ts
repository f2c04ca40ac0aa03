/**
 * One attack from its sale to its record.
 *
 * Phases: preparing → attacking → draining → auditing → finished; from each of them → failed, or → cancelled
 * when a person asks. Its record is kept however it ends. It closes its sale before the audit's last look, so
 * that a late request can't sell a unit after the verdict.
 */
import { once } from 'node:events';
import process from 'node:process';
import { SaleStore } from '../services/shared/sale-store.ts';
import { createRedis } from '../services/shared/redis.ts';
import { chooseTargets } from './attack/runner/choose-targets.ts';
import { runAttack } from './attack/runner/attack-runner.ts';
import type { AttackInterval } from './attack/runner/interval-merger.ts';
import { totalRequests, type AttackSettings } from '../contract/attack-settings.ts';
import { PublishedOutcomes } from './audit/published-outcomes.ts';
import { audit, countDeadFrames, type AuditInput } from './audit/audit.ts';
import type { LoadLedger } from './audit/ledger.ts';
import { FailureError, type Failure } from '../contract/failure.ts';
import type { Cluster, Deployment } from './cluster/cluster.ts';
import type { LogLine, AttackState } from '../contract/state.ts';
import { backendDown } from './cluster/backend-down.ts';
import { withoutProxy } from './lib/loopback.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import type { Evidence } from './audit/evidence.ts';
import type { EvidenceRun } from './evidence/evidence-records.ts';
import { buildRunRecord, type RunParts } from './runs/build-run-record.ts';
import type { Audit, FaultOutcome, Load, RunRecord, Sample } from '../contract/run-record.ts';
import { whole } from '../contract/format.ts';
import { notesOf } from '../contract/run-notes.ts';
import { titleOf } from '../contract/run-text.ts';
import { coverageSince } from '../contract/coverage.ts';
import { describeVerdict } from '../contract/verdict-text.ts';
import type { PlantId } from '../contract/plants.ts';
import { plant } from './plants/plant.ts';
import { PlantBed } from './plants/plant-bed.ts';
import { PlantedLedger } from './plants/planted-ledger.ts';
import { AttackSale } from './sales/attack-sale.ts';
import { readDeadLetter } from './sales/read-dead-letter.ts';
import type { GatewayClient } from './sales/gateway-client.ts';
import type { Supervisor } from './services/supervisor.ts';
import { parseFaults, type FaultSpec } from '../contract/faults.ts';
import { FaultRunner } from './faults/fault-runner.ts';
import { FaultSchedule } from './faults/fault-schedule.ts';
import type { FaultTools } from './faults/fault.ts';
import { HeatSeries } from './telemetry/heat-series.ts';
import { RunTelemetry } from './telemetry/run-telemetry.ts';
import { SampleFeed } from './telemetry/sample-feed.ts';
import { unfinishedRun } from './runs/unfinished-run.ts';
import { describeEnvironment } from './runs/environment.ts';
import { IncidentWatch } from './runs/incident-watch.ts';
import type { Coverage } from '../services/shared/rare-paths.ts';
import { errorText } from '../services/shared/error-text.ts';

/** ms that taking a planted defect back may take. */
const PLANT_UNDO_LIMIT_MS = 15_000;
/** ms that healing all faults may take. */
const FAULTS_LIMIT_MS = 30_000;

export interface AttackSessionOptions {
  readonly settings: AttackSettings;
  /** That the run belongs to. */
  readonly group?: string | undefined;
  readonly version: string;
  readonly deployment: Deployment;
  readonly cluster: Pick<Cluster, 'provider' | 'backends'>;
  readonly supervisor: Supervisor;
  readonly gateways: GatewayClient;
  readonly faultTools: FaultTools;
  readonly generatorModule: string;
  readonly childEnv: NodeJS.ProcessEnv;
  readonly dataDir: string;
  onState(state: AttackState): void;
  onSamples(runId: string, samples: Sample[]): void;
  onLog(line: LogLine): void;
  /** Keeps the record; the attack counts as finished only after it. */
  onRecord(record: RunRecord): Promise<void>;
  /** Keeps what the verdict rests on, and gives its root. */
  saveEvidence(run: EvidenceRun, evidence: Evidence, audit: Audit): Promise<string>;
}

export class AttackSession {
  readonly #options: AttackSessionOptions;
  readonly #abort = new AbortController();
  readonly #undo = new ReleaseStack();
  readonly #watch: IncidentWatch;
  readonly #sale: AttackSale;
  readonly #feed: SampleFeed;
  readonly #faults: FaultRunner;
  readonly #schedule: FaultSchedule;
  readonly #coverageBefore: Coverage;
  readonly #heat = new HeatSeries();
  #telemetry: RunTelemetry | undefined;
  /** What a planted defect changed. */
  #planted: string | undefined;
  #bed: PlantBed | undefined;
  #state: AttackState;
  #work: Promise<void> | undefined;

  constructor(options: AttackSessionOptions) {
    this.#options = options;
    this.#coverageBefore = options.supervisor.totals.coverage();
    this.#watch = new IncidentWatch(options, (text) => {
      this.#log('warn', text);
      // The charts mark an incident at once.
      const { firstRequestAtMs } = this.#state;
      if (firstRequestAtMs !== undefined && this.isActive)
        this.#set({ incidents: this.#watch.incidents(firstRequestAtMs) });
    });
    const log = (level: LogLine['level'], text: string) => this.#log(level, text);
    this.#feed = new SampleFeed({
      onSamples: (samples) => {
        options.onSamples(this.#state.runId, samples);
        options.onState(this.#state);
      },
      onLog: log,
    });
    this.#faults = new FaultRunner(options.faultTools, {
      onChange: () => this.isActive && this.#set({ faults: this.#faultOutcomes() }),
      onLog: (text) => this.#log('warn', text),
    });
    this.#schedule = new FaultSchedule(parseFaults(options.settings.faults ?? ''), this.#faults);
    const startedAtMs = Date.now();
    const runId = `run-${startedAtMs.toString(36)}`;
    this.#state = {
      runId,
      saleId: runId,
      phase: 'preparing',
      settings: options.settings,
      startedAtMs,
      progress: 0,
      sent: 0,
      accepted: 0,
      rejected: 0,
      unknown: 0,
      granted: 0,
      remaining: options.settings.stock,
      reasons: [],
    };
    const { settings, deployment, gateways } = options;
    this.#sale = new AttackSale({
      id: runId,
      settings,
      deployment,
      gateways,
      onLog: log,
      onNotClosed: (text) => this.#watch.add('sale', 'notClosed', text),
    });
  }

  get state(): AttackState {
    return this.#state;
  }

  get isActive(): boolean {
    return !['finished', 'failed', 'cancelled'].includes(this.#state.phase);
  }

  samples(): readonly Sample[] {
    return this.#telemetry?.rows() ?? [];
  }

  /** Begins, and returns at once. Whatever fails from here on ends a run that is kept. */
  begin(): AttackState {
    this.#set({});
    this.#work = this.#run();
    return this.#state;
  }

  /** Breaks a part now; the record has it like a fault of the schedule. */
  async breakNow(fault: Omit<FaultSpec, 'at'>): Promise<void> {
    const { firstRequestAtMs } = this.#state;
    const afterMs = firstRequestAtMs === undefined ? undefined : Math.max(0, Date.now() - firstRequestAtMs);
    await this.#faults.inject({ ...fault, at: afterMs === undefined ? { event: 'start' } : { afterMs } });
  }

  /** Resolves when nothing of the attack runs, with its last state. */
  async whenOver(): Promise<AttackState> {
    await this.#work;
    return this.#state;
  }

  /** Ends the attack; resolves when nothing of it runs. */
  async cancel(): Promise<void> {
    if (!this.isActive) return;
    this.#abort.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    this.#watch.start();
    this.#undo.add(
      'samples',
      this.#options.supervisor.onSample((id, sample) => this.#watch.handleSample(id, sample)),
    );
    let failure: Failure | undefined;
    try {
      await this.#attackAndJudge();
      return;
    } catch (error) {
      if (!this.#abort.signal.aborted) failure = this.#failureOf(error);
    } finally {
      this.#watch.end();
      await this.#undo
        .release()
        .catch((error: unknown) => this.#log('warn', `after the attack: ${errorText(error)}`));
    }
    await this.#keepUnfinished(failure);
    if (failure) this.#fail(failure);
    else {
      this.#log('info', 'the attack was cancelled');
      this.#set({ phase: 'cancelled' });
    }
  }

  async #attackAndJudge(): Promise<void> {
    const { settings, supervisor, deployment, gateways } = this.#options;
    const { signal } = this.#abort;
    const saleId = this.#state.saleId;
    await this.#sale.open();
    const redis = createRedis(deployment.redisUrl, {
      role: 'control',
      onError: (error) => this.#log('warn', `redis: ${error.message}`),
    });
    this.#undo.add('redis', () => redis.disconnect());
    this.#undo.add('sale', () => this.#sale.close(), AttackSale.closeLimitMs);
    const store = new SaleStore(redis, deployment.namespace);
    const published = new PublishedOutcomes(deployment, saleId, (text) => this.#log('warn', text));
    this.#undo.add('outcomes', () => published.end());
    const deadBefore = await countDeadFrames(deployment);
    const telemetry = new RunTelemetry({
      totals: supervisor.totals,
      readSale: async () => (await store.readSale(saleId))?.counters,
      onRow: (row) => this.#addRow(row),
    });
    this.#telemetry = telemetry;
    this.#undo.add('telemetry', () => telemetry.end());
    this.#undo.add('links', () => this.#options.faultTools.links.remove(), FAULTS_LIMIT_MS);
    this.#undo.add('faults', () => this.#endFaults('heal'), FAULTS_LIMIT_MS);
    await this.#schedule.prepare();
    const { load, ledger } = await runAttack({
      settings,
      saleId,
      targets: this.#options.faultTools.links.gatewayUrls(
        await chooseTargets(supervisor.gatewayUrls(), gateways, (text) => this.#log('warn', text)),
      ),
      generatorModule: this.#options.generatorModule,
      signal,
      onStart: (startAtMs) => {
        this.#set({ phase: 'attacking', firstRequestAtMs: startAtMs });
        this.#log('info', `the first request leaves: ${titleOf(settings)}`);
        telemetry.begin(startAtMs);
        this.#schedule.begin(startAtMs);
      },
      onInterval: (interval) => this.#handleInterval(interval),
      env: { ...withoutProxy(process.env), ...this.#options.childEnv },
      dataDir: this.#options.dataDir,
      onLog: this.#options.onLog,
    });
    telemetry.endLoad();
    this.#set({ load, progress: 1, phase: 'draining' });
    this.#schedule.handle(this.#state);
    this.#schedule.drain();
    this.#log(
      'info',
      `all requests are answered or given up: ${whole(load.accepted)} accepted, ${whole(load.rejected)} rejected by the gateway, ${whole(load.unknown)} without a clear answer`,
    );
    const answeredAtMs = performance.now();
    // What still breaks the cluster would only delay what the audit waits for.
    await Promise.race([this.#faults.over(), once(signal, 'abort')]);
    signal.throwIfAborted();
    let evidence: Evidence | undefined;
    const planted = settings.plant && this.#preparePlant(settings.plant, ledger, published);
    const found = await audit({
      waitedMs: performance.now() - answeredAtMs,
      sale: { id: saleId, stock: settings.stock, perBuyerLimit: settings.perBuyerLimit },
      ...(planted ?? { ledger }),
      startedAtMs: this.#state.firstRequestAtMs,
      readDeadLetter: (queues) => readDeadLetter(deployment, queues),
      deployment,
      drainTimeoutMs: settings.drainTimeoutMs,
      isBackendLost: () => backendDown(this.#options.cluster) !== undefined,
      closeSale: () => this.#sale.close(),
      published: () => published.byFrame(),
      missingParts: () => this.#watch.missing(),
      heldUpMs: () => this.#watch.heldUpMs(),
      signal,
      deadBefore,
      onEvidence: (final) => (evidence = final),
      onDrained: () => {
        // Called again each time that the audit repeats its look.
        if (this.#state.phase !== 'auditing')
          this.#log('info', 'the queue is drained, or its time is up: the audit begins');
        this.#schedule.end();
        this.#set({ phase: 'auditing' });
      },
    });
    // The verdict rests on what was found: nothing planted is needed any more.
    await this.#bed?.undo().catch((error: unknown) => this.#log('warn', errorText(error)));
    await telemetry.finish(found);
    this.#feed.flush();
    await this.#endFaults('settle');
    await this.#conclude(load, found, evidence);
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
        const bed = new PlantBed(this.#options.deployment, this.#state.saleId, (frameId) =>
          published.forget(frameId),
        );
        this.#bed = bed;
        this.#undo.add('plant', () => bed.undo(), PLANT_UNDO_LIMIT_MS);
        this.#planted = await plant(id, bed, ledger, evidence);
        this.#log('warn', `planted on purpose (${id}): ${this.#planted}`);
      },
    };
  }

  async #conclude(load: Load, found: Audit, evidence: Evidence | undefined): Promise<void> {
    this.#watch.look();
    const judged = await this.#recordOf({ end: 'finished', load, audit: found });
    const evidenceRoot = evidence && (await this.#saveEvidence(judged, evidence));
    const record = evidenceRoot === undefined ? judged : { ...judged, evidenceRoot };
    const { headline, detail } = describeVerdict(record);
    this.#log(
      record.verdict === 'pass' ? 'info' : 'warn',
      `verdict: ${[headline, detail, ...record.reasons, ...notesOf(record)].join(' ')}`,
    );
    await this.#options.onRecord(record);
    // The verdict stands; a service that can't be started again is the supervisor's to report.
    await this.#options.faultTools.links
      .remove()
      .catch((error: unknown) => this.#log('warn', errorText(error)));
    this.#set({
      phase: 'finished',
      audit: found,
      verdict: record.verdict,
      exitCode: record.exitCode,
      reasons: record.reasons,
      incidents: record.incidents ?? [],
      ...(record.coverage === undefined ? {} : { coverage: record.coverage }),
      granted: found.granted,
      remaining: Math.max(0, found.stock - found.sold),
    });
  }

  /** Without its evidence a run is kept all the same: its verdict stands, only nobody else can judge it. */
  async #saveEvidence(record: RunRecord, evidence: Evidence): Promise<string | undefined> {
    const { id, startedAt, attack, environment, incidents, coverage } = record;
    try {
      const run = { id, startedAt, attack, environment, incidents, coverage };
      return await this.#options.saveEvidence(run, evidence, record.audit);
    } catch (error) {
      this.#log('warn', `the evidence of ${id} could not be kept: ${errorText(error)}`);
      return undefined;
    }
  }

  async #recordOf(parts: Pick<RunParts, 'end' | 'endReason' | 'load' | 'audit'>): Promise<RunRecord> {
    const { settings, group, cluster, supervisor, version } = this.#options;
    const { runId, saleId, startedAtMs, firstRequestAtMs } = this.#state;
    return buildRunRecord({
      id: runId,
      saleId,
      startedAtMs,
      firstRequestAtMs,
      finishedAtMs: Date.now(),
      ...(group === undefined ? {} : { group }),
      attack: settings,
      faults: this.#faultOutcomes(),
      planted: this.#planted,
      clocks: this.#watch.clocks(),
      coverage: coverageSince(this.#coverageBefore, supervisor.totals.coverage()),
      incidents: this.#watch.incidents(firstRequestAtMs ?? startedAtMs),
      latencyHeat: this.#heat.data(),
      environment: await describeEnvironment(version, cluster, supervisor.states()),
      series: [...this.samples()],
      ...parts,
    });
  }

  async #keepUnfinished(failure: Failure | undefined): Promise<void> {
    const { isClosed } = this.#sale;
    const record = await this.#recordOf(
      unfinishedRun(this.#state, failure, {
        refused: this.samples().reduce((sum, row) => sum + row.refused, 0),
        ...(isClosed === undefined ? {} : { isSaleClosed: isClosed }),
      }),
    );
    await this.#options.onRecord(record).catch((error: unknown) => this.#log('error', errorText(error)));
    const { incidents = [], exitCode, coverage } = record;
    this.#set({ incidents, exitCode, ...(coverage === undefined ? {} : { coverage }) });
  }

  #handleInterval(interval: AttackInterval): void {
    this.#telemetry?.addLoad(interval);
    this.#heat.add(interval);
    this.#watch.handleInterval(interval, (this.#state.firstRequestAtMs ?? 0) + interval.tMs);
    const { sent, accepted, rejected, unknown } = this.#state;
    const answered = accepted + rejected + unknown + interval.accepted + interval.rejected + interval.unknown;
    this.#state = {
      ...this.#state,
      sent: sent + interval.sent,
      accepted: accepted + interval.accepted,
      rejected: rejected + interval.rejected,
      unknown: unknown + interval.unknown,
      progress: Math.min(1, answered / totalRequests(this.#options.settings)),
    };
    if (this.#state.phase === 'attacking') this.#schedule.handle(this.#state);
  }

  /** Ends what still lasts; nothing that was broken on purpose outlives the attack. */
  async #endFaults(how: 'heal' | 'settle'): Promise<void> {
    this.#schedule.end();
    await this.#faults[how]();
  }

  #faultOutcomes(): FaultOutcome[] {
    return this.#faults.outcomes(this.#state.firstRequestAtMs ?? this.#state.startedAtMs);
  }

  #addRow(row: Sample): void {
    const remaining = row.remaining ?? this.#state.remaining;
    this.#state = { ...this.#state, granted: this.#state.granted + row.granted, remaining };
    this.#feed.add(row, this.#state);
    this.#schedule.handle(this.#state);
  }

  /** Why the attack failed. A missing part comes first: it explains what failed after it. */
  #failureOf(error: unknown): Failure {
    const down = backendDown(this.#options.cluster);
    if (down) return down.failure;
    const failure: Failure =
      error instanceof FailureError
        ? error.failure
        : {
            code: 'attack.failed',
            message: `The attack could not be brought to a verdict: ${errorText(error)}.`,
            fix: 'Look at the logs for the part that failed, then launch it again.',
          };
    const missing = this.#watch.missing();
    return missing.length === 0 ? failure : { ...failure, message: [failure.message, ...missing].join(' ') };
  }

  #fail(failure: Failure): void {
    this.#log('error', failure.message);
    this.#set({ phase: 'failed', failure });
  }

  #set(change: Partial<AttackState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onState(this.#state);
  }

  #log(level: LogLine['level'], text: string): void {
    this.#options.onLog({ atMs: Date.now(), part: 'attack', level, text });
  }
}

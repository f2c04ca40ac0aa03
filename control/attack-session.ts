/**
 * One attack from its sale to its record.
 *
 * It moves: preparing → attacking → draining → auditing → finished; any of them → failed, or cancelled when a person asks. However it
 * ends, its record is kept. It owns the sale it opens, and closes it before the audit's last look, so that a late straggler can't sell
 * after the verdict.
 */
import process from 'node:process';
import { SaleStore } from '../services/shared/sale-store.ts';
import { createPool } from '../services/shared/postgres.ts';
import { createRedis } from '../services/shared/redis.ts';
import { runAttack } from './attack/runner/attack-runner.ts';
import type { AttackInterval } from './attack/runner/interval-merger.ts';
import { totalRequests, type AttackSettings } from '../contract/attack-settings.ts';
import { audit, countDeadFrames } from './audit/audit.ts';
import { FailureError } from '../contract/failure.ts';
import type { Cluster, Deployment } from './cluster/cluster.ts';
import type { LogLine, AttackState } from '../contract/contract.ts';
import { backendDown } from './cluster/backend-down.ts';
import { withoutProxy } from './lib/loopback.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { withLimit } from '../services/shared/time-limit.ts';
import { buildRunRecord, type RunParts } from './runs/build-run-record.ts';
import type { Audit, Load, RunRecord, Sample } from '../contract/run-record.ts';
import { milliseconds, percent } from '../contract/format.ts';
import { notesOf } from '../contract/run-notes.ts';
import { titleOf } from '../contract/run-text.ts';
import { describeVerdict } from '../contract/verdict-text.ts';
import type { GatewayClient } from './sales/gateway-client.ts';
import type { Supervisor } from './services/supervisor.ts';
import { PipelineReader } from './telemetry/pipeline-reader.ts';
import { RunSeries } from './telemetry/run-series.ts';
import { Sampling } from './telemetry/sampling.ts';
import { describeEnvironment } from './runs/environment.ts';
import { IncidentWatch } from './runs/incident-watch.ts';

/** Samples in one event. */
const SAMPLE_BATCH = 2;
/** ms between two lines that say how the attack goes, so that every moment of a chart has something to read in the logs. */
const SAY_EVERY_MS = 1_000;
/** ms that the gateways, and after them the databases themselves, may take to close the sale. */
const CLOSE_LIMIT_MS = 4_000;

export interface AttackSessionOptions {
  readonly settings: AttackSettings;
  readonly version: string;
  readonly deployment: Deployment;
  readonly cluster: Pick<Cluster, 'provider' | 'backends'>;
  readonly supervisor: Supervisor;
  readonly gateways: GatewayClient;
  readonly generatorModule: string;
  readonly childEnv: NodeJS.ProcessEnv;
  readonly dataDir: string;
  onState(state: AttackState): void;
  onSamples(runId: string, samples: Sample[]): void;
  onLog(line: LogLine): void;
  /** Keeps the record; the attack counts as finished only after it. */
  onRecord(record: RunRecord): Promise<void>;
}

export class AttackSession {
  readonly #options: AttackSessionOptions;
  readonly #abort = new AbortController();
  readonly #series = new RunSeries((row) => this.#addRow(row));
  readonly #undo = new ReleaseStack();
  readonly #watch: IncidentWatch;
  #isSaleClosed: boolean | undefined;
  #state: AttackState;
  #batch: Sample[] = [];
  #isSoldOut = false;
  #saidMs = 0;
  #work: Promise<void> | undefined;

  constructor(options: AttackSessionOptions) {
    this.#options = options;
    this.#watch = new IncidentWatch(options, (text) => {
      this.#log('warn', text);
      // The charts mark it at once.
      const { firstRequestAtMs } = this.#state;
      if (firstRequestAtMs !== undefined && this.isActive)
        this.#set({ incidents: this.#watch.incidents(firstRequestAtMs) });
    });
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
  }

  get state(): AttackState {
    return this.#state;
  }

  get isActive(): boolean {
    return !['finished', 'failed', 'cancelled'].includes(this.#state.phase);
  }

  samples(): readonly Sample[] {
    return this.#series.rows();
  }

  /** Begins, and answers at once: whatever goes wrong from here on ends a run that is kept. */
  begin(): AttackState {
    this.#set({});
    this.#work = this.#run();
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
    let failure: FailureError['failure'] | undefined;
    try {
      await this.#attackAndJudge();
      return;
    } catch (error) {
      if (!this.#abort.signal.aborted) failure = this.#failureOf(error);
    } finally {
      this.#watch.end();
      await this.#undo
        .release()
        .catch((error: unknown) => this.#log('warn', `after the attack: ${String(error)}`));
    }
    await this.#keepUnfinished(failure);
    if (failure) this.#fail(failure);
    else {
      this.#log('info', 'the attack was cancelled');
      this.#set({ phase: 'cancelled' });
    }
  }

  async #attackAndJudge(): Promise<void> {
    const { settings, supervisor, deployment } = this.#options;
    const { signal } = this.#abort;
    const saleId = this.#state.saleId;
    await this.#openSale();
    const redis = createRedis(deployment.redisUrl, {
      role: 'control',
      onError: (error) => this.#log('warn', `redis: ${error.message}`),
    });
    this.#undo.add('redis', () => redis.disconnect());
    this.#undo.add('sale', () => this.#closeSale(), 4 * CLOSE_LIMIT_MS);
    const store = new SaleStore(redis, deployment.namespace);
    const reader = new PipelineReader({
      totals: () => supervisor.totals.read(),
      peakSince: (sinceMs) => supervisor.totals.peakSince(sinceMs),
      readSale: async () => (await store.readSale(saleId))?.counters,
    });

    const deadBefore = await countDeadFrames(deployment);
    const sampling = new Sampling(
      () => reader.read(),
      (tMs, reading) => this.#series.addReading(tMs, reading),
    );
    this.#undo.add('sampling', () => sampling.end());
    const { load, ledger } = await runAttack({
      settings,
      saleId,
      targets: await this.#targets(),
      generatorModule: this.#options.generatorModule,
      signal,
      onStart: (startAtMs) => {
        this.#set({ phase: 'attacking', firstRequestAtMs: startAtMs });
        this.#log('info', `the first request leaves: ${titleOf(settings)}`);
        sampling.begin(startAtMs);
      },
      onInterval: (interval) => this.#handleInterval(interval),
      env: { ...withoutProxy(process.env), ...this.#options.childEnv },
      dataDir: this.#options.dataDir,
      onLog: this.#options.onLog,
    });
    this.#series.endLoad();
    this.#set({ load, progress: 1, phase: 'draining' });
    this.#log(
      'info',
      `every request is answered or given up: ${count.format(load.accepted)} accepted, ${count.format(load.rejected)} rejected by the gateway, ${count.format(load.unknown)} without a clear answer`,
    );
    const found = await audit({
      sale: { id: saleId, stock: settings.stock, perBuyerLimit: settings.perBuyerLimit },
      ledger,
      deployment,
      drainTimeoutMs: settings.drainTimeoutMs,
      isBackendLost: () => backendDown(this.#options.cluster) !== undefined,
      closeSale: () => this.#closeSale(),
      missingParts: () => this.#watch.missing(),
      heldUpMs: () => this.#watch.heldUpMs(),
      signal,
      deadBefore,
      onDrained: () => {
        // The audit looks again when something is pending; it is one audit all the same.
        if (this.#state.phase !== 'auditing')
          this.#log('info', 'the queue is drained, or the time for it is over: the audit begins');
        this.#set({ phase: 'auditing' });
      },
    });
    await sampling.end();
    // The last row brings what the sampling had not seen yet, so that the sums are the totals.
    const last = await reader.read();
    const reading =
      last.remainingNow === null
        ? {
            decided: found.granted + found.refused,
            granted: found.granted,
            unconfirmedPeak: 0,
            remainingNow: Math.max(0, found.stock - found.sold),
            committed: found.sold,
          }
        : last;
    this.#series.finish(sampling.elapsedMs(), {
      ...reading,
      committed: Math.max(reading.committed, found.sold),
      queueDepthPeak: found.pending,
    });
    this.#flush();
    await this.#conclude(load, found);
  }

  async #openSale(): Promise<void> {
    const { settings, gateways } = this.#options;
    const { saleId } = this.#state;
    await gateways.openSale({
      id: saleId,
      title: titleOf(settings),
      stock: settings.stock,
      perBuyerLimit: settings.perBuyerLimit,
      mode: settings.mode,
    });
    this.#log(
      'info',
      `sale ${saleId} is open: ${count.format(settings.stock)} on sale, mode ${settings.mode}`,
    );
  }

  async #conclude(load: Load, found: Audit): Promise<void> {
    this.#watch.look();
    const record = this.#recordOf({ end: 'finished', load, audit: found });
    const { headline, detail } = describeVerdict(record);
    this.#log(
      record.verdict === 'pass' ? 'info' : 'warn',
      `verdict: ${[headline, detail, ...record.reasons, ...notesOf(record)].join(' ')}`,
    );
    await this.#options.onRecord(record);
    this.#set({
      phase: 'finished',
      audit: found,
      verdict: record.verdict,
      exitCode: record.exitCode,
      reasons: record.reasons,
      incidents: record.incidents ?? [],
      granted: found.granted,
      remaining: Math.max(0, found.stock - found.sold),
    });
  }

  #recordOf(parts: Pick<RunParts, 'end' | 'endReason' | 'load' | 'audit'>): RunRecord {
    const { settings, cluster, supervisor, version } = this.#options;
    const { runId, saleId, startedAtMs, firstRequestAtMs, workersKilledAtMs } = this.#state;
    return buildRunRecord({
      id: runId,
      saleId,
      startedAtMs,
      firstRequestAtMs,
      finishedAtMs: Date.now(),
      attack: settings,
      workersKilledAtMs,
      clocks: this.#watch.clocks(),
      incidents: this.#watch.incidents(firstRequestAtMs ?? startedAtMs),
      environment: describeEnvironment(version, cluster, supervisor.states()),
      series: [...this.#series.rows()],
      ...parts,
    });
  }

  /** Keeps what is known of an attack that had no audit. */
  async #keepUnfinished(failure: FailureError['failure'] | undefined): Promise<void> {
    const { progress, settings, load = this.#loadSoFar(), granted } = this.#state;
    const nothing = { sold: 0, pending: 0, lost: 0, duplicated: 0, oversold: 0, undersold: 0 };
    const record = this.#recordOf({
      end: failure ? 'failed' : 'cancelled',
      endReason: failure
        ? `${failure.message} ${failure.fix}`
        : `It was cancelled when ${percent(progress)} of its requests were answered.`,
      load,
      audit: {
        ...nothing,
        stock: settings.stock,
        granted,
        refused: this.#series.rows().reduce((sum, row) => sum + row.refused, 0),
        unknownResolved: 0,
        drainMs: 0,
        checks: [],
        ...(this.#isSaleClosed === undefined ? {} : { isSaleClosed: this.#isSaleClosed }),
      },
    });
    await this.#options
      .onRecord(record)
      .catch((error: unknown) => this.#log('error', error instanceof Error ? error.message : String(error)));
    this.#set({ incidents: record.incidents ?? [], exitCode: record.exitCode });
  }

  /** The load of an attack whose generators gave no result: what their intervals told. */
  #loadSoFar(): Load {
    const { sent, accepted, rejected, unknown, firstRequestAtMs } = this.#state;
    const durationMs = firstRequestAtMs === undefined ? 0 : Math.max(0, Date.now() - firstRequestAtMs);
    return {
      sent,
      accepted,
      rejected,
      unknown,
      unsent: totalRequests(this.#options.settings) - sent,
      rps: durationMs > 0 ? ((accepted + rejected) * 1_000) / durationMs : 0,
      durationMs,
      latencyMs: { p50: 0, p90: 0, p99: 0, p999: 0, max: 0, mean: 0 },
      statusCounts: {},
      generator: {
        processes: 0,
        eventLoopLagMaxMs: 0,
        eventLoopLagP99Ms: 0,
        cpuShare: 0,
        rateReached: 0,
        limits: [],
      },
    };
  }

  /**
   * Closes the sale by a gateway, and in the databases themselves where none answers: the worker decides by what Redis says. Gives
   * whether it is closed; tries once, and again only after a failure.
   */
  async #closeSale(): Promise<boolean> {
    if (this.#isSaleClosed === true) return true;
    const { gateways } = this.#options;
    const { saleId } = this.#state;
    try {
      await withLimit(
        gateways.changeSale(saleId, { status: 'closed' }),
        CLOSE_LIMIT_MS,
        'no gateway answered',
      );
      this.#isSaleClosed = true;
    } catch (byGateway) {
      this.#log('debug', `sale ${saleId} is closed without a gateway: ${String(byGateway)}`);
      try {
        await this.#closeInDatabases();
        this.#isSaleClosed = true;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        if (this.#isSaleClosed === undefined)
          this.#watch.add('sale', 'notClosed', `Sale ${saleId} could not be closed: ${why}.`);
        this.#isSaleClosed = false;
      }
    }
    return this.#isSaleClosed;
  }

  async #closeInDatabases(): Promise<void> {
    const { deployment } = this.#options;
    const { saleId } = this.#state;
    const release = new ReleaseStack();
    const pool = createPool({
      url: deployment.postgresAuditUrl ?? deployment.postgresUrl,
      schema: deployment.postgresSchema,
      max: 1,
      name: 'attack-close',
    });
    release.add('Postgres connection', () => pool.end());
    const redis = createRedis(deployment.redisUrl, { role: 'control', onError: () => undefined });
    release.add('Redis connection', () => redis.disconnect());
    const close = async () => {
      // Postgres first: a sale that Redis has forgotten is rebuilt from there.
      await pool.query("UPDATE sales SET status = 'closed' WHERE id = $1", [saleId]);
      await new SaleStore(redis, deployment.namespace).changeSale(saleId, { status: 'closed' });
    };
    try {
      await withLimit(close(), CLOSE_LIMIT_MS, 'Postgres or Redis did not answer');
    } finally {
      // A connection to a backend that hangs must not hold the end up; its limit is the stack's.
      await release.release().catch(() => undefined);
    }
  }

  #handleInterval(interval: AttackInterval): void {
    this.#series.addLoad(interval);
    this.#watch.generatorHeard(interval, (this.#state.firstRequestAtMs ?? 0) + interval.tMs);
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
    this.#breakOnPurpose();
  }

  #breakOnPurpose(): void {
    const { settings, supervisor } = this.#options;
    const { phase, progress, firstRequestAtMs, workersKilledAtMs } = this.#state;
    const share = (settings.killWorkersAtPercent ?? Infinity) / 100;
    if (phase !== 'attacking' || workersKilledAtMs !== undefined || progress < share) return;
    const workers = supervisor.states().filter(({ role, state }) => role === 'worker' && state === 'running');
    if (workers.length === 0) return;
    for (const { id } of workers) {
      this.#log('warn', `${id} is killed on purpose, at ${Math.round(progress * 100)} % of the requests`);
      supervisor.kill(id);
    }
    this.#set({ workersKilledAtMs: Math.max(0, Date.now() - (firstRequestAtMs ?? Date.now())) });
  }

  #addRow(row: Sample): void {
    if (row.remaining === 0 && this.#state.granted + row.granted > 0 && !this.#isSoldOut) {
      this.#isSoldOut = true;
      this.#log('info', `sold out after ${count.format(row.tMs)} ms`);
    }
    if (this.#state.phase === 'attacking' && row.tMs - this.#saidMs >= SAY_EVERY_MS) {
      this.#saidMs = row.tMs;
      this.#log(
        'debug',
        `${count.format(row.tMs)} ms: ${count.format(this.#state.sent)} sent, ${row.remaining === null ? '?' : count.format(row.remaining)} left, queue depth ${count.format(row.queueDepth)}, p99 ${row.p99Ms > 0 ? milliseconds(row.p99Ms) : '–'}`,
      );
    }
    this.#batch.push(row);
    const remaining = row.remaining ?? this.#state.remaining;
    this.#state = { ...this.#state, granted: this.#state.granted + row.granted, remaining };
    if (this.#batch.length >= SAMPLE_BATCH) this.#flush();
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const samples = this.#batch;
    this.#batch = [];
    this.#options.onSamples(this.#state.runId, samples);
    this.#options.onState(this.#state);
  }

  /** What made an attack fail: a part that is missing explains whatever failed after it. */
  #failureOf(error: unknown): FailureError['failure'] {
    const down = backendDown(this.#options.cluster);
    if (down) return down.failure;
    const failure =
      error instanceof FailureError
        ? error.failure
        : {
            code: 'attack.failed',
            message: `The attack could not be brought to a verdict: ${error instanceof Error ? error.message : String(error)}.`,
            fix: 'Look at the logs for the part that failed, then launch it again.',
          };
    const missing = this.#watch.missing();
    return missing.length === 0 ? failure : { ...failure, message: [failure.message, ...missing].join(' ') };
  }

  #fail(failure: FailureError['failure']): void {
    this.#log('error', failure.message);
    this.#set({ phase: 'failed', failure });
  }

  /**
   * Base URLs of the gateways to attack: those that answer. Requests to a frozen one would say nothing about the engine.
   * @throws FailureError `attack.targetUnreachable` when none does
   */
  async #targets(): Promise<string[]> {
    const { supervisor, gateways } = this.#options;
    const all = supervisor.gatewayUrls();
    const answering = await gateways.answering();
    const silent = all.filter((url) => !answering.includes(url));
    if (answering.length === 0)
      throw new FailureError({
        code: 'attack.targetUnreachable',
        message: all.length === 0 ? 'No gateway is running.' : `No gateway answers: ${silent.join(', ')}.`,
        fix: 'Look at the log of the gateways, or stop the cluster and start it again.',
      });
    if (silent.length > 0)
      this.#log(
        'warn',
        `${silent.join(', ')} does not answer and is left out; the attack goes to ${answering.length} of ${all.length} gateways`,
      );
    return answering;
  }

  #set(change: Partial<AttackState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onState(this.#state);
  }

  #log(level: LogLine['level'], text: string): void {
    this.#options.onLog({ atMs: Date.now(), part: 'attack', level, text });
  }
}

const count = new Intl.NumberFormat('en-US');

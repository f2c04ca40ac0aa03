/**
 * One attack from its sale to its record.
 *
 * It moves: preparing → attacking → draining → auditing → finished; any of them → failed, or cancelled when a person asks. It
 * owns the sale it opens, and closes it at the end, so that a late straggler can't sell after the verdict.
 */
import process from 'node:process';
import { SaleStore } from '../../../services/shared/sale-store.ts';
import { createRedis } from '../../../services/shared/redis.ts';
import { runAttack } from '../attack/attack-runner.ts';
import type { AttackInterval } from '../attack/interval-merger.ts';
import { totalRequests, type AttackSettings } from '../attack/profile.ts';
import { audit, countDeadFrames } from '../audit/audit.ts';
import { FailureError, type Cluster, type Endpoints, type LogLine } from '../cluster/cluster.ts';
import { engineDown } from '../cluster/engine-down.ts';
import type { AttackState } from '../contract.ts';
import { ReleaseStack } from '../lib/release-stack.ts';
import { buildRunRecord } from '../report/build-run-record.ts';
import type { Audit, Load, RunRecord, Sample } from '../report/run-record.ts';
import { titleOf } from '../report/run-text.ts';
import { tellVerdict } from '../report/verdict-text.ts';
import type { EngineClient } from '../sales/engine-client.ts';
import type { Supervisor } from '../services/supervisor.ts';
import { RunSeries, type EngineReading } from '../telemetry/run-series.ts';
import { Sampling } from '../telemetry/sampling.ts';
import { describeEnvironment } from './environment.ts';

/** Samples in one event. */
const SAMPLE_BATCH = 2;
/** ms between two lines that say how the attack goes, so that every moment of a chart has something to read in the logs. */
const SAY_EVERY_MS = 1_000;

export interface AttackSessionOptions {
  readonly settings: AttackSettings;
  readonly version: string;
  readonly namespace: string;
  readonly postgresSchema: string;
  readonly endpoints: Endpoints;
  readonly cluster: Pick<Cluster, 'provider' | 'engines'>;
  readonly supervisor: Supervisor;
  readonly engine: EngineClient;
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
  #state: AttackState;
  #batch: Sample[] = [];
  #isSoldOut = false;
  #saidMs = 0;
  #work: Promise<void> | undefined;

  constructor(options: AttackSessionOptions) {
    this.#options = options;
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
      acknowledged: 0,
      refused: 0,
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

  /**
   * Opens the sale and begins; answers as soon as the attack runs.
   * @throws FailureError when it can't begin
   */
  async begin(): Promise<AttackState> {
    const { settings, engine } = this.#options;
    this.#set({});
    try {
      await engine.openSale({
        id: this.#state.saleId,
        title: titleOf(settings),
        stock: settings.stock,
        perBuyerLimit: settings.perBuyerLimit,
        mode: settings.mode,
      });
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    this.#say(
      'info',
      `sale ${this.#state.saleId} is open: ${count.format(settings.stock)} on sale, mode ${settings.mode}`,
    );
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
    try {
      await this.#attackAndJudge();
    } catch (error) {
      if (this.#abort.signal.aborted) {
        this.#say('info', 'the attack was called off');
        this.#set({ phase: 'cancelled' });
      } else {
        // An engine that has ended explains whatever failed after it.
        this.#fail(engineDown(this.#options.cluster) ?? error);
      }
    } finally {
      await this.#undo
        .release()
        .catch((error: unknown) => this.#say('warn', `after the attack: ${String(error)}`));
    }
  }

  async #attackAndJudge(): Promise<void> {
    const { settings, supervisor, endpoints, namespace, postgresSchema } = this.#options;
    const { signal } = this.#abort;
    const saleId = this.#state.saleId;
    const redis = createRedis(endpoints.redisUrl, {
      role: 'control',
      onError: (error) => this.#say('warn', `redis: ${error.message}`),
    });
    this.#undo.add('redis', () => redis.disconnect());
    this.#undo.add('sale', () => this.#options.engine.changeSale(saleId, { status: 'closed' }));
    const store = new SaleStore(redis, namespace);
    const before = supervisor.totals.read();
    let peakFromMs = performance.now();
    const read = async (): Promise<EngineReading> => {
      const totals = supervisor.totals.read();
      const waiting = supervisor.totals.peakSince(peakFromMs);
      peakFromMs = performance.now();
      const sale = await store.readSale(saleId);
      return {
        decided: sale?.counters.decided ?? 0,
        granted: sale?.counters.granted ?? 0,
        committed: totals.committed - before.committed,
        queueDepthPeak: waiting.queueDepth,
        unconfirmedPeak: waiting.unconfirmed,
        remainingNow: sale?.counters.remaining ?? 0,
      };
    };

    const deadBefore = await countDeadFrames(endpoints.amqpUrl, namespace);
    const sampling = new Sampling(read, (tMs, reading) => this.#series.take(tMs, reading));
    this.#undo.add('sampling', () => sampling.end());
    const { load, ledger } = await runAttack({
      settings,
      saleId,
      targets: await this.#targets(),
      generatorModule: this.#options.generatorModule,
      signal,
      onStart: (startAtMs) => {
        this.#set({ phase: 'attacking', firstRequestAtMs: startAtMs });
        this.#say('info', `the first request leaves: ${titleOf(settings)}`);
        sampling.begin(startAtMs);
      },
      onInterval: (interval) => this.#takeInterval(interval),
      env: { ...process.env, ...this.#options.childEnv },
      dataDir: this.#options.dataDir,
      onLog: this.#options.onLog,
    });
    this.#series.endLoad();
    this.#set({ load, progress: 1, phase: 'draining' });
    this.#say(
      'info',
      `every request is answered or given up: ${count.format(load.acknowledged)} got a place in line, ${count.format(load.refused)} were refused at the door, ${count.format(load.unknown)} got no answer`,
    );
    const found = await audit({
      sale: { id: saleId, stock: settings.stock, perBuyerLimit: settings.perBuyerLimit },
      ledger,
      endpoints,
      namespace,
      postgresSchema,
      drainTimeoutMs: settings.drainTimeoutMs,
      isEngineLost: () => engineDown(this.#options.cluster) !== undefined,
      signal,
      deadBefore,
      onDrained: () => {
        // The audit looks again when something is pending; it is one audit all the same.
        if (this.#state.phase !== 'auditing') this.#say('info', 'the queue is empty: the audit begins');
        this.#set({ phase: 'auditing' });
      },
    });
    await sampling.end();
    // The last row brings what the sampling had not seen yet, so that the sums are the totals.
    const reading = await read();
    this.#series.finish(sampling.elapsedMs(), {
      ...reading,
      committed: Math.max(reading.committed, found.sold),
      queueDepthPeak: found.pending,
    });
    this.#flush();
    await this.#conclude(load, found);
  }

  async #conclude(load: Load, found: Audit): Promise<void> {
    const { settings, cluster, supervisor, version } = this.#options;
    const record = buildRunRecord({
      id: this.#state.runId,
      saleId: this.#state.saleId,
      startedAtMs: this.#state.startedAtMs,
      firstRequestAtMs: this.#state.firstRequestAtMs,
      finishedAtMs: Date.now(),
      attack: settings,
      workersKilledAtMs: this.#state.workersKilledAtMs,
      load,
      audit: found,
      environment: describeEnvironment(version, cluster, supervisor.states()),
      series: [...this.#series.rows()],
    });
    const { headline, detail } = tellVerdict(record);
    this.#say(
      record.verdict === 'pass' ? 'info' : 'warn',
      `verdict: ${[headline, detail, ...record.reasons].join(' ')}`,
    );
    await this.#options.onRecord(record);
    this.#set({
      phase: 'finished',
      audit: found,
      verdict: record.verdict,
      reasons: record.reasons,
      granted: found.granted,
      remaining: Math.max(0, found.stock - found.sold),
    });
  }

  #takeInterval(interval: AttackInterval): void {
    this.#series.addLoad(interval);
    const { sent, acknowledged, refused, unknown } = this.#state;
    const answered =
      acknowledged + refused + unknown + interval.acknowledged + interval.refused + interval.unknown;
    this.#state = {
      ...this.#state,
      sent: sent + interval.sent,
      acknowledged: acknowledged + interval.acknowledged,
      refused: refused + interval.refused,
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
      this.#say('warn', `${id} is killed on purpose, at ${Math.round(progress * 100)} % of the requests`);
      supervisor.kill(id);
    }
    this.#set({ workersKilledAtMs: Math.max(0, Date.now() - (firstRequestAtMs ?? Date.now())) });
  }

  #addRow(row: Sample): void {
    if (row.remaining === 0 && this.#state.granted + row.granted > 0 && !this.#isSoldOut) {
      this.#isSoldOut = true;
      this.#say('info', `sold out after ${count.format(row.tMs)} ms`);
    }
    if (this.#state.phase === 'attacking' && row.tMs - this.#saidMs >= SAY_EVERY_MS) {
      this.#saidMs = row.tMs;
      this.#say(
        'debug',
        `${count.format(row.tMs)} ms: ${count.format(this.#state.sent)} asked, ${count.format(row.remaining)} left, ${count.format(row.queueDepth)} in line, p99 ${Math.round(row.p99Ms)} ms`,
      );
    }
    this.#batch.push(row);
    this.#state = { ...this.#state, granted: this.#state.granted + row.granted, remaining: row.remaining };
    if (this.#batch.length >= SAMPLE_BATCH) this.#flush();
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const samples = this.#batch;
    this.#batch = [];
    this.#options.onSamples(this.#state.runId, samples);
    this.#options.onState(this.#state);
  }

  #fail(error: unknown): void {
    const failure =
      error instanceof FailureError
        ? error.failure
        : {
            code: 'attack.failed',
            message: `The attack could not be brought to a verdict: ${error instanceof Error ? error.message : String(error)}`,
            fix: 'Look at the logs for the part that failed, then launch it again.',
          };
    this.#say('error', failure.message);
    this.#set({ phase: 'failed', failure });
  }

  /**
   * Base URLs of the gateways to attack: those that answer. Requests to a frozen one would say nothing about the engine.
   * @throws FailureError `attack.targetUnreachable` when none does
   */
  async #targets(): Promise<string[]> {
    const { supervisor, engine } = this.#options;
    const all = supervisor.gatewayUrls();
    const answering = await engine.answering();
    const silent = all.filter((url) => !answering.includes(url));
    if (answering.length === 0)
      throw new FailureError({
        code: 'attack.targetUnreachable',
        message: all.length === 0 ? 'No gateway is running.' : `No gateway answers: ${silent.join(', ')}.`,
        fix: 'Look at the log of the gateways, or stop the cluster and start it again.',
      });
    if (silent.length > 0)
      this.#say(
        'warn',
        `${silent.join(', ')} does not answer and is left out; the attack goes to ${answering.length} of ${all.length} gateways`,
      );
    return answering;
  }

  #set(change: Partial<AttackState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onState(this.#state);
  }

  #say(level: LogLine['level'], text: string): void {
    this.#options.onLog({ atMs: Date.now(), part: 'attack', level, text });
  }
}

const count = new Intl.NumberFormat('en-US');

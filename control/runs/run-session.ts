/**
 * The life of a run, whatever is attacked: its state, its load, its record, its end. What happens in it is the subclass's.
 *
 * Phases: preparing → attacking → draining → auditing → finished; from each of them → failed, or → cancelled when a person
 * asks. Its record is kept however it ends.
 */
import { hashArrivals } from '../audit/ledger.ts';
import process from 'node:process';
import { totalRequests, totalStock, type AttackSettings } from '../../contract/attack-settings.ts';
import { FailureError, type Failure } from '../../contract/failure.ts';
import { whole } from '../../contract/format.ts';
import { notesOf } from '../../contract/run-notes.ts';
import type { Audit, Load, RunRecord, Sample } from '../../contract/run-record.ts';
import { titleOf } from '../../contract/run-text.ts';
import type { AttackState, LogLine } from '../../contract/state.ts';
import { queueWorth } from '../../contract/queue-worth.ts';
import { describeVerdict } from '../../contract/verdict-text.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { runAttack, type AttackOptions, type AttackOutcome } from '../attack/runner/attack-runner.ts';
import type { AttackInterval } from '../attack/runner/interval-merger.ts';
import type { JudgedSale } from '../audit/several-sales.ts';
import type { EvidenceRun } from '../evidence/evidence-records.ts';
import { withoutProxy } from '../lib/loopback.ts';
import { HeatSeries } from '../telemetry/heat-series.ts';
import type { RunTelemetry } from '../telemetry/run-telemetry.ts';
import { SampleFeed } from '../telemetry/sample-feed.ts';
import { buildRunRecord, type RunParts } from './build-run-record.ts';
import { IncidentWatch } from './incident-watch.ts';
import { unfinishedRun } from './unfinished-run.ts';

export interface RunSessionOptions {
  readonly settings: AttackSettings;
  /** That the run belongs to. */
  readonly group?: string | undefined;
  readonly version: string;
  readonly generatorModule: string;
  readonly childEnv: NodeJS.ProcessEnv;
  readonly dataDir: string;
  onState(state: AttackState): void;
  onSamples(runId: string, samples: Sample[]): void;
  onLog(line: LogLine): void;
  /** What the same crowd did to a design without a queue, where such a run is kept. */
  findWithoutQueue?(record: RunRecord): Promise<RunRecord['withoutQueue']>;
  /** Keeps the record; the attack counts as finished only after it. */
  onRecord(record: RunRecord): Promise<void>;
  /** Keeps what the verdict rests on, and gives its root. */
  saveEvidence(run: EvidenceRun, judged: readonly JudgedSale[]): Promise<string>;
}

/** What only the subclass knows of its record. */
export type OwnParts = Pick<RunParts, 'environment'> &
  Partial<Pick<RunParts, 'target' | 'faults' | 'planted' | 'coverage'>>;

export abstract class RunSession<Options extends RunSessionOptions = RunSessionOptions> {
  protected readonly options: Options;
  protected readonly abort = new AbortController();
  protected readonly watch: IncidentWatch;
  protected readonly feed: SampleFeed;
  /** Of the run, once it measures. */
  protected abstract readonly telemetry: RunTelemetry | undefined;
  readonly #heat = new HeatSeries();
  #arrivals: string | undefined;
  #state: AttackState;
  #work: Promise<void> | undefined;

  protected constructor(options: Options, watched: ConstructorParameters<typeof IncidentWatch>[0]) {
    this.options = options;
    this.watch = new IncidentWatch(watched, (text) => {
      this.log('warn', text);
      // The charts mark an incident at once.
      const { firstRequestAtMs } = this.#state;
      if (firstRequestAtMs !== undefined && this.isActive)
        this.set({ incidents: this.watch.incidents(firstRequestAtMs) });
    });
    this.feed = new SampleFeed({
      onSamples: (samples) => {
        options.onSamples(this.#state.runId, samples);
        options.onState(this.#state);
      },
      onLog: (level, text) => this.log(level, text),
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
      remaining: totalStock(options.settings),
      reasons: [],
    };
  }

  /** Attacks, judges and concludes. */
  protected abstract attackAndJudge(): Promise<void>;
  /** Gives back all that the run has taken, however it ended. */
  protected abstract release(): Promise<void>;
  protected abstract ownParts(): Promise<OwnParts>;

  get state(): AttackState {
    return this.#state;
  }

  get isActive(): boolean {
    return !['finished', 'failed', 'cancelled'].includes(this.#state.phase);
  }

  samples(): readonly Sample[] {
    return this.telemetry?.rows() ?? [];
  }

  /** Begins, and returns at once. Whatever fails from here on ends a run that is kept. */
  begin(): AttackState {
    this.set({});
    this.#work = this.#run();
    return this.#state;
  }

  /** Resolves when nothing of the attack runs, with its last state. */
  async whenOver(): Promise<AttackState> {
    await this.#work;
    return this.#state;
  }

  /** Ends the attack; resolves when nothing of it runs. */
  async cancel(): Promise<void> {
    if (!this.isActive) return;
    this.abort.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    this.watch.start();
    let failure: Failure | undefined;
    try {
      await this.attackAndJudge();
      return;
    } catch (error) {
      if (!this.abort.signal.aborted) failure = this.failureOf(error);
    } finally {
      this.watch.end();
      await this.release().catch((error: unknown) =>
        this.log('warn', `after the attack: ${errorText(error)}`),
      );
    }
    await this.#keepUnfinished(failure);
    this.log(failure ? 'error' : 'info', failure?.message ?? 'the attack was cancelled');
    this.set(failure ? { phase: 'failed', failure } : { phase: 'cancelled' });
  }

  /**
   * Sends all requests. Afterwards the run is draining.
   * @param who whom the first request leaves for, and who rejects, as words of the log
   */
  protected async sendLoad(
    how: Pick<AttackOptions, 'settings' | 'targets' | 'target' | 'foreign'>,
    telemetry: RunTelemetry,
    who: { readonly to?: string; readonly by: string },
    onStart: (startAtMs: number) => void = () => undefined,
  ): Promise<AttackOutcome> {
    const { generatorModule, childEnv, dataDir, onLog } = this.options;
    const outcome = await runAttack({
      ...how,
      saleId: this.#state.saleId,
      generatorModule,
      signal: this.abort.signal,
      onStart: (startAtMs) => {
        this.set({ phase: 'attacking', firstRequestAtMs: startAtMs });
        const to = who.to === undefined ? '' : ` for ${who.to}`;
        this.log('info', `the first request leaves${to}: ${titleOf(how.settings)}`);
        telemetry.begin(startAtMs, how.settings.profile === 'burst');
        onStart(startAtMs);
      },
      onInterval: (interval) => this.handleInterval(interval),
      env: { ...withoutProxy(process.env), ...childEnv },
      dataDir,
      onLog,
    });
    telemetry.endLoad();
    const { load } = outcome;
    this.#arrivals = hashArrivals(outcome.ledger);
    this.set({ load, progress: 1, phase: 'draining' });
    this.log(
      'info',
      `all requests are answered or given up: ${whole(load.accepted)} accepted, ${whole(load.rejected)} rejected by ${who.by}, ${whole(load.unknown)} without a clear answer`,
    );
    return outcome;
  }

  protected handleInterval(interval: AttackInterval): void {
    this.telemetry?.addLoad(interval);
    this.#heat.add(interval);
    const { sent, accepted, rejected, unknown, settings, firstRequestAtMs = 0 } = this.#state;
    this.watch.handleInterval(interval, firstRequestAtMs + interval.tMs);
    const answered = accepted + rejected + unknown + interval.accepted + interval.rejected + interval.unknown;
    this.change({
      sent: sent + interval.sent,
      accepted: accepted + interval.accepted,
      rejected: rejected + interval.rejected,
      unknown: unknown + interval.unknown,
      progress: Math.min(1, answered / totalRequests(settings)),
    });
  }

  /**
   * Ends a run that was judged.
   * @param settle what is left to do once the record is kept
   */
  protected async conclude(
    load: Load,
    audit: Audit,
    judgedSales: readonly JudgedSale[] | undefined,
    settle: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    this.watch.look();
    const judged = await this.#recordOf({ end: 'finished', load, audit });
    const evidenceRoot = judgedSales && (await this.#saveEvidence(judged, judgedSales));
    const withoutQueue = await this.options.findWithoutQueue?.(judged);
    const record = {
      ...judged,
      ...(evidenceRoot === undefined ? {} : { evidenceRoot }),
      ...(withoutQueue === undefined ? {} : { withoutQueue }),
    };
    const { headline, detail } = describeVerdict(record);
    this.log(
      record.verdict === 'pass' ? 'info' : 'warn',
      `verdict: ${[headline, detail, ...record.reasons, ...notesOf(record)].join(' ')}`,
    );
    await this.options.onRecord(record);
    await settle();
    this.set({
      phase: 'finished',
      audit,
      verdict: record.verdict,
      reasons: record.reasons,
      ...told(record),
      granted: audit.granted,
      remaining: Math.max(0, audit.stock - audit.sold),
    });
  }

  /** Without its evidence a run is kept all the same: its verdict stands, only nobody else can judge it. */
  async #saveEvidence(record: RunRecord, judged: readonly JudgedSale[]): Promise<string | undefined> {
    const { id, startedAt, target, attack, environment, incidents, coverage } = record;
    try {
      const run = { id, startedAt, target, attack, environment, incidents, coverage };
      return await this.options.saveEvidence(run, judged);
    } catch (error) {
      this.log('warn', `the evidence of ${id} could not be kept: ${errorText(error)}`);
      return undefined;
    }
  }

  async #recordOf(parts: Pick<RunParts, 'end' | 'endReason' | 'load' | 'audit'>): Promise<RunRecord> {
    const { runId, saleId, settings, startedAtMs, firstRequestAtMs } = this.#state;
    const { group } = this.options;
    return buildRunRecord({
      id: runId,
      saleId,
      startedAtMs,
      firstRequestAtMs,
      finishedAtMs: Date.now(),
      ...(group === undefined ? {} : { group }),
      attack: settings,
      clocks: this.watch.clocks(),
      incidents: this.watch.incidents(firstRequestAtMs ?? startedAtMs),
      latencyHeat: this.#heat.data(),
      ...(this.#arrivals === undefined ? {} : { arrivals: this.#arrivals }),
      series: [...this.samples()],
      ...(await this.ownParts()),
      ...parts,
    });
  }

  async #keepUnfinished(failure: Failure | undefined): Promise<void> {
    const record = await this.#recordOf(unfinishedRun(this.#state, failure, this.countedSoFar()));
    await this.options.onRecord(record).catch((error: unknown) => this.log('error', errorText(error)));
    this.set(told(record));
  }

  /** What a run without an audit knows by itself. */
  protected countedSoFar(): Pick<Audit, 'refused' | 'isSaleClosed'> {
    return { refused: this.samples().reduce((sum, row) => sum + row.refused, 0) };
  }

  /** Why the attack failed. */
  protected failureOf(error: unknown): Failure {
    if (error instanceof FailureError) return error.failure;
    return {
      code: 'attack.failed',
      message: `The attack could not be brought to a verdict: ${errorText(error)}.`,
      fix: 'Look at the logs for the part that failed, then launch it again.',
    };
  }

  /** Changes the state, and tells nobody yet. */
  protected change(change: Partial<AttackState>): void {
    this.#state = { ...this.#state, ...change };
  }

  protected set(change: Partial<AttackState>): void {
    this.change(change);
    this.options.onState(this.#state);
  }

  protected log(level: LogLine['level'], text: string): void {
    this.options.onLog({ atMs: Date.now(), part: 'attack', level, text });
  }
}

/** What the state tells of a record. */
const told = (record: RunRecord) => {
  const { incidents = [], exitCode, coverage, speed } = record;
  const worth = queueWorth(record);
  return {
    incidents,
    exitCode,
    ...(worth === undefined ? {} : { queueWorth: worth }),
    ...(speed && { speed }),
    ...(coverage === undefined ? {} : { coverage }),
  };
};

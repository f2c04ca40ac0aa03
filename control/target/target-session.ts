/**
 * One attack on a shop that is not ours, from its adapter to its record.
 *
 * Phases as in attack-session.ts: preparing → attacking → draining (what is decided later) → auditing → finished; from each
 * of them → failed, or → cancelled when a person asks. It starts no backend and breaks none.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { totalRequests, type AttackSettings } from '../../contract/attack-settings.ts';
import { FailureError, type Failure } from '../../contract/failure.ts';
import { whole } from '../../contract/format.ts';
import { notesOf } from '../../contract/run-notes.ts';
import type { Audit, RunRecord, Sample } from '../../contract/run-record.ts';
import { titleOf } from '../../contract/run-text.ts';
import type { AttackState, LogLine } from '../../contract/state.ts';
import type { Target } from '../../contract/target.ts';
import { describeVerdict } from '../../contract/verdict-text.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { runAttack } from '../attack/runner/attack-runner.ts';
import type { AttackInterval } from '../attack/runner/interval-merger.ts';
import { judge } from '../audit/audit.ts';
import type { Evidence } from '../audit/evidence.ts';
import type { LoadLedger } from '../audit/ledger.ts';
import type { EvidenceRun } from '../evidence/evidence-records.ts';
import { withoutProxy } from '../lib/loopback.ts';
import { buildRunRecord, type RunParts } from '../runs/build-run-record.ts';
import { describeEnvironment } from '../runs/environment.ts';
import { IncidentWatch } from '../runs/incident-watch.ts';
import { unfinishedRun } from '../runs/unfinished-run.ts';
import { ServiceTotals } from '../services/service-totals.ts';
import { HeatSeries } from '../telemetry/heat-series.ts';
import { RunTelemetry } from '../telemetry/run-telemetry.ts';
import { SampleFeed } from '../telemetry/sample-feed.ts';
import { shopEvidence } from './shop-evidence.ts';
import { toldBy } from './shop-ledger.ts';
import { openReader, type Decided, type Owned, type ShopReader } from './shop-reader.ts';

/** Outcomes asked for at once. */
const ASKED_AT_ONCE = 8;
/** ms between two looks at what is not decided, and at owners that may still grow. */
const LOOK_MS = 250;

export interface TargetSessionOptions {
  readonly settings: AttackSettings;
  readonly target: Target;
  readonly group?: string | undefined;
  readonly version: string;
  readonly generatorModule: string;
  readonly childEnv: NodeJS.ProcessEnv;
  readonly dataDir: string;
  onState(state: AttackState): void;
  onSamples(runId: string, samples: Sample[]): void;
  onLog(line: LogLine): void;
  /** Keeps the record; the attack counts as finished only after it. */
  onRecord(record: RunRecord): Promise<void>;
  saveEvidence(run: EvidenceRun, evidence: Evidence, audit: Audit): Promise<string>;
}

const NO_BACKENDS = { provider: 'none', backends: () => [] } as const;

export class TargetSession {
  readonly #options: TargetSessionOptions;
  readonly #abort = new AbortController();
  readonly #watch: IncidentWatch;
  readonly #feed: SampleFeed;
  readonly #heat = new HeatSeries();
  readonly #telemetry: RunTelemetry;
  #state: AttackState;
  #work: Promise<void> | undefined;

  constructor(options: TargetSessionOptions) {
    this.#options = options;
    const { settings, target } = options;
    const totals = new ServiceTotals();
    const log = (level: LogLine['level'], text: string) => this.#log(level, text);
    this.#watch = new IncidentWatch(
      { supervisor: { states: () => [], totals }, cluster: NO_BACKENDS },
      (text) => log('warn', text),
    );
    this.#feed = new SampleFeed({
      onSamples: (samples) => {
        options.onSamples(this.#state.runId, samples);
        options.onState(this.#state);
      },
      onLog: log,
    });
    this.#telemetry = new RunTelemetry({
      totals,
      readSale: () => Promise.resolve(undefined),
      onRow: (row) => this.#feed.add(ofShop(row), this.#state),
    });
    const startedAtMs = Date.now();
    const runId = `run-${startedAtMs.toString(36)}`;
    const { name, url, file } = target;
    this.#state = {
      runId,
      saleId: runId,
      phase: 'preparing',
      settings,
      target: { name, url: new URL(url).origin, file },
      startedAtMs,
      progress: 0,
      sent: 0,
      accepted: 0,
      rejected: 0,
      unknown: 0,
      granted: 0,
      remaining: settings.stock,
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
    return this.#telemetry.rows().map(ofShop);
  }

  /** Begins, and returns at once. Whatever fails from here on ends a run that is kept. */
  begin(): AttackState {
    this.#set({});
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
    this.#abort.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    this.#watch.start();
    let failure: Failure | undefined;
    try {
      await this.#attackAndJudge();
      return;
    } catch (error) {
      if (!this.#abort.signal.aborted) failure = failureOf(error);
    } finally {
      this.#watch.end();
      await this.#telemetry.end();
    }
    const record = await this.#recordOf(unfinishedRun(this.#state, failure, { refused: 0 }));
    await this.#options.onRecord(record).catch((error: unknown) => this.#log('error', errorText(error)));
    this.#log(failure ? 'error' : 'info', failure?.message ?? 'the attack was cancelled');
    this.#set({
      exitCode: record.exitCode,
      ...(failure ? { phase: 'failed', failure } : { phase: 'cancelled' }),
    });
  }

  async #attackAndJudge(): Promise<void> {
    const { target, generatorModule, childEnv, dataDir, onLog } = this.#options;
    const { signal } = this.#abort;
    const reader = await openReader(target);
    const settings = await this.#prepare(reader);
    signal.throwIfAborted();
    const { load, ledger } = await runAttack({
      settings,
      saleId: this.#state.saleId,
      targets: [target.url],
      target,
      generatorModule,
      signal,
      onStart: (startAtMs) => {
        this.#set({ phase: 'attacking', firstRequestAtMs: startAtMs });
        this.#log('info', `the first request leaves for ${target.name}: ${titleOf(settings)}`);
        this.#telemetry.begin(startAtMs);
      },
      onInterval: (interval) => this.#handleInterval(interval),
      env: { ...withoutProxy(process.env), ...childEnv },
      dataDir,
      onLog,
    });
    this.#telemetry.endLoad();
    this.#set({ load, progress: 1, phase: 'draining' });
    this.#log(
      'info',
      `all requests are answered or given up: ${whole(load.accepted)} accepted, ${whole(load.rejected)} rejected by the shop, ${whole(load.unknown)} without a clear answer`,
    );
    const answeredAtMs = performance.now();
    const deadlineMs = answeredAtMs + settings.drainTimeoutMs;
    const outcomes = reader.outcome && (await this.#readOutcomes(reader.outcome, ledger, deadlineMs));
    const owners = await this.#readOwners(reader, deadlineMs);
    this.#set({ phase: 'auditing' });
    const left = typeof reader.stock === 'number' ? undefined : await reader.stock();
    signal.throwIfAborted();
    const hasLimit = target.limit !== undefined;
    const perBuyerLimit = hasLimit ? settings.perBuyerLimit : settings.requestsPerBuyer;
    const evidence = shopEvidence({
      seen: ledger,
      owners,
      outcomes,
      left,
      sale: { id: this.#state.saleId, stock: settings.stock, perBuyerLimit },
      reader,
      hasLimit,
    });
    const audit = judge(evidence, performance.now() - answeredAtMs);
    await this.#telemetry.finish(audit);
    this.#feed.flush();
    this.#watch.look();
    await this.#conclude(await this.#recordOf({ end: 'finished', load, audit }), evidence);
  }

  /** The settings with the stock and the limit of the adapter; the sale is empty by then. */
  async #prepare(reader: ShopReader): Promise<AttackSettings> {
    const { settings, target } = this.#options;
    await reader.reset?.();
    const owned = (await reader.owners()).length;
    if (owned > 0)
      throw new FailureError({
        code: 'target.notEmpty',
        message: `The shop ${target.name} has ${whole(owned)} units with an owner before the attack: its verdict could not tell them from those of the attack.`,
        fix: 'Empty the sale, or name the request that does it as "reset" in the adapter.',
      });
    const stock = typeof reader.stock === 'number' ? reader.stock : await reader.stock();
    if (!Number.isInteger(stock) || stock < 1)
      throw new FailureError({
        code: 'target.notAnswering',
        message: `The shop ${target.name} says that ${stock} units are left before the attack: there is nothing to sell.`,
        fix: 'Fill the sale, or correct "stock" in the adapter.',
      });
    const known = { ...settings, stock, perBuyerLimit: target.limit ?? settings.perBuyerLimit };
    this.#set({ settings: known, remaining: stock });
    return known;
  }

  /** Asks what became of each accepted request until all are decided, or the time is over. */
  async #readOutcomes(
    ask: NonNullable<ShopReader['outcome']>,
    ledger: LoadLedger,
    deadlineMs: number,
  ): Promise<ReadonlyMap<number, Decided>> {
    const { signal } = this.#abort;
    const outcomes = new Map<number, Decided>();
    let open: number[] = [];
    for (let at = 0; at < ledger.count; at++) if (ledger.status(at) === 'accepted') open.push(at);
    while (open.length > 0) {
      const rest = open.values();
      const still: number[] = [];
      const askInTurn = async () => {
        for (const request of rest) {
          signal.throwIfAborted();
          const { id } = toldBy(ledger, request);
          const found =
            performance.now() < deadlineMs ? await ask({ id, buyer: ledger.userId(request) }) : 'pending';
          if (found === 'pending') still.push(request);
          else outcomes.set(request, found);
        }
      };
      await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askInTurn));
      open = still;
      if (open.length === 0 || performance.now() >= deadlineMs) break;
      await sleep(LOOK_MS, undefined, { signal });
    }
    return outcomes;
  }

  /** The owners, once two looks find the same number: a request without an answer may still be at work. */
  async #readOwners(reader: ShopReader, deadlineMs: number): Promise<readonly Owned[]> {
    let owners = await reader.owners();
    for (;;) {
      await sleep(LOOK_MS, undefined, { signal: this.#abort.signal });
      const again = await reader.owners();
      if (again.length === owners.length || performance.now() >= deadlineMs) return again;
      owners = again;
    }
  }

  async #conclude(judged: RunRecord, evidence: Evidence): Promise<void> {
    const { audit } = judged;
    const { id, startedAt, target, attack, environment, incidents } = judged;
    const run = { id, startedAt, target, attack, environment, incidents };
    const evidenceRoot = await this.#options.saveEvidence(run, evidence, audit).catch((error: unknown) => {
      this.#log('warn', `the evidence of ${id} could not be kept: ${errorText(error)}`);
      return undefined;
    });
    const record = evidenceRoot === undefined ? judged : { ...judged, evidenceRoot };
    const { headline, detail } = describeVerdict(record);
    const level = record.verdict === 'pass' ? 'info' : 'warn';
    this.#log(level, `verdict: ${[headline, detail, ...record.reasons, ...notesOf(record)].join(' ')}`);
    await this.#options.onRecord(record);
    this.#set({
      phase: 'finished',
      audit,
      verdict: record.verdict,
      exitCode: record.exitCode,
      reasons: record.reasons,
      incidents: record.incidents ?? [],
      granted: audit.granted,
      remaining: Math.max(0, audit.stock - audit.sold),
    });
  }

  async #recordOf(parts: Pick<RunParts, 'end' | 'endReason' | 'load' | 'audit'>): Promise<RunRecord> {
    const { runId, saleId, settings, target, startedAtMs, firstRequestAtMs } = this.#state;
    const { group } = this.#options;
    return buildRunRecord({
      id: runId,
      saleId,
      target,
      ...(group === undefined ? {} : { group }),
      startedAtMs,
      firstRequestAtMs,
      finishedAtMs: Date.now(),
      attack: settings,
      clocks: this.#watch.clocks(),
      incidents: this.#watch.incidents(firstRequestAtMs ?? startedAtMs),
      latencyHeat: this.#heat.data(),
      environment: await describeEnvironment(this.#options.version, NO_BACKENDS, []),
      series: [...this.samples()],
      ...parts,
    });
  }

  #handleInterval(interval: AttackInterval): void {
    this.#telemetry.addLoad(interval);
    this.#heat.add(interval);
    this.#watch.handleInterval(interval, (this.#state.firstRequestAtMs ?? 0) + interval.tMs);
    const { sent, accepted, rejected, unknown, settings } = this.#state;
    const answered = accepted + rejected + unknown + interval.accepted + interval.rejected + interval.unknown;
    this.#state = {
      ...this.#state,
      sent: sent + interval.sent,
      accepted: accepted + interval.accepted,
      rejected: rejected + interval.rejected,
      unknown: unknown + interval.unknown,
      progress: Math.min(1, answered / totalRequests(settings)),
    };
  }

  #set(change: Partial<AttackState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onState(this.#state);
  }

  #log(level: LogLine['level'], text: string): void {
    this.#options.onLog({ atMs: Date.now(), part: 'attack', level, text });
  }
}

/** What nobody measured is left out: there is no look at the stock during the attack, and no Postgres of ours. */
const ofShop = (row: Sample): Sample => ({ ...row, remaining: null, committed: 0 });

function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  return {
    code: 'attack.failed',
    message: `The attack could not be brought to a verdict: ${errorText(error)}.`,
    fix: 'Look at the logs for the part that failed, then launch it again.',
  };
}

/**
 * The lab: the same buyers come to one design after the other, each audited by the same checks.
 *
 * Phases: idle → running → idle; running → stopping → idle when a person asks.
 */
import { checkState } from '../contract/checks.ts';
import { CHECKS } from '../contract/checks.ts';
import type { DesignId } from '../contract/designs.ts';
import { FailureError, type Failure } from '../contract/failure.ts';
import {
  LAB_EXPORTS,
  type LabFormat,
  labAttacks,
  labSettings,
  type LabAttack,
  type LabPlan,
  type LabResult,
  type LabState,
} from '../contract/lab.ts';
import { labMarkdown } from '../contract/lab-report.ts';
import type { ExportedFile } from '../contract/export-formats.ts';
import { withheldOf } from '../contract/run-notes.ts';
import type { RunRecord } from '../contract/run-record.ts';
import type { LogLine } from '../contract/state.ts';
import { errorText } from '../services/shared/error-text.ts';
import { attackToEnd } from './attack-to-end.ts';
import type { Attacks } from './attacks.ts';
import type { Deployment } from './cluster/cluster.ts';
import { exportLabHtml } from './export/export-lab-html.ts';
import { DesignShop } from './lab/design-shop.ts';

export interface LabOptions {
  readonly version: string;
  readonly attacks: Pick<Attacks, 'launch' | 'launchTarget' | 'cancel' | 'whenOver' | 'refuseWhileActive'>;
  /** The built design, and what it gets. */
  readonly modulePath: string;
  readonly env: NodeJS.ProcessEnv;
  /** @throws FailureError `cluster.notRunning` */
  deployment(): Deployment;
  /** CPU time of gateways and workers since the cluster began, in µs. */
  cpuMicros(): number;
  getRun(id: string): Promise<RunRecord>;
  onState(state: LabState): void;
  onResult(result: LabResult): void;
  onLog(line: LogLine): void;
}

export class Lab {
  readonly #options: LabOptions;
  #state: LabState = { phase: 'idle', total: 0, done: 0 };
  #abort: AbortController | undefined;
  #work: Promise<void> | undefined;
  /** Before the design's name: the runs of one design are a group, which `compare` takes. */
  #group = '';
  #results: LabResult[] = [];

  constructor(options: LabOptions) {
    this.#options = options;
  }

  get state(): LabState {
    return this.#state;
  }

  /** Of the lab that runs, or of the last one. */
  get results(): readonly LabResult[] {
    return this.#results;
  }

  export(format: LabFormat): ExportedFile {
    const { extension, mediaType } = LAB_EXPORTS[format];
    const results = this.#results;
    const text = {
      html: () => exportLabHtml(results, { version: this.#options.version, atMs: Date.now() }),
      md: () => labMarkdown(results),
      json: () => `${JSON.stringify({ plan: this.#state.plan, results }, null, 2)}\n`,
    }[format]();
    return { fileName: `flashgrid-lab.${extension}`, mediaType, text };
  }

  /** @throws FailureError `lab.busy` */
  refuseWhileRunning(): void {
    const { phase, done, total } = this.#state;
    if (phase === 'idle') return;
    throw new FailureError({
      code: 'lab.busy',
      message: `The lab is running: ${done} of ${total} attacks are done.`,
      fix: 'Wait for its end, or stop it.',
    });
  }

  /**
   * Begins the attacks of a plan, and returns at once.
   * @throws FailureError `lab.busy`, `attack.busy`, `cluster.notRunning`
   */
  start(plan: LabPlan): LabState {
    this.refuseWhileRunning();
    this.#options.attacks.refuseWhileActive();
    this.#options.deployment();
    const attacks = labAttacks(plan);
    this.#results = [];
    this.#group = `group-lab-${Date.now().toString(36)}`;
    const abort = new AbortController();
    this.#abort = abort;
    this.#state = { phase: 'running', plan, total: attacks.length, done: 0 };
    this.#set({});
    this.#work = this.#run(plan, attacks, abort.signal);
    return this.#state;
  }

  /** Ends the lab; resolves when nothing of it runs. */
  async stop(): Promise<void> {
    if (this.#state.phase === 'running') {
      this.#set({ phase: 'stopping' });
      this.#abort?.abort();
      await this.#options.attacks.cancel();
    }
    await this.#work;
  }

  async #run(plan: LabPlan, attacks: readonly LabAttack[], signal: AbortSignal): Promise<void> {
    let failure: Failure | undefined;
    try {
      for (const attack of attacks) {
        signal.throwIfAborted();
        this.#set({ current: attack });
        const result = await this.#attack(plan, attack, signal);
        this.#results.push(result);
        this.#options.onResult(result);
        this.#set({ done: this.#state.done + 1 });
      }
    } catch (error) {
      if (!signal.aborted) failure = failureOf(error);
    }
    this.#state = { ...this.#state, phase: 'idle', ...(failure ? { failure } : {}) };
    delete this.#state.current;
    this.#options.onState(this.#state);
  }

  async #attack(plan: LabPlan, { design, round }: LabAttack, signal: AbortSignal): Promise<LabResult> {
    const { attacks } = this.#options;
    const settings = labSettings(plan, round);
    const group = `${this.#group}-${design}`;
    const bet = plan.bets[design];
    const betted = bet === undefined ? {} : { bet };
    if (design === 'flashgrid') {
      const before = this.#options.cpuMicros();
      const { runId } = await attacks.launch(settings, group);
      const record = await attackToEnd({ ...this.#options, name: 'the lab' }, runId, signal);
      return {
        ...resultOf(design, round, record),
        ...betted,
        ...perRequest(this.#options.cpuMicros() - before, record),
      };
    }
    const { modulePath, env, onLog } = this.#options;
    const shop = await DesignShop.open(design, {
      modulePath,
      env,
      deployment: this.#options.deployment(),
      onLog,
    });
    try {
      const target = shop.target(plan.stock);
      const before = await shop.notes();
      const { runId } = await attacks.launchTarget(settings, target, { isOwn: false, group });
      const record = await attackToEnd({ ...this.#options, name: 'the lab' }, runId, signal);
      const after = await shop.notes();
      const witness = await shop.doubleSale(plan.stock);
      return {
        ...resultOf(design, round, record),
        ...betted,
        ...perRequest((after.cpuMs - before.cpuMs) * 1_000, record),
        costs: after.costs,
        ...(witness ? { witness } : {}),
      };
    } finally {
      await shop.close();
    }
  }

  #set(change: Partial<LabState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onState(this.#state);
  }
}

const perRequest = (micros: number, { load }: RunRecord) =>
  load.sent > 0 ? { cpuMicros: micros / load.sent } : {};

function resultOf(design: DesignId, round: number, record: RunRecord): LabResult {
  const { audit, load, exitCode, reasons, arrivals = '' } = record;
  const { sold, oversold, undersold, lost } = audit;
  return {
    design,
    round,
    runId: record.id,
    exitCode,
    arrivals,
    broken: audit.checks.filter((check) => checkState(check) === 'failed').map(({ id }) => CHECKS[id].title),
    reasons,
    ...{ sold, oversold, undersold, lost },
    requests: load.sent,
    unknown: load.unknown,
    rps: load.rps,
    p50Ms: load.latencyMs.p50,
    p99Ms: load.latencyMs.p99,
    ...(withheldOf(record).length > 0 && { isSpeedWithheld: true }),
  };
}

function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  return {
    code: 'app.surprise',
    message: `The lab met an error that nothing foresaw: ${errorText(error)}.`,
    fix: 'Look at the logs, then start it again.',
  };
}

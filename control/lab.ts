/** The lab: the same buyers come to one design after the other, each audited by the same checks. */
import type { AttackSettings } from '../contract/attack-settings.ts';
import { CHECKS, checkState } from '../contract/checks.ts';
import { DESIGNS, type DesignId } from '../contract/designs.ts';
import { FailureError } from '../contract/failure.ts';
import {
  LAB_EXPORTS,
  STOPPED_MS,
  type LabFormat,
  labAttacks,
  labSettings,
  type LabAttack,
  type LabPlan,
  type LabResult,
  type LabShop,
  type LabState,
} from '../contract/lab.ts';
import { labMarkdown } from '../contract/lab-report.ts';
import type { ExportedFile } from '../contract/export-formats.ts';
import { withheldOf } from '../contract/run-notes.ts';
import type { RunRecord } from '../contract/run-record.ts';
import type { LogLine } from '../contract/state.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { AttackSeries } from './attack-series.ts';
import type { Attacks } from './attacks.ts';
import type { ClusterManager } from './cluster-manager.ts';
import { exportLabHtml } from './export/export-lab-html.ts';
import { BackendMeter, type Measured } from './lab/backend-meter.ts';
import type { DeclaredTarget } from '../contract/target.ts';
import { DesignShop, type DesignShopOptions } from './lab/design-shop.ts';
import { StandingShop, addNotes } from './lab/standing-shop.ts';
import type { Supervisor } from './services/supervisor.ts';

export interface LabOptions {
  readonly version: string;
  readonly attacks: Pick<
    Attacks,
    'launch' | 'launchTarget' | 'cancel' | 'whenOver' | 'refuseWhileActive' | 'phase'
  >;
  /** The built design, and what it gets. */
  readonly modulePath: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cluster: Pick<ClusterManager, 'running' | 'scale'>;
  getRun(id: string): Promise<RunRecord>;
  onState(state: LabState): void;
  onResult(result: LabResult): void;
  onLog(line: LogLine): void;
}

export class Lab extends AttackSeries<LabState, LabOptions> {
  /** Before the design's name: the runs of one design are a group, which `compare` takes. */
  #group = '';
  #results: LabResult[] = [];
  /** A design that runs as a shop for whoever attacks it. */
  #served: { readonly design: DesignId; readonly shop: Promise<DesignShop> } | undefined;

  constructor(options: LabOptions) {
    super('the lab', options, { phase: 'idle', total: 0, done: 0 });
  }

  /** Of the lab that runs, or of the last one. */
  get results(): readonly LabResult[] {
    return this.#results;
  }

  export(format: LabFormat): ExportedFile {
    const { extension, mediaType } = LAB_EXPORTS[format];
    const results = this.#results;
    const text = {
      html: () => exportLabHtml(results, { version: this.options.version, atMs: Date.now() }),
      md: () => labMarkdown(results),
      json: () => `${JSON.stringify({ plan: this.state.plan, results }, null, 2)}\n`,
    }[format]();
    return { fileName: `flashgrid-lab.${extension}`, mediaType, text };
  }

  protected override busy(): FailureError {
    const { done, total } = this.state;
    return new FailureError({
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
    this.#refuseWhileInUse();
    this.options.cluster.running();
    const attacks = labAttacks(plan);
    this.#results = [];
    this.#group = `group-lab-${Date.now().toString(36)}`;
    return this.begin({ phase: 'running', plan, total: attacks.length, done: 0 }, async (signal) => {
      for (const attack of attacks) {
        signal.throwIfAborted();
        this.set({ current: attack });
        const result = await this.#attack(plan, attack, signal);
        this.#results.push(result);
        this.options.onResult(result);
        this.set({ done: this.state.done + 1 });
      }
      return {};
    });
  }

  /**
   * Runs a design as a shop, until `endShop`.
   * @returns its adapter
   * @throws FailureError `lab.busy`, `attack.busy`, `cluster.notRunning`, `service.notReady`
   */
  async serve({ design, stock }: LabShop): Promise<DeclaredTarget> {
    this.#refuseWhileInUse();
    this.#served = { design, shop: DesignShop.open(design, this.#shopOptions()) };
    try {
      const shop = await this.#served.shop;
      await shop.openSale(stock);
      return shop.adapter(stock);
    } catch (error) {
      await this.endShop();
      throw error;
    }
  }

  async endShop(): Promise<void> {
    const served = this.#served;
    this.#served = undefined;
    const shop = await served?.shop.catch(() => undefined);
    await shop?.close();
  }

  /** All designs use the same tables. */
  #refuseWhileInUse(): void {
    this.refuseWhileRunning();
    this.options.attacks.refuseWhileActive();
    if (!this.#served) return;
    throw new FailureError({
      code: 'lab.busy',
      message: `The design ${this.#served.design} runs as a shop.`,
      fix: 'End the command that serves it.',
    });
  }

  #shopOptions(): DesignShopOptions {
    const { modulePath, env, onLog, cluster } = this.options;
    return { modulePath, env, deployment: cluster.running().deployment, onLog };
  }

  async #attack(plan: LabPlan, attack: LabAttack, signal: AbortSignal): Promise<LabResult> {
    const group = `${this.#group}-${attack.design}${attack.kind === 'crowd' ? '' : `-${attack.kind}`}`;
    const settings = labSettings(plan, attack);
    const result =
      attack.design === 'flashgrid'
        ? await this.#attackOwn(settings, attack, group, signal)
        : await this.#attackShop(settings, attack, group, signal);
    const bet = attack.kind === 'crowd' ? plan.bets[attack.design] : undefined;
    return bet === undefined ? result : { ...result, bet };
  }

  /** FlashGrid itself: where an instance is stopped, it has two workers, and one stands still after Lua. */
  async #attackOwn(
    settings: AttackSettings,
    attack: LabAttack,
    group: string,
    signal: AbortSignal,
  ): Promise<LabResult> {
    const { attacks, cluster } = this.options;
    const { supervisor } = cluster.running();
    const isStall = attack.kind === 'stall';
    const workers = supervisor.states().filter(({ role }) => role === 'worker').length;
    if (isStall && workers < 2) await cluster.scale('worker', 2);
    try {
      const faults = isStall ? { faults: `halt:worker.after-lua@start+${STOPPED_MS}ms` } : {};
      const [before, cpuBefore] = [supervisor.totals.read(), cpuOf(supervisor)];
      const { runId } = await attacks.launch({ ...settings, ...faults }, group);
      const { record, measured } = await this.#measured(attack.design, runId, signal);
      const after = supervisor.totals.read();
      const fault = record.faults?.[0];
      return {
        ...resultOf(attack, record, measured),
        ...perRequest(cpuOf(supervisor) - cpuBefore, record),
        costs: {
          commits: after.framesToPostgres - before.framesToPostgres,
          retries: after.repeatedFrames - before.repeatedFrames,
          gaveUp: after.deadLettered - before.deadLettered,
          lockWaitMs: 0,
        },
        ...(fault?.hadEffect && { stopped: { forMs: STOPPED_MS } }),
      };
    } finally {
      if (isStall && workers < 2) await cluster.scale('worker', workers);
    }
  }

  /** A design as a shop: where an instance is stopped, it has two, on the same databases. */
  async #attackShop(
    settings: AttackSettings,
    attack: LabAttack,
    group: string,
    signal: AbortSignal,
  ): Promise<LabResult> {
    const { attacks } = this.options;
    const { design } = attack;
    const { stock } = settings;
    const options = this.#shopOptions();
    const undo = new ReleaseStack(20_000);
    try {
      const shop = await DesignShop.open(design, options);
      undo.add('shop', () => shop.close());
      const standing = attack.kind === 'stall' ? await StandingShop.open(shop, stock, options) : undefined;
      if (standing) undo.add('second shop', () => standing.close());
      const before = await shop.notes();
      const { runId } = await attacks.launchTarget(settings, shop.target(stock), {
        isOwn: false,
        group,
        ...(standing && { urls: [shop.url, standing.url] }),
      });
      const { record, measured } = await this.#measured(design, runId, signal);
      const { costs, cpuMs } = addNotes(await shop.notes(), await standing?.notes());
      const witness = await shop.doubleSale(stock, standing?.shop);
      return {
        ...resultOf(attack, record, measured),
        ...perRequest((cpuMs - before.cpuMs) * 1_000, record),
        costs,
        ...(standing?.stopped && { stopped: standing.stopped }),
        ...(witness ? { witness } : {}),
      };
    } finally {
      await undo.release();
    }
  }

  /** The record of an attack that was launched, and what the backends paid for it. */
  async #measured(design: DesignId, runId: string, signal: AbortSignal) {
    const { attacks, cluster } = this.options;
    const { cluster: backends, deployment } = cluster.running();
    const meter = new BackendMeter({
      cluster: backends,
      postgresUrl: deployment.postgresOwnerUrl ?? deployment.postgresUrl,
      uses: DESIGNS[design].uses,
      phase: () => attacks.phase,
    });
    try {
      const record = await this.toEnd(runId, signal);
      return { record, measured: await meter.end() };
    } finally {
      await meter.end();
    }
  }
}

const perRequest = (micros: number, { load }: RunRecord) =>
  load.sent > 0 ? { cpuMicros: micros / load.sent } : {};

const cpuOf = ({ totals }: Supervisor) =>
  [...totals.latest().values()].reduce((sum, sample) => sum + sample.cpuMicros, 0);

function resultOf(
  { design, kind, round }: LabAttack,
  record: RunRecord,
  { backendCpuMicros, postgresWaitMs }: Measured,
): LabResult {
  const { audit, load, exitCode, reasons, arrivals = '' } = record;
  const { sold, oversold, undersold, lost } = audit;
  return {
    design,
    kind,
    round,
    runId: record.id,
    exitCode,
    arrivals,
    broken: audit.checks.filter((check) => checkState(check) === 'failed').map(({ id }) => CHECKS[id].title),
    reasons,
    ...{ stock: audit.stock, sold, oversold, undersold, lost },
    requests: load.sent,
    unknown: load.unknown,
    rps: load.rps,
    p50Ms: load.latencyMs.p50,
    p99Ms: load.latencyMs.p99,
    ...(withheldOf(record).length > 0 && { isSpeedWithheld: true }),
    ...(postgresWaitMs !== undefined && { postgresWaitMs }),
    ...(backendCpuMicros !== undefined && load.sent > 0 && { backendMicros: backendCpuMicros / load.sent }),
  };
}

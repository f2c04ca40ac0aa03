/** The attacks of a control centre: one at a time, and the last one stays readable. */
import { optionOf, saleIdOf, type AttackSettings } from '../contract/attack-settings.ts';
import { contradictionOf } from '../contract/attack-contradictions.ts';
import type { AttackState, LogLine } from '../contract/state.ts';
import { FailureError } from '../contract/failure.ts';
import type { RunRecord, Sample } from '../contract/run-record.ts';
import { parseFaults, type FaultSpec } from '../contract/fault-syntax.ts';
import { FaultRunner } from './faults/fault-runner.ts';
import { checkFaults } from './faults/fault-schedule.ts';
import type { FaultTools } from './faults/fault.ts';
import { commandLine } from './lib/command-line.ts';
import { errorText } from '../services/shared/error-text.ts';
import { redactDeep } from '../services/shared/redact.ts';
import { AttackSession } from './attack-session.ts';
import type { ClusterManager } from './cluster-manager.ts';
import { backendDown, backendRestarting } from './cluster/backend-down.ts';
import type { EvidenceStore } from './evidence/evidence-store.ts';
import type { Target } from '../contract/target.ts';
import { requireModest, requireNearby } from './target/target-limits.ts';
import type { JudgedSale } from './audit/several-sales.ts';
import type { EvidenceRun } from './evidence/evidence-records.ts';
import { TargetSession } from './target/target-session.ts';
import type { GatewayClient } from './sales/gateway-client.ts';

export interface AttacksOptions {
  readonly version: string;
  readonly dataDir: string;
  readonly generatorModule: string;
  readonly childEnv: NodeJS.ProcessEnv;
  readonly cluster: ClusterManager;
  readonly gateways: GatewayClient;
  onState(state: AttackState): void;
  onSamples(runId: string, samples: Sample[]): void;
  onLog(line: LogLine): void;
  readonly evidence: EvidenceStore;
  findWithoutQueue(record: RunRecord): Promise<RunRecord['withoutQueue']>;
  onRecord(record: RunRecord): Promise<void>;
}

export class Attacks {
  readonly #options: AttacksOptions;
  #last: AttackSession | TargetSession | undefined;
  /** What was broken while no attack ran. */
  #loose: { readonly runner: FaultRunner; readonly tools: FaultTools } | undefined;

  constructor(options: AttacksOptions) {
    this.#options = options;
  }

  /** The attack that runs, or the last one that did. */
  get last(): { readonly state: AttackState; readonly samples: readonly Sample[] } | undefined {
    const session = this.#last;
    return session && { state: redactDeep(session.state), samples: session.samples() };
  }

  /** Of the attack that runs, or the last one. */
  get phase(): AttackState['phase'] | undefined {
    return this.#last?.state.phase;
  }

  /** A sale of the attack that runs, or of the last one: of several the first, which is asked for most. */
  get saleId(): string | undefined {
    const state = this.#last?.state;
    if (state === undefined || state.target) return undefined;
    return saleIdOf(state.saleId, 0, state.settings.sales);
  }

  /** @throws FailureError `attack.busy` while an attack runs */
  refuseWhileActive(): void {
    if (this.#last?.isActive) {
      throw new FailureError({
        code: 'attack.busy',
        message: 'An attack is running.',
        fix: 'Wait for its verdict, or cancel it.',
      });
    }
  }

  /**
   * Begins an attack, and returns at once.
   * @throws FailureError `attack.busy`, `attack.contradiction`, or what the cluster lacks
   */
  async launch(settings: AttackSettings, group?: string): Promise<AttackState> {
    refuseContradiction(settings);
    await this.#healLoose();
    this.refuseWhileActive();
    const { cluster: manager } = this.#options;
    const faultTools = this.#faultTools();
    const { supervisor, deployment } = faultTools;
    const cluster = { provider: faultTools.cluster.provider, backends: () => manager.backends() };
    const away = backendDown(cluster) ?? backendRestarting(cluster);
    if (away) throw away;
    checkFaults(parseFaults(settings.faults ?? ''), faultTools);
    this.#last = new AttackSession({
      ...this.#common(),
      settings,
      group,
      deployment,
      cluster,
      supervisor,
      faultTools,
    });
    return this.#last.begin();
  }

  /**
   * Begins an attack on a shop that is not ours, and returns at once; it needs no cluster. Buyers come to all `urls`, by
   * default to the target's.
   * @throws FailureError `attack.busy`, `attack.contradiction`, `target.notPrivate`, `target.tooMuch`
   */
  async launchTarget(
    settings: AttackSettings,
    target: Target,
    {
      isOwn,
      group,
      urls,
    }: { readonly isOwn: boolean; readonly group?: string | undefined; readonly urls?: readonly string[] },
  ): Promise<AttackState> {
    refuseContradiction(settings);
    this.refuseWhileActive();
    requireModest(settings);
    if (!isOwn) await requireNearby(target);
    const faultTools = await this.#toolsForShop(settings);
    this.#last = new TargetSession({
      ...this.#common(),
      settings,
      target,
      faultTools,
      group,
      urls,
    });
    return this.#last.begin();
  }

  /**
   * What faults beside an attack on another shop break: parts of our own cluster, which that shop may use.
   * @throws FailureError when none runs, or it can't make them
   */
  async #toolsForShop({ faults }: AttackSettings): Promise<FaultTools | undefined> {
    if (faults === undefined) return undefined;
    if (this.#options.cluster.state.state !== 'running')
      throw new FailureError({
        code: 'cluster.notRunning',
        message: 'FlashGrid breaks only what it started itself, and no cluster of it runs here.',
        fix: `Leave out --fault, or start a cluster with \`${commandLine('up')}\` and let the shop use its parts.`,
      });
    await this.#healLoose();
    const tools = this.#faultTools();
    checkFaults(parseFaults(faults), tools);
    return tools;
  }

  /** What every session gets; nothing secret leaves it. */
  #common() {
    const { onState, onRecord, evidence, ...rest } = this.#options;
    return {
      ...rest,
      onState: (state: AttackState) => onState(redactDeep(state)),
      onRecord: (record: RunRecord) => onRecord(redactDeep(record)),
      saveEvidence: (run: EvidenceRun, judged: readonly JudgedSale[]) =>
        evidence.save(
          redactDeep(run),
          judged.map((one) => ({ ...one, audit: redactDeep(one.audit) })),
        ),
    };
  }

  /** The last state of the attack that was launched last, once nothing of it runs. */
  async whenOver(): Promise<AttackState | undefined> {
    return await this.#last?.whenOver();
  }

  /**
   * Whether this cluster can make these faults at all: not those of a backend that others run, or of members that it lacks.
   * @throws FailureError `cluster.notRunning`
   */
  canMake(faults: string): boolean {
    const tools = this.#faultTools();
    try {
      checkFaults(parseFaults(faults), tools);
      return true;
    } catch (error) {
      // A part that does not run at this moment may run later.
      if (error instanceof FailureError)
        return !['fault.notOurs', 'fault.notHighlyAvailable'].includes(error.failure.code);
      throw error;
    }
  }

  /**
   * Breaks a part now: as a part of the attack that runs, or by itself.
   * @throws FailureError when that can't be done here
   */
  async breakNow(fault: Omit<FaultSpec, 'at'>): Promise<void> {
    const tools = this.#loose?.tools ?? this.#faultTools();
    checkFaults([fault], tools);
    if (this.#last?.isActive && this.#last instanceof AttackSession) return await this.#last.breakNow(fault);
    const onLog = (text: string) =>
      this.#options.onLog({ atMs: Date.now(), part: 'control', level: 'warn', text });
    this.#loose ??= { tools, runner: new FaultRunner(tools, { onChange: () => undefined, onLog }) };
    const { runner } = this.#loose;
    await runner.inject({ ...fault, at: { event: 'start' } });
    // Nobody waits for it: a link goes back on the direct way by itself.
    void runner
      .over()
      .then(() => tools.links.remove())
      .catch((error: unknown) => onLog(errorText(error)));
  }

  /** Ends the attack that runs, and all that is broken on purpose; resolves when nothing of them is left. */
  async cancel(): Promise<void> {
    await this.#last?.cancel();
    await this.#healLoose();
  }

  async #healLoose(): Promise<void> {
    const loose = this.#loose;
    this.#loose = undefined;
    await loose?.runner.heal();
    await loose?.tools.links.remove();
  }

  /** @throws FailureError `cluster.notRunning` */
  #faultTools(): FaultTools {
    const { cluster: manager } = this.#options;
    const running = manager.running();
    return {
      ...running,
      backends: () => manager.backends(),
      expectKill: (role) => manager.expectKill(role),
      processes: () => manager.processes(),
      links: manager.links(),
    };
  }
}

/** The same words as the terminal's. @throws FailureError `attack.contradiction` */
function refuseContradiction(settings: AttackSettings): void {
  const found = contradictionOf(settings);
  if (!found) return;
  throw new FailureError({
    code: 'attack.contradiction',
    field: found.field,
    message: `--${optionOf(found.field)}: ${found.message}.`,
    fix: 'Change one of the two settings.',
  });
}

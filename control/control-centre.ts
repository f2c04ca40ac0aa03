/**
 * The control centre: one object behind every frontend. It owns the truth about cluster, services, attack,
 * runs and logs, answers the contract's commands and emits its events. It is plain Node and knows nothing of
 * Electron, HTTP or terminals.
 */
import { join } from 'node:path';
import process from 'node:process';
import { redactDeep } from '../services/shared/redact.ts';
import type { BuiltModules } from './app-paths.ts';
import { Attacks } from './attacks.ts';
import { ClusterManager } from './cluster-manager.ts';
import { commandHandlers, type Caller } from './command-handlers.ts';
import { CommandRunner, stackOf } from './command-runner.ts';
import { createProviders } from './cluster/providers.ts';
import { ProcessRegistry } from './processes/process-registry.ts';
import { acquireLock } from './cluster/data-dir-lock.ts';
import type { Access, PartStats, Notice, Snapshot } from '../contract/state.ts';
import type {
  CommandInput,
  CommandName,
  CommandOutput,
  ControlClient,
  EventName,
  EventPayload,
  Result,
} from '../contract/contract.ts';
import type { Settings } from '../contract/settings.ts';
import { EventHub } from './lib/event-hub.ts';
import { dataFolder } from './lib/data-folder.ts';
import { withoutProxy } from './lib/loopback.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { LogStore } from './logs/log-store.ts';
import { Campaign } from './campaign.ts';
import { Lab } from './lab.ts';
import { HandRace } from './lab/race.ts';
import { Matrix } from './matrix.ts';
import { EvidenceStore } from './evidence/evidence-store.ts';
import type { OpenTab } from './export/print/print-report.ts';
import { MatrixFile } from './runs/matrix-file.ts';
import { BaselineFile } from './runs/baseline-file.ts';
import { findWithoutQueue } from './runs/find-without-queue.ts';
import { RunStore } from './runs/run-store.ts';
import { GatewayClient } from './sales/gateway-client.ts';
import { DeadLetters } from './sales/dead-letters.ts';
import { SalesWatch } from './sales/sales-watch.ts';
import { PageGuard, type PageGuardOptions } from './lib/page-guard.ts';
import { maskSettings } from './settings/settings-masks.ts';
import { SettingsStore } from './settings/settings-store.ts';
import { thinSamples } from './telemetry/run-series.ts';
import { FlowSampler } from './telemetry/flow-sampler.ts';
import { StatsSampler } from './telemetry/stats-sampler.ts';
import { ServiceTotals } from './services/service-totals.ts';

/**
 * Samples of an attack in a snapshot. A frontend parses them in one go, and draws a quarter of them at the
 * most.
 */
const SNAPSHOT_SAMPLES = 960;

export interface ControlCentreOptions {
  /** Where settings, runs and native backends live; created when missing. */
  readonly dataDir: string;
  readonly version: string;
  /** Paths of the built child processes. */
  readonly modules: BuiltModules;
  /** Variables that every child gets, such as FLASHGRID_RESOURCES of a packaged app. */
  readonly childEnv: NodeJS.ProcessEnv;
  /** How a person confirms what a page may not change alone: see page-guard.ts. */
  readonly pageGuard?: PageGuardOptions;
  /** Quick ends in a row after which a service is given up; see the supervisor. */
  readonly maxQuickRestarts?: number;
  /** Shows a folder in the system's file manager; only where there is a desktop. */
  openFolder?(path: string): Promise<void>;
  /** A page that draws PDF and PNG; the machine's Chromium by default. */
  readonly openTab?: OpenTab;
  /** A frontend asks to quit: whoever made the control centre releases it and ends the process. */
  onQuit(): void;
}

export class ControlCentre implements ControlClient {
  readonly hub = new EventHub();
  readonly #options: ControlCentreOptions;
  readonly #undo = new ReleaseStack();
  readonly #logs: LogStore;
  readonly #settings: SettingsStore;
  readonly #guard: PageGuard;
  readonly #runs: RunStore;
  readonly #evidence: EvidenceStore;
  readonly #cluster: ClusterManager;
  readonly #gateways: GatewayClient;
  readonly #sales: SalesWatch;
  readonly #dead: DeadLetters;
  readonly #flow: FlowSampler;
  readonly #stats: StatsSampler;
  readonly #attacks: Attacks;
  readonly #matrix: Matrix;
  readonly #lab: Lab;
  readonly #campaign: Campaign;
  readonly #race: HandRace;
  #stopBackends: 'stop' | 'keep' = 'stop';
  #access: Access | undefined;
  readonly #commands: CommandRunner;

  private constructor(options: ControlCentreOptions) {
    this.#options = options;
    this.#logs = new LogStore((lines) => this.hub.emit('logs.linesAdded', { lines }));
    this.#settings = new SettingsStore(join(options.dataDir, 'settings.json'));
    this.#guard = new PageGuard(options.pageGuard ?? {});
    this.#evidence = new EvidenceStore(join(options.dataDir, 'evidence'));
    const baseline = new BaselineFile(options.dataDir, options.version);
    this.#runs = new RunStore(join(options.dataDir, 'runs'), options.version, {
      onNotice: () => this.#printNotices(),
      onGone: (id) => {
        // What stays of it is bounded by itself.
        this.#evidence.remove(id).catch(() => undefined);
        this.hub.emit('runs.runDeleted', { id });
      },
      baselineIds: () => baseline.ids(),
    });
    const providers = createProviders({
      dataDir: options.dataDir,
      version: options.version,
      settings: () => this.#settings.current,
    });
    const noTotals = new ServiceTotals();
    const totals = () => this.#cluster.supervisor?.totals ?? noTotals;
    this.#flow = new FlowSampler(
      {
        totals: () => totals().read(),
        peakSince: (sinceMs) => totals().peakSince(sinceMs),
        deadFrames: () => this.#dead.count,
      },
      (flow) => this.hub.emit('telemetry.flowSampled', { flow }),
    );
    this.#stats = new StatsSampler(
      () => this.#cluster.cluster,
      () => totals().latest(),
      (stats) => this.hub.emit('telemetry.statsSampled', { stats }),
      (text) => this.#log('debug', text),
    );
    const registry = new ProcessRegistry(options.dataDir);
    this.#cluster = new ClusterManager({
      dataDir: options.dataDir,
      modules: options.modules,
      registry,
      serviceEnv: { ...withoutProxy(process.env), ...options.childEnv },
      probe: providers.probe,
      maxQuickRestarts: options.maxQuickRestarts,
      settings: () => this.#settings.current,
      createCluster: (provider, events, highlyAvailable) =>
        providers.create(provider, events, highlyAvailable),
      findKept: () => providers.findKept(),
      onCluster: (cluster) => {
        this.hub.emit('cluster.stateChanged', { cluster: redactDeep(cluster) });
        if (cluster.state === 'running') this.#watch();
        else if (cluster.state !== 'starting') this.#unwatch();
      },
      onServices: (services) =>
        this.hub.emit('services.stateChanged', { services: redactDeep([...services]) }),
      onLog: (line) => this.#logs.add(line),
    });
    this.#gateways = new GatewayClient(
      () => this.#cluster.supervisor?.gatewayUrls() ?? [],
      () => this.#cluster.adminToken,
    );
    this.#sales = new SalesWatch(
      this.#gateways,
      () => this.#attacks.saleId,
      ({ sales, total }) => this.hub.emit('sales.salesChanged', { sales, salesTotal: total }),
    );
    this.#dead = new DeadLetters({
      deployment: () => this.#cluster.running().deployment,
      findSale: (id) => this.#gateways.findSale(id),
    });
    this.#attacks = new Attacks({
      version: options.version,
      dataDir: options.dataDir,
      generatorModule: options.modules.generator,
      childEnv: options.childEnv,
      cluster: this.#cluster,
      gateways: this.#gateways,
      onState: (attack) => this.hub.emit('attack.stateChanged', { attack }),
      onSamples: (runId, samples) => this.hub.emit('attack.samplesTaken', { runId, samples }),
      onLog: (line) => this.#logs.add(line),
      evidence: this.#evidence,
      findWithoutQueue: (record) => findWithoutQueue(this.#runs, record),
      onRecord: async (record) => {
        const run = await this.#runs.save(record);
        this.hub.emit('runs.runSaved', { run });
        await this.#sales.refresh();
      },
    });
    this.#matrix = new Matrix({
      version: options.version,
      attacks: this.#attacks,
      file: new MatrixFile(join(options.dataDir, 'matrix.ndjson')),
      cluster: () => this.#cluster.state,
      services: () => this.#cluster.supervisor?.states() ?? [],
      getRun: (id) => this.#runs.get(id),
      onState: (matrix) => this.hub.emit('matrix.stateChanged', { matrix: redactDeep(matrix) }),
      onResult: (result) => this.hub.emit('matrix.resultAdded', { result: redactDeep(result) }),
      onLog: (line) => this.#logs.add(line),
    });
    this.#lab = new Lab({
      version: options.version,
      attacks: this.#attacks,
      modulePath: options.modules.shop,
      // A shop that stands still when we are killed is found by the next start.
      env: { ...options.childEnv, ...registry.environment('lab') },
      cluster: this.#cluster,
      getRun: (id) => this.#runs.get(id),
      onState: (lab) => this.hub.emit('lab.stateChanged', { lab: redactDeep(lab) }),
      onResult: (result) => this.hub.emit('lab.resultAdded', { result: redactDeep(result) }),
      onLog: (line) => this.#logs.add(line),
    });
    this.#race = new HandRace({
      modulePath: options.modules.shop,
      env: options.childEnv,
      deployment: () => this.#cluster.running().deployment,
      onLog: (line) => this.#logs.add(line),
    });
    this.#campaign = new Campaign({
      attacks: this.#attacks,
      cluster: {
        countOf: (role) =>
          (this.#cluster.supervisor?.states() ?? []).filter((service) => service.role === role).length,
        scale: (role, count) => this.#cluster.scale(role, count),
        requireRunning: () => this.#cluster.running(),
      },
      getRun: (id) => this.#runs.get(id),
      getBaseline: () => baseline.read(),
      onState: (campaign) => this.hub.emit('campaign.stateChanged', { campaign: redactDeep(campaign) }),
    });
    const handlers = commandHandlers({
      options,
      hub: this.hub,
      cluster: this.#cluster,
      attacks: this.#attacks,
      matrix: this.#matrix,
      lab: this.#lab,
      campaign: this.#campaign,
      race: this.#race,
      gateways: this.#gateways,
      sales: this.#sales,
      dead: this.#dead,
      runs: this.#runs,
      baseline,
      evidence: this.#evidence,
      logs: this.#logs,
      settings: this.#settings,
      guard: this.#guard,
      centre: this,
    });
    this.#commands = new CommandRunner({
      handlers,
      isClosing: () => this.#undo.isReleased,
      onSurprise: (text) => this.#log('error', text),
    });
  }

  /**
   * Opens the data folder and takes its lock.
   * @throws FailureError when another control centre has it
   */
  static async open(options: ControlCentreOptions): Promise<ControlCentre> {
    dataFolder(options.dataDir);
    const unlock = acquireLock(options.dataDir);
    const centre = new ControlCentre(options);
    centre.#undo.add('lock', unlock);
    centre.#undo.add('logs', () => centre.#logs.close());
    centre.#undo.add('cluster', () => centre.#cluster.stop(centre.#stopBackends), 90_000);
    centre.#undo.add('telemetry', () => centre.#unwatch());
    centre.#undo.add('attack', () => centre.#attacks.cancel(), 30_000);
    centre.#undo.add('matrix', () => centre.#matrix.stop(), 30_000);
    centre.#undo.add('shop', () => centre.#lab.endShop(), 30_000);
    centre.#undo.add('lab', () => centre.#lab.stop(), 30_000);
    centre.#undo.add('campaign', () => centre.#campaign.stop(), 30_000);
    centre.#undo.add('race', () => centre.#race.close(), 30_000);
    await centre.#settings.load();
    await centre.#runs.clearDeleted();
    centre.#printNotices();
    return centre;
  }

  on<Name extends EventName>(name: Name, listener: (payload: EventPayload<Name>) => void): () => void {
    return this.hub.on(name, listener);
  }

  async call<Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ): Promise<Result<CommandOutput<Name>>> {
    return await this.#commands.run(name, input, 'terminal');
  }

  /** Runs a command that came from another process, whose name and input are unchecked. */
  async dispatch(name: string, input: unknown, caller: Caller = 'page'): Promise<Result<unknown>> {
    return await this.#commands.dispatch(name, input, caller);
  }

  /** How a browser reaches this control centre; `undefined` while nothing listens. */
  get access(): Access | undefined {
    return this.#access;
  }

  /** Called once something listens for browsers. */
  announceAccess(access: Access): void {
    this.#access = access;
  }

  /** Logs an error that nothing caught. The process goes on. */
  noteSurprise(error: unknown): void {
    this.#log('error', `unexpected: ${stackOf(error)}`);
  }

  /**
   * Takes over backends that an earlier control centre was told to keep: otherwise nothing could stop them.
   */
  async adoptKept(): Promise<void> {
    await this.#cluster.adoptKept();
  }

  /** Asks whoever made the control centre to end the process. */
  quit(backends: 'stop' | 'keep'): void {
    this.#stopBackends = backends;
    this.hub.emit('app.quitting', {});
    // The reply to the command goes out first.
    setImmediate(() => this.#options.onQuit());
  }

  /** Stops everything that was started. Every call returns the same promise. */
  release(): Promise<void> {
    return this.#undo.release();
  }

  /** Saves the settings and tells every frontend; returns them with passwords masked. */
  saveSettings(settings: Settings): Settings {
    this.#settings.save(settings);
    this.#guard.forget('change');
    const masked = maskSettings(settings);
    this.hub.emit('settings.settingsChanged', { settings: masked });
    this.#printNotices();
    return masked;
  }

  snapshot(): Snapshot {
    const attack = this.#attacks.last;
    const stats: PartStats[] = [...this.#stats.latest()];
    return {
      seq: this.hub.seq,
      app: {
        version: this.#options.version,
        node: process.versions.node,
        platform: `${process.platform} ${process.arch}`,
        dataDir: this.#options.dataDir,
        canOpenDataDir: this.#options.openFolder !== undefined,
        pid: process.pid,
      },
      settings: maskSettings(this.#settings.current),
      cluster: redactDeep(this.#cluster.state),
      services: redactDeep(this.#cluster.supervisor?.states() ?? []),
      stats,
      flow: this.#flow.recent(),
      sales: this.#sales.latest().sales,
      salesTotal: this.#sales.latest().total,
      notices: this.notices,
      samples: thinSamples(attack?.samples ?? [], SNAPSHOT_SAMPLES),
      ...(attack ? { attack: attack.state } : {}),
      matrix: redactDeep(this.#matrix.state),
      lab: redactDeep(this.#lab.state),
      campaign: redactDeep(this.#campaign.state),
    };
  }

  /** Problems with kept files that a person must know of. */
  get notices(): Notice[] {
    return [this.#settings.notice, this.#runs.notice].filter((notice) => notice !== undefined);
  }

  #printNotices(): void {
    for (const { message, fix } of this.notices) this.#log('warn', `${message} ${fix}`);
    this.hub.emit('app.noticesChanged', { notices: this.notices });
  }

  #watch(): void {
    this.#flow.start();
    this.#stats.start();
    this.#sales.start();
    this.#dead.start();
  }

  #unwatch(): void {
    this.#flow.stop();
    this.#stats.stop();
    this.#sales.stop();
    this.#dead.stop();
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', text: string): void {
    this.#logs.add({ atMs: Date.now(), part: 'control', level, text });
  }
}

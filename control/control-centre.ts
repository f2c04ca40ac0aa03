/**
 * The control centre: one object behind every frontend. Owns the truth about cluster, services, attack, runs and logs; answers the contract's
 * commands and tells its events. Plain Node; knows nothing of Electron, HTTP or terminals.
 */
import { join } from 'node:path';
import process from 'node:process';
import { redact, redactDeep } from '../services/shared/redact.ts';
import { AttackSession } from './attack-session.ts';
import { ClusterManager } from './cluster-manager.ts';
import { createProviders } from './cluster/providers.ts';
import { FailureError } from '../contract/failure.ts';
import { backendDown, backendRestarting } from './cluster/backend-down.ts';
import { dockerFindings } from './cluster/docker/docker-cluster.ts';
import { externalFindings } from './cluster/external/external-cluster.ts';
import { ProcessRegistry } from './processes/process-registry.ts';
import { acquireLock } from './cluster/data-dir-lock.ts';
import {
  commands,
  isCommandName,
  type Access,
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type ControlClient,
  type EventName,
  type EventPayload,
  type PartStats,
  type Result,
  type Settings,
  type Notice,
  type Snapshot,
} from '../contract/contract.ts';
import { diagnose } from './doctor/readiness.ts';
import { backendFindings, runDoctor } from './doctor/doctor.ts';
import { EventHub } from './lib/event-hub.ts';
import { dataFolder } from './lib/data-folder.ts';
import { withoutProxy } from './lib/loopback.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { LogStore } from './logs/log-store.ts';
import { exportRun } from './export/export-run.ts';
import { RunStore } from './runs/run-store.ts';
import { GatewayClient } from './sales/gateway-client.ts';
import { DeadLetters } from './sales/dead-letters.ts';
import { SalesWatch } from './sales/sales-watch.ts';
import { SettingsGuard, type SettingsGuardOptions } from './settings/settings-guard.ts';
import { maskSettings, unmaskSettings } from './settings/settings-masks.ts';
import { SettingsStore } from './settings/settings-store.ts';
import { thinSamples } from './telemetry/run-series.ts';
import { FlowSampler } from './telemetry/flow-sampler.ts';
import { StatsSampler } from './telemetry/stats-sampler.ts';
import { ServiceTotals } from './services/service-totals.ts';
import { commandLine } from './lib/command-line.ts';

/** Samples of an attack in a snapshot, which a frontend parses and draws in one go; a frontend draws a quarter of them at the most. */
const SNAPSHOT_SAMPLES = 960;

export interface ControlCentreOptions {
  /** Where settings, runs and native backends live; created when missing. */
  readonly dataDir: string;
  readonly version: string;
  /** Paths of the built child processes. */
  readonly modules: { readonly gateway: string; readonly worker: string; readonly generator: string };
  /** Variables that every child gets, such as FLASHGRID_RESOURCES of a packaged app. */
  readonly childEnv: NodeJS.ProcessEnv;
  /** Confirms outside the page what the page may not change alone: see settings-guard.ts. */
  readonly settingsGuard?: SettingsGuardOptions;
  /** Quick ends in a row after which a service is given up; see the supervisor. */
  readonly maxQuickRestarts?: number;
  /** Shows a folder in the system's file manager; only where there is a desktop. */
  openFolder?(path: string): Promise<void>;
  /** The frontends ask to end; whoever made the centre ends its process. */
  onQuit(): void;
}

/** Who calls: a page is shown to a person, but may run somebody else's script; a terminal, and this process, are trusted. */
export type Caller = 'page' | 'terminal';

type Handlers = {
  readonly [Name in CommandName]: (
    input: Parsed<Name>,
    caller: Caller,
  ) => Promise<CommandOutput<Name>> | CommandOutput<Name>;
};
type Parsed<Name extends CommandName> = (typeof commands)[Name]['input']['_zod']['output'];

export class ControlCentre implements ControlClient {
  readonly hub = new EventHub();
  readonly #options: ControlCentreOptions;
  readonly #undo = new ReleaseStack();
  readonly #logs: LogStore;
  readonly #settings: SettingsStore;
  readonly #guard: SettingsGuard;
  readonly #runs: RunStore;
  readonly #cluster: ClusterManager;
  readonly #gateways: GatewayClient;
  readonly #sales: SalesWatch;
  readonly #dead: DeadLetters;
  readonly #flow: FlowSampler;
  readonly #stats: StatsSampler;
  #attack: AttackSession | undefined;
  #stopBackends: 'stop' | 'keep' = 'stop';
  #access: Access | undefined;
  readonly #handlers: Handlers;

  private constructor(options: ControlCentreOptions) {
    this.#options = options;
    this.#logs = new LogStore((lines) => this.hub.emit('logs.linesAdded', { lines }));
    this.#settings = new SettingsStore(join(options.dataDir, 'settings.json'));
    this.#guard = new SettingsGuard(options.settingsGuard ?? {});
    this.#runs = new RunStore(join(options.dataDir, 'runs'), options.version, () => this.#printNotices());
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
    this.#cluster = new ClusterManager({
      modules: options.modules,
      registry: new ProcessRegistry(options.dataDir),
      serviceEnv: { ...withoutProxy(process.env), ...options.childEnv },
      probe: providers.probe,
      maxQuickRestarts: options.maxQuickRestarts,
      settings: () => this.#settings.current,
      createCluster: (provider, events) => providers.create(provider, events),
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
    this.#sales = new SalesWatch(this.#gateways, ({ sales, total }) =>
      this.hub.emit('sales.salesChanged', { sales, salesTotal: total }),
    );
    this.#dead = new DeadLetters({
      deployment: () => this.#cluster.running().deployment,
      listSales: () => this.#gateways.listSales(),
    });
    this.#handlers = this.#makeHandlers();
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
    centre.#undo.add('attack', () => centre.#attack?.cancel(), 30_000);
    await centre.#settings.load();
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
    return await this.#run(name, input, 'terminal');
  }

  /** A command as it came over a process line: name and input are checked here. */
  async dispatch(name: string, input: unknown, caller: Caller = 'page'): Promise<Result<unknown>> {
    if (!isCommandName(name)) {
      return {
        ok: false,
        error: {
          code: 'contract.unknownCommand',
          message: `There is no command "${name.slice(0, 64)}".`,
          fix: 'Use a command of the contract.',
        },
      };
    }
    return await this.#run(name, input, caller);
  }

  /** Tells how a browser reaches this control centre, once something listens. */
  announceAccess(access: Access): void {
    this.#access = access;
  }

  /** Logs an error that nothing foresaw. Whoever met it goes on. */
  noteSurprise(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log('error', `unexpected: ${text}`);
  }

  /** For a frontend that stays: takes over backends that an earlier one was told to keep. Without this they would run with no way to stop them. */
  async adoptKept(): Promise<void> {
    await this.#cluster.adoptKept();
  }

  /** Stops everything that was started. Every call gives the same promise. */
  release(): Promise<void> {
    return this.#undo.release();
  }

  async #run<Name extends CommandName>(
    name: Name,
    input: unknown,
    caller: Caller,
  ): Promise<Result<CommandOutput<Name>>> {
    const parsed = commands[name].input.safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const field = issue?.path.join('.') ?? '';
      return {
        ok: false,
        error: {
          code: 'contract.badInput',
          message: `${field || name}: ${issue?.message ?? 'is not usable'}`,
          fix: 'Correct that field and try again.',
          ...(field ? { field } : {}),
        },
      };
    }
    if (this.#undo.isReleased)
      return {
        ok: false,
        error: { code: 'app.quitting', message: 'FlashGrid is closing.', fix: 'Start it again.' },
      };
    try {
      return { ok: true, value: await this.#handlers[name](parsed.data, caller) };
    } catch (error) {
      if (error instanceof FailureError) return { ok: false, error: redactDeep(error.failure) };
      const text = error instanceof Error ? error.message : String(error);
      this.#log('error', `${name}: ${error instanceof Error ? (error.stack ?? text) : text}`);
      return {
        ok: false,
        error: {
          code: 'app.surprise',
          message: redact(`${name} failed unexpectedly: ${text}`),
          fix: 'Open the logs; if it happens again, report it with them.',
        },
      };
    }
  }

  #makeHandlers(): Handlers {
    const cluster = this.#cluster;
    return {
      'app.getSnapshot': () => this.#snapshot(),
      'app.quit': ({ cluster: choice }) => {
        this.#stopBackends = choice;
        this.hub.emit('app.quitting', {});
        // The answer goes out first.
        setImmediate(() => this.#options.onQuit());
        return {};
      },
      'app.getAccess': () => {
        if (this.#access) return this.#access;
        throw new FailureError({
          code: 'app.noAccess',
          message: 'No browser can reach this FlashGrid: it listens for none.',
          fix: `Start it with \`${commandLine('serve')}\`.`,
        });
      },
      'app.openDataFolder': async () => {
        const { openFolder, dataDir } = this.#options;
        if (!openFolder) {
          throw new FailureError({
            code: 'app.noDesktop',
            message: 'There is no desktop here that could show a folder.',
            fix: `Open it yourself: ${dataDir}`,
          });
        }
        await openFolder(dataDir);
        return {};
      },
      'cluster.start': ({ provider }) => cluster.start(provider ?? this.#settings.current.provider),
      'cluster.cancelStart': async () => {
        await cluster.cancelStart();
        return {};
      },
      'cluster.stop': async () => {
        await this.#attack?.cancel();
        if (cluster.state.state === 'stopped') await cluster.clearLeftovers();
        return await cluster.stop();
      },
      'cluster.reset': async () => {
        await this.#attack?.cancel();
        return await cluster.reset();
      },
      'cluster.killBackend': async ({ role }) => {
        await cluster.killBackend(role);
        return {};
      },
      'services.scale': ({ role, count }) => cluster.scale(role, count),
      'services.killService': ({ id }) => {
        cluster.killService(id);
        return {};
      },
      'sales.listSales': async ({ limit }) => (await this.#gateways.listSales()).slice(0, limit),
      'sales.openSale': async (sale) => {
        const opened = await this.#gateways.openSale(sale);
        await this.#sales.refresh();
        return opened;
      },
      'sales.changeSale': async ({ id, change }) => {
        const changed = await this.#gateways.changeSale(id, change);
        await this.#sales.refresh();
        return changed;
      },
      'queue.listDead': ({ limit }) => this.#dead.list(limit),
      'queue.replayDead': ({ ids }) => this.#dead.replay(ids),
      'queue.dropDead': ({ ids }) => this.#dead.drop(ids),
      'attack.launch': (settings) => this.#launch(settings),
      'attack.cancel': async () => {
        await this.#attack?.cancel();
        return {};
      },
      'runs.listRuns': ({ search }) => this.#runs.list(search),
      'runs.getRun': ({ id }) => this.#runs.get(id),
      'runs.deleteRun': async ({ id }) => {
        await this.#runs.delete(id);
        this.hub.emit('runs.runDeleted', { id });
        return {};
      },
      'runs.exportRun': async ({ id, format }) => exportRun(await this.#runs.get(id), format),
      'logs.listLines': (query) => this.#logs.list(query),
      'settings.getSettings': () => maskSettings(this.#settings.current),
      'settings.saveSettings': async (masked, caller) => {
        const settings = unmaskSettings(masked, this.#settings.current);
        if (caller === 'page') await this.#guard.admit(this.#settings.current, settings);
        return await this.#saveSettings(settings);
      },
      'settings.confirmChange': async ({ id }, caller) => {
        if (caller === 'page') {
          throw new FailureError({
            code: 'settings.terminalOnly',
            message: 'A page can not confirm its own change.',
            fix: `Run \`${commandLine('confirm')}\` in a terminal.`,
          });
        }
        const { settings, lines, id: pendingId } = this.#guard.pending(id);
        if (id !== undefined) await this.#saveSettings(settings);
        return { id: pendingId, lines: [...lines], isSaved: id !== undefined };
      },
      'doctor.runChecks': async () =>
        diagnose(
          redactDeep(
            (
              await Promise.all([
                runDoctor({ dataDir: this.#options.dataDir }),
                dockerFindings(),
                this.#settings.current.provider === 'external'
                  ? externalFindings(this.#settings.current.external)
                  : [],
              ])
            )
              .flat()
              .concat(backendFindings(cluster.state)),
          ),
          this.#settings.current.provider,
        ),
    };
  }

  async #saveSettings(settings: Settings): Promise<Settings> {
    this.#settings.save(settings);
    this.#guard.clear();
    const masked = maskSettings(settings);
    this.hub.emit('settings.settingsChanged', { settings: masked });
    this.#printNotices();
    return masked;
  }

  #launch(settings: Parsed<'attack.launch'>): CommandOutput<'attack.launch'> {
    if (this.#attack?.isActive) {
      throw new FailureError({
        code: 'attack.busy',
        message: 'An attack is running.',
        fix: 'Wait for its verdict, or cancel it.',
      });
    }
    const {
      supervisor,
      deployment,
      cluster: { provider },
    } = this.#cluster.running();
    const cluster = { provider, backends: () => this.#cluster.backends() };
    const away = backendDown(cluster) ?? backendRestarting(cluster);
    if (away) throw away;
    const session = new AttackSession({
      settings,
      version: this.#options.version,
      deployment,
      cluster,
      supervisor,
      gateways: this.#gateways,
      generatorModule: this.#options.modules.generator,
      childEnv: this.#options.childEnv,
      dataDir: this.#options.dataDir,
      onState: (attack) => this.hub.emit('attack.stateChanged', { attack: redactDeep(attack) }),
      onSamples: (runId, samples) => this.hub.emit('attack.samplesTaken', { runId, samples }),
      onLog: (line) => this.#logs.add(line),
      onRecord: async (record) => {
        const run = await this.#runs.save(redactDeep(record));
        this.hub.emit('runs.runSaved', { run });
        await this.#sales.refresh();
      },
    });
    this.#attack = session;
    return session.begin();
  }

  #snapshot(): Snapshot {
    const { attack, samples } = this.#attack
      ? {
          attack: redactDeep(this.#attack.state),
          samples: thinSamples(this.#attack.samples(), SNAPSHOT_SAMPLES),
        }
      : { attack: undefined, samples: [] };
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
      samples,
      ...(attack ? { attack } : {}),
    };
  }

  /** What a person must know of the kept files. */
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

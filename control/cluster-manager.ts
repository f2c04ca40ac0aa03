/**
 * The whole cluster as one thing: backends, schema, gateways, workers.
 *
 * States: stopped → starting → running → stopping → stopped; starting → failed, after everything that was
 * started is stopped again; failed → starting. A start joins a start that is under way, and waits for a stop.
 * Other commands that do not fit the state fail and say what to do first. A backend of ours that ends while
 * the cluster runs is started again, and the cluster keeps running meanwhile (cluster/backend-keeper.ts).
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FailureError } from '../contract/failure.ts';
import {
  NAMES,
  type Cluster,
  type ClusterEvents,
  type Deployment,
  type Endpoints,
} from './cluster/cluster.ts';
import type { LogLine, ClusterState, ServiceRole, ServiceState } from '../contract/state.ts';
import type { ProviderChoice, Settings } from '../contract/settings.ts';
import { type BackendRole, type BackendState, type Provider, type Step } from '../contract/backends.ts';
import { BackendKeeper } from './cluster/backend-keeper.ts';
import { prepareDatabase } from './cluster/prepare-database.ts';
import { startFailure } from './cluster/start-failure.ts';
import { registerSecrets } from '../services/shared/redact.ts';
import type { KeptBackends } from './cluster/providers.ts';
import { chooseProvider, type ProviderProbe } from './cluster/choose-provider.ts';
import { backendDown } from './cluster/backend-down.ts';
import { StepReporter } from './cluster/steps.ts';
import type { ProcessRegistry } from './processes/process-registry.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { Links } from './faults/links/links.ts';
import { findHaproxy } from './cluster/native/find-programs.ts';
import { GatewayBalancer } from './services/gateway-balancer.ts';
import { Supervisor } from './services/supervisor.ts';
import { errorText } from '../services/shared/error-text.ts';

/** ms that a stop may take before what is left is reported. */
const STOP_LIMIT_MS = 60_000;
/** The step of a start that was cancelled. */
const UNDO_STEP = 'stop.undo';

export interface ClusterManagerOptions {
  readonly modules: Readonly<Record<ServiceRole | 'links' | 'reroute', string>>;
  readonly serviceEnv: NodeJS.ProcessEnv;
  readonly dataDir: string;
  /** Notes the services, so that the next start finds what a killed control centre left. */
  readonly registry: ProcessRegistry;
  readonly probe: ProviderProbe;
  readonly maxQuickRestarts?: number | undefined;
  settings(): Settings;
  createCluster(provider: Provider, events: ClusterEvents, highlyAvailable?: boolean): Promise<Cluster>;
  findKept(): Promise<KeptBackends | undefined>;
  onCluster(state: ClusterState): void;
  onServices(services: readonly ServiceState[]): void;
  onLog(line: LogLine): void;
}

export class ClusterManager {
  readonly #options: ClusterManagerOptions;
  /** Where the services send their traces. */
  #otlpUrl = '';
  #state: ClusterState = { state: 'stopped', steps: [], backends: [] };
  #cluster: Cluster | undefined;
  #deployment: Deployment | undefined;
  #supervisor: Supervisor | undefined;
  #balancer: GatewayBalancer | undefined;
  readonly #backends: BackendKeeper;
  #adminToken = '';
  #starting: { readonly abort: AbortController; readonly done: Promise<ClusterState> } | undefined;
  #stopping: Promise<ClusterState> | undefined;

  constructor(options: ClusterManagerOptions) {
    this.#options = options;
    this.#backends = new BackendKeeper({
      step: (id, title, work) => this.#step(id, title, work),
      onChange: () => this.#set(this.#state),
      onLog: (level, text) => this.#log(level, text),
    });
  }

  get state(): ClusterState {
    return this.#state;
  }

  /** Where services and audit work; only while the cluster runs. */
  get deployment(): Deployment | undefined {
    return this.#deployment;
  }

  get supervisor(): Supervisor | undefined {
    return this.#supervisor;
  }

  get adminToken(): string {
    return this.#adminToken;
  }

  get cluster(): Cluster | undefined {
    return this.#cluster;
  }

  /** The backends as they are to be shown: one that is being started again is not lost. */
  backends(): readonly BackendState[] {
    return this.#backends.shown;
  }

  /**
   * Starts everything; answers when gateways and workers serve. A cluster that runs is left as it is.
   * @throws FailureError naming the step; `cluster.backendDown` when it runs without one of its backends
   */
  async start(
    choice: ProviderChoice,
    highlyAvailable = this.#options.settings().highlyAvailable,
    otlpUrl = this.#options.settings().traces.otlpUrl,
  ): Promise<ClusterState> {
    if (this.#state.state === 'running') {
      const down = backendDown(this);
      if (down) throw down;
      return this.#state;
    }
    // Two terminals, or a page and a terminal, may ask at once: both get the one start.
    if (this.#starting) return await this.#starting.done;
    if (this.#stopping) {
      await this.#stopping;
      return await this.start(choice, highlyAvailable, otlpUrl);
    }
    this.#otlpUrl = otlpUrl;
    const abort = new AbortController();
    const done = this.#start(choice, highlyAvailable, abort.signal);
    this.#starting = { abort, done };
    try {
      return await done;
    } finally {
      this.#starting = undefined;
    }
  }

  /**
   * Starts on the backends that an earlier control centre left running, if there are any; a failure shows in
   * the state.
   */
  async adoptKept(): Promise<void> {
    try {
      const kept = await this.#options.findKept();
      if (kept === undefined || this.#state.state !== 'stopped') return;
      this.#log('info', 'backends of an earlier start are running; they are taken over');
      await this.start(kept.provider, kept.highlyAvailable);
    } catch (error) {
      this.#log('warn', `taking over backends: ${errorText(error)}`);
    }
  }

  /**
   * Ends a start that is under way, and waits until what it began is stopped. Harmless when there is none.
   */
  async cancelStart(): Promise<void> {
    if (this.#starting && !this.#starting.abort.signal.aborted) {
      this.#starting.abort.abort();
      this.#upsertStep({
        id: UNDO_STEP,
        title: 'Stop what was started',
        state: 'running',
        startedAtMs: Date.now(),
      });
    }
    // How it ended is told to whoever started.
    await this.#starting?.done.catch(() => undefined);
  }

  /**
   * Stops services and backends.
   * @param backends `keep` leaves the backends running, for the next start to adopt
   */
  async stop(backends: 'stop' | 'keep' = 'stop'): Promise<ClusterState> {
    await this.cancelStart();
    this.#stopping ??= this.#stop(backends).finally(() => {
      this.#stopping = undefined;
    });
    return await this.#stopping;
  }

  async #stop(backends: 'stop' | 'keep'): Promise<ClusterState> {
    if (this.#state.state === 'stopped') return this.#state;
    const isBackendLost = this.#state.backends.some(({ state }) => state !== 'running');
    this.#set({ ...this.#state, state: 'stopping', steps: [] });
    const stack = new ReleaseStack();
    const { cluster, supervisor } = { cluster: this.#cluster, supervisor: this.#supervisor };
    if (cluster)
      stack.add(
        'backends',
        () =>
          this.#step(
            'stop.backends',
            backends === 'stop' ? 'Stop the backends' : 'Leave the backends running',
            () => (backends === 'stop' ? cluster.stop() : cluster.detach()),
          ),
        STOP_LIMIT_MS,
      );
    if (supervisor)
      stack.add(
        'services',
        () =>
          this.#step('stop.services', 'Stop gateways and workers', () => supervisor.stop({ isBackendLost })),
        STOP_LIMIT_MS,
      );
    stack.add('balancer', () => this.#balancer?.stop(), STOP_LIMIT_MS);
    stack.add('restarts', () => this.#backends.unwatch(), STOP_LIMIT_MS);
    try {
      await stack.release();
    } catch (error) {
      this.#log('error', `stop: ${errorText(error)}`);
    }
    this.#release();
    this.#backends.reset(this.#cluster?.backends());
    this.#set({ state: 'stopped', steps: [] });
    return this.#state;
  }

  /** Stops, then removes all data of the cluster; of both local providers when none was started here. */
  async reset(): Promise<ClusterState> {
    const provider = this.#state.provider;
    await this.stop();
    await this.#eachLocal(provider, (cluster) => cluster.reset());
    this.#backends.reset();
    this.#set({ state: 'stopped', steps: [] });
    return this.#state;
  }

  /** Stops what a control centre that was killed has left on this data folder. */
  async clearLeftovers(): Promise<void> {
    await this.#eachLocal(undefined, (cluster) => cluster.stop());
  }

  async #eachLocal(provider: Provider | undefined, work: (cluster: Cluster) => Promise<void>): Promise<void> {
    for (const name of provider ? [provider] : (['native', 'docker'] as const)) {
      // Where no Docker daemon answers there are no containers to look after.
      if (name === 'docker' && !(await this.#options.probe.docker()).isThere) continue;
      await work(await this.#options.createCluster(name, this.#events()));
    }
  }

  /** A proxy between the parts; nothing of it runs until a link is put in. */
  links(): Links {
    const { supervisor, deployment } = this.running();
    const { registry, modules, serviceEnv: env, onLog } = this.#options;
    return new Links({ supervisor, deployment, registry, modules, env, onLog });
  }

  /** Pids of all processes of this data folder but our own. */
  processes(): number[] {
    return this.#options.registry.findProcesses().map(({ pid }) => pid);
  }

  /** The next end of this backend is on purpose, so it does not count towards giving up. */
  expectKill(role: BackendRole): void {
    this.#backends.expectKill(role);
  }

  /** @throws FailureError when the cluster does not run, or a service can't be started */
  async scale(role: ServiceRole, count: number): Promise<ServiceState[]> {
    const { supervisor } = this.running();
    await supervisor.scale(role, count);
    return supervisor.states();
  }

  /** @throws FailureError `cluster.notRunning` */
  running(): { cluster: Cluster; supervisor: Supervisor; deployment: Deployment } {
    const { cluster, supervisor, deployment } = {
      cluster: this.#cluster,
      supervisor: this.#supervisor,
      deployment: this.#deployment,
    };
    if (this.#state.state !== 'running' || !cluster || !supervisor || !deployment) {
      throw new FailureError({
        code: 'cluster.notRunning',
        message: 'The cluster is not running.',
        fix: 'Start the cluster first.',
      });
    }
    return { cluster, supervisor, deployment };
  }

  async #start(choice: ProviderChoice, highlyAvailable: boolean, signal: AbortSignal): Promise<ClusterState> {
    const startedAtMs = Date.now();
    this.#backends.reset();
    this.#set({ state: 'starting', steps: [], startedAtMs, highlyAvailable });
    const undo = new ReleaseStack();
    try {
      const decision = await this.#step('provider', 'Choose where the backends run', async (step) => {
        const chosen = await chooseProvider(choice, this.#options.probe, highlyAvailable);
        step.done(chosen.reason);
        return chosen;
      });
      this.#set({ ...this.#state, provider: decision.provider, reason: decision.reason });
      const owned = await this.#startBackends(decision.provider, decision.fallback, signal, undo);
      registerSecrets(owned.amqpUrl, owned.redisUrl, owned.postgresUrl);
      const deployment = await this.#step('schema', 'Bring the database schema up to date', async (step) => {
        const { provider = decision.provider } = this.#state;
        const database = await prepareDatabase(provider, { ...owned, ...NAMES });
        step.done(database.detail);
        return database.deployment;
      });
      this.#deployment = deployment;
      signal.throwIfAborted();
      await this.#startServices(deployment, signal, undo);
      this.#set({ ...this.#state, state: 'running', startDurationMs: Date.now() - startedAtMs });
      if (this.#cluster) this.#backends.watch(this.#cluster);
      return this.#state;
    } catch (error) {
      await undo
        .release()
        .catch((problem: unknown) => this.#log('error', `undoing the start: ${String(problem)}`));
      this.#release();
      const failure = startFailure(error, this.#state.steps, signal);
      const steps = this.#state.steps.map((step): Step => {
        if (step.state !== 'running') return step;
        if (step.id !== UNDO_STEP) return { ...step, state: 'failed' };
        return { ...step, state: 'done', durationMs: Date.now() - (step.startedAtMs ?? Date.now()) };
      });
      this.#set({
        ...this.#state,
        state: signal.aborted ? 'stopped' : 'failed',
        steps,
        failure: failure.failure,
      });
      throw failure;
    }
  }

  /** Starts the backends; under `auto`, images that can't be had make way for the machine's own backends. */
  async #startBackends(
    provider: Provider,
    fallback: Provider | undefined,
    signal: AbortSignal,
    undo: ReleaseStack,
  ): Promise<Endpoints> {
    const { highlyAvailable } = this.#state;
    const cluster = await this.#options.createCluster(provider, this.#events(), highlyAvailable);
    this.#cluster = cluster;
    try {
      const endpoints = await cluster.start(signal);
      undo.add('backends', () => cluster.stop(), STOP_LIMIT_MS);
      return endpoints;
    } catch (error) {
      const isPull = error instanceof FailureError && error.failure.code.startsWith('docker.pull');
      if (!fallback || !isPull || signal.aborted) throw error;
      const reason = `auto: ${error.failure.message} The machine's own backends are used instead.`;
      this.#log('warn', reason);
      this.#backends.reset();
      this.#set({ ...this.#state, provider: fallback, reason });
      return await this.#startBackends(fallback, undefined, signal, undo);
    }
  }

  async #startServices(deployment: Deployment, signal: AbortSignal, undo: ReleaseStack): Promise<void> {
    const settings = this.#options.settings();
    const { highlyAvailable = false } = this.#state;
    let balancer: GatewayBalancer | undefined;
    this.#adminToken = randomBytes(24).toString('base64url');
    registerSecrets(this.#adminToken);
    const supervisor = new Supervisor({
      modules: this.#options.modules,
      deployment,
      adminToken: this.#adminToken,
      // Of what buyers reach: the gateways, or what stands before them.
      gatewayPort: highlyAvailable ? 0 : settings.gatewayPort,
      env: {
        ...this.#options.serviceEnv,
        // Without the setting, what the environment says.
        ...(this.#otlpUrl === '' ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: this.#otlpUrl }),
      },
      registry: this.#options.registry,
      maxQuickRestarts: this.#options.maxQuickRestarts,
      onChange: (services) => {
        balancer?.update(services);
        this.#options.onServices(services);
      },
      onLog: this.#options.onLog,
    });
    this.#supervisor = supervisor;
    supervisor.onSample((id, { health }) => this.#backends.observe(id, health));
    undo.add('services', () => supervisor.stop(), STOP_LIMIT_MS);
    const bring = (role: ServiceRole, count: number, title: string) =>
      this.#step(`${role}.start`, title, async (step) => {
        await supervisor.scale(role, count);
        step.done(`${count} ready`);
      });
    // Others go on where one ends: that takes two.
    const atLeast = highlyAvailable ? 2 : 1;
    await Promise.all([
      bring('gateway', Math.max(atLeast, settings.gateways), 'Start the gateways'),
      bring('worker', Math.max(atLeast, settings.workers), 'Start the workers'),
    ]);
    signal.throwIfAborted();
    if (highlyAvailable) balancer = await this.#balance(supervisor, undo);
  }

  /** One address before the gateways: whoever comes while one of them is away goes to another. */
  async #balance(supervisor: Supervisor, undo: ReleaseStack): Promise<GatewayBalancer> {
    return await this.#step('balancer.start', 'Start HAProxy before the gateways', async (step) => {
      const { program } = await findHaproxy();
      const { registry, dataDir, settings } = this.#options;
      const balancer = await GatewayBalancer.start(
        {
          program,
          folder: join(dataDir, 'native', 'gateways'),
          port: settings().gatewayPort,
          registry,
          onLog: (level, text) => this.#log(level, text),
        },
        supervisor.states(),
      );
      supervisor.frontUrl = balancer.url;
      this.#balancer = balancer;
      undo.add('balancer', () => balancer.stop(), STOP_LIMIT_MS);
      this.#set({ ...this.#state, buyersUrl: balancer.url });
      step.done(balancer.url);
      return balancer;
    });
  }

  #step<Value>(
    id: string,
    title: string,
    work: (step: StepReporter) => Promise<Value> | Value,
  ): Promise<Value> {
    return new StepReporter(this.#events(), id, title).run(work);
  }

  #events(): ClusterEvents {
    return {
      onStep: (step) => this.#upsertStep(step),
      onBackend: (backend) => this.#backends.handle(backend),
      onLog: this.#options.onLog,
    };
  }

  #upsertStep(step: Step): void {
    const steps = this.#state.steps.some((present) => present.id === step.id)
      ? this.#state.steps.map((present) => (present.id === step.id ? step : present))
      : [...this.#state.steps, step];
    this.#set({ ...this.#state, steps });
  }

  #set(state: Omit<ClusterState, 'backends'>): void {
    this.#state = { ...state, backends: [...this.#backends.shown] };
    this.#options.onCluster(this.#state);
  }

  #release(): void {
    this.#supervisor = undefined;
    this.#balancer = undefined;
    this.#deployment = undefined;
    this.#adminToken = '';
    this.#options.onServices([]);
  }

  #log(level: LogLine['level'], text: string): void {
    this.#options.onLog({ atMs: Date.now(), part: 'control', level, text });
  }
}

/**
 * The native cluster: private instances of the machine's own RabbitMQ, Redis and Postgres, below a data
 * folder, on free ports of 127.0.0.1. The system's services are never touched.
 *
 * A start adopts what an earlier one left running, if it is healthy and configured as it would be now; else
 * it clears it.
 */
import { byteSize } from '../../../contract/format.ts';
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Cluster, type ClusterEvents, type Endpoints } from '../cluster.ts';
import {
  type BackendRole,
  type BackendState,
  type BackendStats,
  BACKEND_TITLES,
} from '../../../contract/backends.ts';
import { FailureError } from '../../../contract/failure.ts';
import { cancelled, asFolderFailure, diskFull, throwIfCancelled, throwIfUnusable } from './failures.ts';
import { BackendGroup } from './backend-group.ts';
import type { SettingsKeeper } from './backend-ports.ts';
import type { BackendRunner } from './backend-runner.ts';
import {
  type BackendPrograms,
  type HighAvailabilityBinaries,
  findHighAvailability,
  findPrograms,
  installHint,
} from './find-programs.ts';
import {
  type ClusterLayout,
  HIGHLY_AVAILABLE,
  HIGHLY_AVAILABLE_PORT,
  SINGLE,
  highlyAvailableLayout,
  singleLayout,
} from './layouts.ts';
import { dataFolder } from '../../lib/data-folder.ts';
import { removeAsOwner } from './backend-folder.ts';
import { backendFolders, fallbackDir } from './postgres-home.ts';
import { type ProcessHost, thisMachine } from './process-host.ts';
import { type PortName, choosePorts, openSettings, replacePorts } from './settings.ts';
import { StepReporter } from '../steps.ts';
import { UsageMeter, familyOf } from './usage.ts';
import { type FoundProcess, ProcessRegistry } from '../../processes/process-registry.ts';
import { isStopped } from '../../processes/process-table.ts';
import { errorText } from '../../../services/shared/error-text.ts';

/** Bytes that the backends need to begin: RabbitMQ blocks publishers below 256 MB. */
const MIN_FREE_BYTES = 512 * 1024 * 1024;
const LEFTOVER_STOP_LIMIT_MS = 5_000;
/** In the order in which they are shown; they start together. */
const ROLES = ['redis', 'postgres', 'rabbitmq'] as const satisfies readonly BackendRole[];
export interface NativeClusterOptions {
  /** Everything of the cluster lies below it. One control centre at a time: see `acquireLock`. */
  readonly dataDir: string;
  readonly events: ClusterEvents;
  /** Where the backends are; looked for on this machine by default. */
  readonly find?: (signal: AbortSignal) => Promise<BackendPrograms>;
  readonly findHelpers?: () => Promise<HighAvailabilityBinaries>;
  /** Where they run; this machine by default. */
  readonly host?: ProcessHost;
  /** Ports that were chosen; 0 or nothing keeps or finds a free one. */
  readonly ports?: Readonly<Record<BackendRole, number>>;
  /** Several members of each backend, which take over from each other. */
  readonly highlyAvailable?: boolean;
}

export interface NativeCluster extends Cluster {
  /** Lets go of the backends without stopping them: another control centre may adopt them. */
  detach(): void;
}

/** A cluster of the machine's own backends. Nothing happens before `start`. */
export function createNativeCluster(options: NativeClusterOptions): NativeCluster {
  return new LocalCluster(options);
}

type Found = Required<Pick<BackendPrograms, BackendRole>> & {
  readonly programs: HighAvailabilityBinaries | undefined;
};

class LocalCluster implements NativeCluster {
  readonly #dataDir: string;
  readonly #nativeDir: string;
  readonly #events: ClusterEvents;
  readonly #find: (signal: AbortSignal) => Promise<BackendPrograms>;
  readonly #findHelpers: () => Promise<HighAvailabilityBinaries>;
  readonly #host: ProcessHost;
  readonly #usage = new UsageMeter();
  readonly #ports: Readonly<Record<PortName, number>>;
  readonly #isHighlyAvailable: boolean;
  #groups: BackendGroup[] = [];
  #starting: { readonly abort: AbortController; readonly done: Promise<unknown> } | undefined;

  constructor({
    dataDir,
    events,
    find = () => findPrograms(),
    findHelpers = () => findHighAvailability(),
    host = thisMachine,
    ports = { redis: 0, postgres: 0, rabbitmq: 0 },
    highlyAvailable = false,
  }: NativeClusterOptions) {
    this.#dataDir = resolve(dataDir);
    this.#nativeDir = join(this.#dataDir, 'native');
    this.#events = events;
    this.#find = find;
    this.#findHelpers = findHelpers;
    this.#host = host;
    this.#isHighlyAvailable = highlyAvailable;
    this.#ports = Object.fromEntries(
      ROLES.filter((role) => ports[role] !== 0).map((role) => [
        highlyAvailable ? HIGHLY_AVAILABLE_PORT[role] : role,
        ports[role],
      ]),
    );
  }

  get provider() {
    return this.#host.provider;
  }

  async start(signal: AbortSignal): Promise<Endpoints> {
    if (this.#starting) {
      throw new FailureError({
        code: 'cluster.busy',
        message: 'The cluster is starting already.',
        fix: 'Wait until that is done.',
      });
    }
    const abort = new AbortController();
    const started = this.#start(abort, AbortSignal.any([signal, abort.signal]));
    this.#starting = { abort, done: started.catch(() => undefined) };
    try {
      return await started;
    } finally {
      this.#starting = undefined;
    }
  }

  async stop(): Promise<void> {
    this.#starting?.abort.abort();
    await this.#starting?.done;
    await this.#stopAll();
  }

  async reset(): Promise<void> {
    await this.stop();
    if (!existsSync(this.#dataDir)) return;
    const { id } = new ProcessRegistry(this.#dataDir);
    for (const folder of [this.#nativeDir, fallbackDir(id)]) removeAsOwner(folder);
    this.#groups = [];
  }

  backends(): readonly BackendState[] {
    return this.#groups.map((group) => group.state);
  }

  stats(): Promise<readonly BackendStats[]> {
    const running = this.#groups.map(({ role, runners }) => ({
      role,
      pids: runners.flatMap((runner) => (runner.isRunning ? runner.pids : [])),
    }));
    return Promise.resolve(this.#usage.read(running.filter(({ pids }) => pids.length > 0)));
  }

  /** Without a member: one after the other, so that the others serve meanwhile. */
  async restart(role: BackendRole, signal: AbortSignal, member?: string): Promise<void> {
    for (const runner of await this.#choose(role, member)) await runner.restart(signal);
  }

  async kill(role: BackendRole, member?: string): Promise<void> {
    for (const runner of await this.#choose(role, member)) runner.kill();
  }

  async pause(role: BackendRole, member?: string): Promise<void> {
    for (const runner of await this.#choose(role, member)) runner.signalFamily('SIGSTOP');
  }

  async resume(role: BackendRole, member?: string): Promise<void> {
    for (const runner of await this.#choose(role, member)) runner.signalFamily('SIGCONT');
  }

  async isPaused(role: BackendRole, member?: string): Promise<boolean> {
    return (await this.#choose(role, member)).some(({ pid }) => isStopped(pid ?? 0));
  }

  async run(role: BackendRole, script: string, member?: string): Promise<string> {
    const group = this.#group(role);
    const runner = member === undefined ? group?.leading : (await group?.choose(member))?.[0];
    return (await runner?.run(script)) ?? '';
  }

  #group(role: BackendRole): BackendGroup | undefined {
    return this.#groups.find((group) => group.role === role);
  }

  async #choose(role: BackendRole, member: string | undefined): Promise<readonly BackendRunner[]> {
    return (await this.#group(role)?.choose(member)) ?? [];
  }

  detach(): void {
    for (const group of this.#groups) {
      group.detach();
      for (const runner of group.runners) runner.detach();
    }
    this.#groups = [];
  }

  async #start(abort: AbortController, signal: AbortSignal): Promise<Endpoints> {
    // Each process waits for it.
    setMaxListeners(0, signal);
    // All at once, so that the whole way is shown from the beginning.
    const step = (id: string, title: string) => new StepReporter(this.#events, id, title);
    const find = step('backends.find', 'Look for the backends');
    const prepare = step('folder.prepare', 'Prepare the data folder');
    const clear = step('leftovers.clear', 'Adopt or clear what still runs');
    const start = (role: BackendRole) => step(`${role}.start`, `Start ${BACKEND_TITLES[role]}`);
    const startSteps = { redis: start('redis'), postgres: start('postgres'), rabbitmq: start('rabbitmq') };
    try {
      const binaries = await find.run(() => this.#findAll(find, signal));
      throwIfCancelled(signal);
      const { registry, settings } = await prepare.run(() => this.#prepare(prepare));
      throwIfCancelled(signal);
      this.detach();
      const layout = this.#layout(binaries, registry);
      this.#groups = await clear.run(() => this.#adoptOrClear(clear, layout, registry, settings));
      throwIfCancelled(signal);
      const starts = this.#groups.map((group) =>
        startSteps[group.role]
          .run((own) => group.start(own, signal))
          .catch((error: unknown) => {
            // One failed: the others need not go on.
            abort.abort();
            throw error;
          }),
      );
      const results = await Promise.allSettled(starts);
      const failure = mainFailure(results);
      if (failure !== undefined) throw failure;
      throwIfCancelled(signal);
      return layout.endpoints(settings.current);
    } catch (error) {
      await this.#stopAll().catch((problem: unknown) => {
        // What made the start fail comes first; what could not be stopped is found by the next one.
        const text = `after a failed start: ${errorText(problem)}`;
        this.#events.onLog({ atMs: Date.now(), part: 'control', level: 'error', text });
      });
      throw asFolderFailure(error, this.#dataDir);
    }
  }

  async #findAll(step: StepReporter, signal: AbortSignal) {
    const binaries = await this.#find(signal);
    const missing = ROLES.filter((role) => !binaries[role]);
    const { redis, postgres, rabbitmq } = binaries;
    if (!redis || !postgres || !rabbitmq) {
      const problems = missing.map(
        (role) => binaries.problems[role] ?? `${BACKEND_TITLES[role]} is not on this machine`,
      );
      throw new FailureError({
        code: 'native.backendMissing',
        message: `${problems.join('; ')}.`,
        fix: installHint(missing),
      });
    }
    step.done(`Redis ${redis.version}, Postgres ${postgres.version}, RabbitMQ ${rabbitmq.version}`);
    const programs = this.#isHighlyAvailable ? await this.#findHelpers() : undefined;
    return { redis, postgres, rabbitmq, programs };
  }

  #layout({ programs, ...binaries }: Found, registry: ProcessRegistry): ClusterLayout {
    const { folders: names } = programs ? HIGHLY_AVAILABLE : SINGLE;
    const host = this.#host;
    // What lies in an image is readable to whoever runs in it.
    const here = host === thisMachine ? binaries : {};
    const folders = backendFolders(here, this.#nativeDir, registry.id, names);
    return programs
      ? highlyAvailableLayout({ binaries, programs, folders, registryId: registry.id, host })
      : singleLayout(binaries, folders, registry.id);
  }

  async #prepare(step: StepReporter) {
    throwIfUnusable(this.#dataDir);
    try {
      // Others may pass through: as root, the backends run as another user. What lies in it is closed to
      // them.
      dataFolder(this.#nativeDir);
      const probe = join(this.#nativeDir, `.probe-${randomBytes(4).toString('hex')}`);
      writeFileSync(probe, 'x');
      rmSync(probe);
      const { bavail, bsize } = await statfs(this.#nativeDir);
      if (bavail * bsize < MIN_FREE_BYTES) {
        throw diskFull(
          `Only ${byteSize(bavail * bsize)} are free for ${this.#nativeDir}; the backends need ${byteSize(MIN_FREE_BYTES)}`,
        );
      }
      const registry = new ProcessRegistry(this.#dataDir);
      const settings = await keepSettings(
        join(this.#nativeDir, 'settings.json'),
        this.#ports,
        this.#isHighlyAvailable ? HIGHLY_AVAILABLE.ports : SINGLE.ports,
      );
      step.done(this.#nativeDir);
      return { registry, settings };
    } catch (error) {
      throw asFolderFailure(error, this.#dataDir);
    }
  }

  async #adoptOrClear(
    step: StepReporter,
    layout: ClusterLayout,
    registry: ProcessRegistry,
    settings: SettingsKeeper,
  ) {
    const groups = layout.backends.map(
      (backend) =>
        new BackendGroup({
          layout: backend,
          settings,
          events: this.#events,
          runnerOptions: (name) => ({
            host: this.#host,
            registry,
            logPath: join(this.#nativeDir, 'logs', `${name}.log`),
          }),
        }),
    );
    const runners = groups.flatMap((group) => group.runners);
    const found = registry.findProcesses();
    const adopted = await Promise.all(runners.map((runner) => runner.tryAdopt(found)));
    const kept = new Set(runners.flatMap((runner) => keptPids(runner, found)));
    const leftovers = found.filter((one) => !kept.has(one.pid) && (one.isBackend || !one.isOwned));
    await registry.stopAll(leftovers, { limitMs: LEFTOVER_STOP_LIMIT_MS });
    await this.#host.clear(kept);
    const names = runners.filter((_, index) => adopted[index]).map(({ driver }) => driver.title);
    const detail = [
      names.length > 0 ? `adopted ${names.join(', ')}` : '',
      leftovers.length > 0 ? `cleared ${leftovers.map((one) => `${one.role} (${one.pid})`).join(', ')}` : '',
    ].filter(Boolean);
    const users = new Set(runners.flatMap(({ userName }) => userName ?? []));
    if (users.size > 0) detail.push(`run as the user ${[...users].join(', ')}`);
    step.done(detail.join('; ') || 'nothing was left');
    return groups;
  }

  /**
   * Stops the backends that are known, then whatever else of them is found, and services that a dead control
   * centre left.
   */
  async #stopAll(): Promise<void> {
    await Promise.all(this.#groups.map((group) => group.stop()));
    if (!existsSync(join(this.#dataDir, 'cluster-id.json'))) return;
    const registry = new ProcessRegistry(this.#dataDir);
    const rest = registry.findProcesses().filter((one) => one.isBackend || !one.isOwned);
    await registry.stopAll(rest, { limitMs: LEFTOVER_STOP_LIMIT_MS });
    await this.#host.clear(new Set());
  }
}

/** What an adopted backend consists of: its processes, and all that descend from them. */
function keptPids(runner: BackendRunner, found: readonly FoundProcess[]): number[] {
  const all = new Map(found.map((one) => [one.pid, one]));
  return runner.pids.flatMap((pid) => familyOf(pid, all));
}

async function keepSettings(
  path: string,
  chosen: Readonly<Record<PortName, number>>,
  more: readonly PortName[],
): Promise<SettingsKeeper> {
  let current = await choosePorts(path, await openSettings(path, more), chosen);
  return {
    fixedPorts: new Set(Object.keys(chosen)),
    get current() {
      return current;
    },
    replacePorts(ports) {
      current = replacePorts(path, current, ports);
    },
  };
}

/** The failure that explains the others: those that were merely told to end come second. */
function mainFailure(results: readonly PromiseSettledResult<unknown>[]): unknown {
  const reasons = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  const isCancel = (reason: unknown) =>
    reason instanceof FailureError && reason.failure.code === cancelled().failure.code;
  return reasons.find((reason) => !isCancel(reason)) ?? reasons[0];
}

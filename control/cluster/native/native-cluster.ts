/**
 * The native cluster: private instances of the machine's own RabbitMQ, Redis and Postgres, below a data
 * folder, on free ports of 127.0.0.1. The system's services are never touched.
 *
 * A start adopts what an earlier one left running, if it is healthy and configured as it would be now; else
 * it clears it.
 */
import { byteSize } from '../../../contract/format.ts';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { refuseMember, type Cluster, type ClusterEvents, type Endpoints } from '../cluster.ts';
import {
  type BackendRole,
  type BackendState,
  type BackendStats,
  BACKEND_TITLES,
} from '../../../contract/backends.ts';
import { FailureError } from '../../../contract/failure.ts';
import { cancelled, asFolderFailure, diskFull, throwIfCancelled, throwIfUnusable } from './failures.ts';
import type { BackendDriver } from './backend.ts';
import type { SettingsKeeper } from './backend-ports.ts';
import { BackendRunner } from './backend-runner.ts';
import { type BackendPrograms, findPrograms, installHint } from './find-programs.ts';
import { dataFolder } from '../../lib/data-folder.ts';
import { removeAsOwner } from './backend-folder.ts';
import { backendFolders, fallbackDir } from './postgres-home.ts';
import { postgresDriver } from './postgres.ts';
import { rabbitmqDriver } from './rabbitmq.ts';
import { redisDriver } from './redis.ts';
import { choosePorts, endpointsOf, openSettings, replacePorts } from './settings.ts';
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
  readonly find?: () => Promise<BackendPrograms>;
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

class LocalCluster implements NativeCluster {
  readonly provider = 'native';
  readonly #dataDir: string;
  readonly #nativeDir: string;
  readonly #events: ClusterEvents;
  readonly #find: () => Promise<BackendPrograms>;
  readonly #usage = new UsageMeter();
  readonly #ports: Readonly<Partial<Record<BackendRole, number>>>;
  #runners: BackendRunner[] = [];
  #starting: { readonly abort: AbortController; readonly done: Promise<unknown> } | undefined;

  constructor({
    dataDir,
    events,
    find = () => findPrograms(),
    ports = { redis: 0, postgres: 0, rabbitmq: 0 },
  }: NativeClusterOptions) {
    this.#dataDir = resolve(dataDir);
    this.#nativeDir = join(this.#dataDir, 'native');
    this.#events = events;
    this.#find = find;
    this.#ports = Object.fromEntries(Object.entries(ports).filter(([, port]) => port !== 0));
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
    this.#runners = [];
  }

  backends(): readonly BackendState[] {
    return this.#runners.map((runner) => runner.state);
  }

  stats(): Promise<readonly BackendStats[]> {
    const running = this.#runners.flatMap(({ driver, pid, isRunning }) =>
      isRunning && pid !== undefined ? [{ role: driver.role, pid }] : [],
    );
    return Promise.resolve(this.#usage.read(running));
  }

  async restart(role: BackendRole, signal: AbortSignal, member?: string): Promise<void> {
    await this.#runner(role, member)?.restart(signal);
  }

  kill(role: BackendRole, member?: string): Promise<void> {
    this.#runner(role, member)?.kill();
    return Promise.resolve();
  }

  pause(role: BackendRole, member?: string): Promise<void> {
    this.#runner(role, member)?.signalFamily('SIGSTOP');
    return Promise.resolve();
  }

  resume(role: BackendRole, member?: string): Promise<void> {
    this.#runner(role, member)?.signalFamily('SIGCONT');
    return Promise.resolve();
  }

  isPaused(role: BackendRole, member?: string): Promise<boolean> {
    return Promise.resolve(isStopped(this.#runner(role, member)?.pid ?? 0));
  }

  async run(role: BackendRole, script: string, member?: string): Promise<string> {
    return (await this.#runner(role, member)?.run(script)) ?? '';
  }

  #runner(role: BackendRole, member?: string): BackendRunner | undefined {
    refuseMember(role, member);
    return this.#runners.find((runner) => runner.driver.role === role);
  }

  detach(): void {
    for (const runner of this.#runners) runner.detach();
    this.#runners = [];
  }

  async #start(abort: AbortController, signal: AbortSignal): Promise<Endpoints> {
    // All at once, so that the whole way is shown from the beginning.
    const step = (id: string, title: string) => new StepReporter(this.#events, id, title);
    const find = step('backends.find', 'Look for the backends');
    const prepare = step('folder.prepare', 'Prepare the data folder');
    const clear = step('leftovers.clear', 'Adopt or clear what still runs');
    const start = (role: BackendRole) => step(`${role}.start`, `Start ${BACKEND_TITLES[role]}`);
    const startSteps = { redis: start('redis'), postgres: start('postgres'), rabbitmq: start('rabbitmq') };
    try {
      const binaries = await find.run(() => this.#findAll(find));
      throwIfCancelled(signal);
      const { registry, settings } = await prepare.run(() => this.#prepare(prepare));
      throwIfCancelled(signal);
      this.detach();
      this.#runners = await clear.run(() => this.#adoptOrClear(clear, binaries, registry, settings));
      throwIfCancelled(signal);
      const starts = this.#runners.map((runner) =>
        startSteps[runner.driver.role]
          .run((own) => this.#startBackend(own, runner, signal))
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
      return endpointsOf(settings.current);
    } catch (error) {
      await this.#stopAll().catch((problem: unknown) => {
        // What made the start fail comes first; what could not be stopped is found by the next one.
        const text = `after a failed start: ${errorText(problem)}`;
        this.#events.onLog({ atMs: Date.now(), part: 'control', level: 'error', text });
      });
      throw asFolderFailure(error, this.#dataDir);
    }
  }

  async #findAll(step: StepReporter) {
    const binaries = await this.#find();
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
    return { redis, postgres, rabbitmq };
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
      const settings = await keepSettings(join(this.#nativeDir, 'settings.json'), this.#ports);
      step.done(this.#nativeDir);
      return { registry, settings };
    } catch (error) {
      throw asFolderFailure(error, this.#dataDir);
    }
  }

  async #adoptOrClear(
    step: StepReporter,
    binaries: Required<Pick<BackendPrograms, BackendRole>>,
    registry: ProcessRegistry,
    settings: SettingsKeeper,
  ) {
    const folders = backendFolders(binaries, this.#nativeDir, registry.id);
    const drivers: readonly BackendDriver[] = [
      redisDriver(binaries.redis, folders.redis, registry.id),
      postgresDriver(binaries.postgres, folders.postgres),
      rabbitmqDriver(binaries.rabbitmq, folders.rabbitmq),
    ];
    const runners = drivers.map(
      (driver) =>
        new BackendRunner({
          driver,
          registry,
          settings,
          logPath: join(this.#nativeDir, 'logs', `${driver.role}.log`),
          events: this.#events,
        }),
    );
    const found = registry.findProcesses();
    const adopted = await Promise.all(runners.map((runner) => runner.tryAdopt(found)));
    const kept = new Set(runners.flatMap((runner) => keptPids(runner, found)));
    const leftovers = found.filter((one) => !kept.has(one.pid) && (one.isBackend || !one.isOwned));
    await registry.stopAll(leftovers, { limitMs: LEFTOVER_STOP_LIMIT_MS });
    const names = runners.filter((_, index) => adopted[index]).map(({ driver }) => driver.title);
    const detail = [
      names.length > 0 ? `adopted ${names.join(', ')}` : '',
      leftovers.length > 0 ? `cleared ${leftovers.map((one) => `${one.role} (${one.pid})`).join(', ')}` : '',
    ].filter(Boolean);
    const users = new Set(Object.values(folders).flatMap(({ user }) => user?.name ?? []));
    if (users.size > 0) detail.push(`run as the user ${[...users].join(', ')}`);
    step.done(detail.join('; ') || 'nothing was left');
    return runners;
  }

  async #startBackend(step: StepReporter, runner: BackendRunner, signal: AbortSignal): Promise<void> {
    const where = () => `port ${runner.state.port}, pid ${runner.pid}`;
    if (runner.isRunning) return step.skip(`adopted: ${where()}`);
    await runner.initialise(signal);
    await runner.start(signal);
    step.done(where());
  }

  /**
   * Stops the backends that are known, then whatever else of them is found, and services that a dead control
   * centre left.
   */
  async #stopAll(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.stop()));
    if (!existsSync(join(this.#dataDir, 'cluster-id.json'))) return;
    const registry = new ProcessRegistry(this.#dataDir);
    const rest = registry.findProcesses().filter((one) => one.isBackend || !one.isOwned);
    await registry.stopAll(rest, { limitMs: LEFTOVER_STOP_LIMIT_MS });
  }
}

/** What an adopted backend consists of: its processes, and all that descend from them. */
function keptPids(runner: BackendRunner, found: readonly FoundProcess[]): number[] {
  const all = new Map(found.map((one) => [one.pid, one]));
  return runner.pids.flatMap((pid) => familyOf(pid, all));
}

async function keepSettings(
  path: string,
  chosen: Readonly<Partial<Record<BackendRole, number>>>,
): Promise<SettingsKeeper> {
  let current = await choosePorts(path, await openSettings(path), chosen);
  return {
    fixedPorts: new Set(ROLES.filter((role) => chosen[role] !== undefined)),
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

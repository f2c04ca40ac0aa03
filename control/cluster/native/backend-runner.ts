/**
 * Runs one backend: starts or adopts its processes, proves that it serves, watches it and stops it.
 *
 * States: stopped → starting → running → stopping → stopped; starting → failed; running → failed when its
 * process ends by itself; running ↔ unhealthy while it is frozen; failed → starting; running | failed →
 * starting by a restart.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { withLimit } from '../../../services/shared/time-limit.ts';
import type { BackendState } from '../../../contract/backends.ts';
import { errorText, FailureError } from '../../../contract/failure.ts';
import {
  type FoundProcess,
  type ProcessRegistry,
  killGroup,
  signalProcess,
} from '../../processes/process-registry.ts';
import {
  type ProcessIdentity,
  identify,
  isAlive,
  isStopped,
  listProcesses,
} from '../../processes/process-table.ts';
import type { ClusterEvents } from '../cluster.ts';
import type { BackendDriver, ProcessPlan } from './backend.ts';
import { replaceTakenPorts, takenPorts, type SettingsKeeper } from './backend-ports.ts';
import { backendExited, portTaken, throwIfCancelled, whenAborted } from './failures.ts';
import { lastLines, rotateLog, sizeOf, tailLog } from './log-tail.ts';
import { familyOf } from './usage.ts';
import { portOf } from './settings.ts';
import type { ProcessHost } from './process-host.ts';
import type { RunningProcess } from './spawn-process.ts';
import { connectsTo, waitUntilReady } from './wait-until-ready.ts';

const PROBE_LIMIT_MS = 15_000;
const ADOPT_LIMIT_MS = 5_000;
const WATCH_INTERVAL_MS = 500;
const HELPER_STOP_LIMIT_MS = 5_000;
const INITIALISE_LIMIT_MS = 120_000;
/** ms that a sick backend may take to stop before it is killed: most often it can't. */
const RESTART_STOP_LIMIT_MS = 5_000;
const MAX_PORT_CHANGES = 4;
const SCRIPT_LIMIT_MS = 30_000;
export interface BackendRunnerOptions {
  readonly driver: BackendDriver;
  readonly host: ProcessHost;
  readonly registry: ProcessRegistry;
  readonly settings: SettingsKeeper;
  readonly logPath: string;
  readonly events: ClusterEvents;
}

export class BackendRunner {
  readonly driver: BackendDriver;
  readonly #options: BackendRunnerOptions;
  #processes: RunningProcess[] = [];
  #state: BackendState;
  #logFrom = 0;
  #unwatch: () => void = () => undefined;

  constructor(options: BackendRunnerOptions) {
    this.driver = options.driver;
    this.#options = options;
    this.#state = { role: options.driver.role, state: 'stopped', version: options.driver.version };
  }

  get state(): BackendState {
    return this.#state;
  }

  /** Pid of the backend itself, while it runs. */
  get pid(): number | undefined {
    return this.#processes.at(-1)?.identity.pid;
  }

  /** Of the system, as whom it runs; `undefined` for our own. */
  get userName(): string | undefined {
    return this.driver.plan(this.#options.settings.current).at(-1)?.user?.name;
  }

  /** Pid of a process of it that is no child of ours: the Postgres of a Patroni. */
  get daemonPid(): number | undefined {
    return this.driver.daemonPid?.();
  }

  /** Pids of all its processes that it knows. */
  get pids(): number[] {
    const daemon = this.daemonPid;
    return [
      ...this.#processes.map((one) => one.identity.pid),
      ...(this.pid === undefined || daemon === undefined ? [] : [daemon]),
    ];
  }

  /** Whether this runner holds the backend, and it runs. */
  get isRunning(): boolean {
    const main = this.#processes.at(-1);
    return this.#state.state === 'running' && main !== undefined && isAlive(main.identity);
  }

  /**
   * Takes over processes that already run, if they are ours, have today's configuration and serve.
   * @returns whether it has
   */
  async tryAdopt(found: readonly FoundProcess[]): Promise<boolean> {
    const { driver, registry, settings } = this.#options;
    const fingerprint = driver.fingerprint(settings.current);
    const roles = driver.plan(settings.current).map((plan) => plan.role);
    const processes = roles.map((role) =>
      found.find((one) => one.role === role && one.fingerprint === fingerprint),
    );
    if (!processes.every((one) => one !== undefined)) return false;
    try {
      await withLimit(driver.probe(settings.current), ADOPT_LIMIT_MS, `${driver.title} did not answer`);
    } catch {
      // It is ours and does not serve: the caller clears it and starts it again.
      return false;
    }
    for (const one of processes) registry.adopt(one);
    this.#unwatch();
    this.#processes = processes.map((one) => ({ role: one.role, identity: one }));
    this.#logFrom = sizeOf(this.#options.logPath);
    this.#watch();
    this.#setState('running', {
      startedAtMs: processes.at(-1)?.recordedAtMs ?? Date.now(),
      detail: 'adopted',
    });
    return true;
  }

  /** Creates the backend's data where there are none yet. */
  async initialise(signal: AbortSignal): Promise<void> {
    const { driver, settings } = this.#options;
    await driver.initialise?.(settings.current, (plan) => this.#runToEnd(plan, signal), signal);
  }

  /**
   * Takes other ports where another program listens on its own.
   * @throws FailureError when a taken port must stay
   */
  async choosePorts(): Promise<void> {
    await replaceTakenPorts(this.driver, this.#options.settings, false);
  }

  /**
   * Starts the backend and waits until it serves. It takes other ports where another program listens on its
   * own.
   * @throws FailureError; none of its processes run then
   */
  async start(signal: AbortSignal): Promise<void> {
    await this.#start(signal, false);
  }

  /**
   * Ends what is left of the backend and starts it again, on the same ports, which the services know.
   * @throws FailureError; none of its processes run then
   */
  async restart(signal: AbortSignal): Promise<void> {
    this.#unwatch();
    await this.#stopProcesses(RESTART_STOP_LIMIT_MS);
    await this.#start(signal, true);
  }

  async #start(signal: AbortSignal, keepsPorts: boolean): Promise<void> {
    const { driver, settings } = this.#options;
    this.#setState('starting', {});
    let isCautious = false;
    for (let changes = 0; ;) {
      try {
        // It has failed then, too: one that runs in a cluster is started again by whoever keeps it.
        throwIfCancelled(signal);
        await replaceTakenPorts(driver, settings, keepsPorts);
      } catch (error) {
        throw this.#failed(error);
      }
      driver.configure(settings.current);
      try {
        await this.#startOnce(isCautious, signal);
        this.#watch();
        this.#setState('running', { startedAtMs: Date.now() });
        return;
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error));
        await this.#stopProcesses(0);
        const isExit = failure instanceof FailureError && failure.failure.code === 'native.backendExited';
        if (isExit && (await takenPorts(driver, settings)).length > 0) {
          if (++changes <= MAX_PORT_CHANGES) continue;
          throw this.#failed(
            portTaken(
              driver.title,
              driver.ports.map((name) => portOf(settings.current, name)),
            ),
          );
        }
        if (isExit && !isCautious && driver.cautiousPlan) {
          this.#log('warn', `${driver.title} ended at once: trying the package's own start script`);
          isCautious = true;
          continue;
        }
        throw this.#failed(failure);
      }
    }
  }

  /** Asks the backend to stop, kills it when that takes too long, and keeps its data. */
  async stop(): Promise<void> {
    this.#unwatch();
    if (this.#processes.length > 0) {
      this.#setState('stopping', {});
      await this.#stopProcesses(this.driver.stopLimitMs);
    }
    this.#setState('stopped', {});
  }

  /** Ends the backend as a crash would. */
  kill(): void {
    for (const one of this.#roots()) killGroup(one);
  }

  /** The backend's process, and the one that it left to init. */
  #roots(): ProcessIdentity[] {
    const main = this.#processes.at(-1)?.identity;
    const { daemonPid } = this;
    const daemon = daemonPid === undefined ? undefined : identify(daemonPid);
    return [main, daemon].filter((one) => one !== undefined);
  }

  /** Sends a signal to the backend and all its children. Stopped first, it makes no new ones meanwhile. */
  signalFamily(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const roots = this.#roots();
    for (const one of roots) signalProcess(one, signal);
    const all = new Map(listProcesses().map((one) => [one.pid, one]));
    for (const pid of roots.flatMap((root) => familyOf(root.pid, all))) {
      const one = all.get(pid);
      if (one) signalProcess(one, signal);
    }
  }

  /** Runs a shell script with the backend's user, folder and environment; gives what it printed. */
  async run(script: string): Promise<string> {
    const { driver, settings, host } = this.#options;
    const plan = driver.plan(settings.current).at(-1);
    if (!plan) throw new Error(`${driver.title} has no process`);
    return await host.run(plan, script, SCRIPT_LIMIT_MS);
  }

  /** Stops watching, and leaves the backend running for another control centre. */
  detach(): void {
    this.#unwatch();
    this.#processes = [];
  }

  async #startOnce(isCautious: boolean, signal: AbortSignal): Promise<void> {
    const { driver, settings, logPath } = this.#options;
    const plans =
      (isCautious ? driver.cautiousPlan?.(settings.current) : undefined) ?? driver.plan(settings.current);
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
    rotateLog(logPath);
    this.#logFrom = sizeOf(logPath);
    this.#unwatch();
    const untail = tailLog(logPath, this.#logFrom, driver.name, (line) => this.#options.events.onLog(line));
    this.#unwatch = untail;
    let deadline = Infinity;
    for (const plan of plans) {
      const started = await this.#spawn(plan);
      // The making of a container is the daemon's time.
      deadline = performance.now() + driver.startLimitMs;
      const { readyPort } = plan;
      if (readyPort !== undefined)
        await this.#waitUntil(() => connectsTo(readyPort), started, deadline, signal);
    }
    const main = this.#processes.at(-1);
    if (!main) throw new Error(`${driver.title} has no process to start`);
    await this.#waitUntil(
      () => withLimit(driver.probe(settings.current), PROBE_LIMIT_MS, 'no answer'),
      main,
      deadline,
      signal,
    );
  }

  #waitUntil(
    check: () => Promise<void>,
    process: RunningProcess,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { title, startLimitMs: limitMs } = this.driver;
    const { logPath } = this.#options;
    const tail = () => lastLines(logPath, this.#logFrom);
    return waitUntilReady({ title, process, check, deadlineMs, limitMs, logPath, lastLines: tail, signal });
  }

  async #spawn(plan: ProcessPlan): Promise<RunningProcess> {
    const { host, registry, logPath, settings } = this.#options;
    const fingerprint = this.driver.fingerprint(settings.current);
    const started = await host.spawn(this.driver, plan, { registry, logPath, fingerprint });
    this.#processes.push(started);
    return started;
  }

  async #runToEnd(plan: ProcessPlan, signal: AbortSignal): Promise<void> {
    const { driver, logPath } = this.#options;
    throwIfCancelled(signal);
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
    this.#logFrom = sizeOf(logPath);
    const { exit, identity } = await this.#spawn(plan);
    let how: string;
    try {
      how = await withLimit(
        Promise.race([exit ?? Promise.resolve(''), whenAborted(signal).then(() => 'cancelled')]),
        INITIALISE_LIMIT_MS,
        `${plan.role} took longer than ${INITIALISE_LIMIT_MS / 1000} s`,
      );
    } finally {
      await this.#stopProcesses(0);
    }
    this.#options.registry.remove(identity);
    throwIfCancelled(signal);
    if (how !== 'exit code 0')
      throw backendExited(`${driver.title} (${plan.role})`, how, lastLines(logPath, this.#logFrom), logPath);
  }

  /** Reports at once when the backend ends by itself, and passes its log on. */
  #watch(): void {
    const { driver, logPath, events, registry } = this.#options;
    const main = this.#processes.at(-1);
    if (!main) return;
    const isAdopted = main.exit === undefined;
    const untail = isAdopted
      ? tailLog(logPath, this.#logFrom, driver.name, (line) => events.onLog(line))
      : this.#unwatch;
    let isWatching = true;
    const onEnd = (how: string) => {
      if (!isWatching) return;
      this.#unwatch();
      registry.remove(main.identity);
      const lines = lastLines(logPath, this.#logFrom, 5);
      for (const line of lines) this.#log('warn', `its last lines: ${line}`);
      this.#setState('failed', { detail: `${driver.title} ended by itself (${how}).` });
    };
    void main.exit?.then(onEnd);
    // An adopted backend is no child of ours: no exit event comes when it ends.
    const timer = setInterval(() => {
      if (isAdopted && !isAlive(main.identity)) onEnd('its process is gone');
      else if (isWatching) this.#checkFrozen(main.identity.pid);
    }, WATCH_INTERVAL_MS);
    timer.unref();
    this.#unwatch = () => {
      isWatching = false;
      clearInterval(timer);
      untail();
      this.#unwatch = () => undefined;
    };
  }

  #checkFrozen(pid: number): void {
    const { state, startedAtMs } = this.#state;
    const isFrozen = isStopped(pid);
    const started = startedAtMs === undefined ? {} : { startedAtMs };
    if (isFrozen && state === 'running') {
      const detail = `The process of ${this.driver.title} is frozen (SIGSTOP). \`kill -CONT ${pid}\` lets it run on.`;
      this.#log('warn', detail);
      this.#setState('unhealthy', { ...started, detail });
    } else if (!isFrozen && state === 'unhealthy') this.#setState('running', started);
  }

  async #stopProcesses(limitMs: number): Promise<void> {
    const processes = this.#processes;
    this.#processes = [];
    const main = processes.at(-1);
    const { registry, driver } = this.#options;
    // The backend first, then the helpers that it needs.
    if (main) await registry.stopAll([main.identity], { signal: driver.stopSignal, limitMs });
    const { daemonPid } = this;
    const daemon = daemonPid === undefined ? undefined : identify(daemonPid);
    if (daemon) await registry.stopAll([daemon], { signal: 'SIGINT', limitMs });
    const helpers = processes.slice(0, -1).map((one) => one.identity);
    await registry.stopAll(helpers, { limitMs: Math.min(limitMs, HELPER_STOP_LIMIT_MS) });
  }

  #failed(error: unknown): unknown {
    this.#unwatch();
    this.#setState('failed', { detail: errorText(error) });
    return error;
  }

  #log(level: 'info' | 'warn', text: string): void {
    this.#options.events.onLog({ atMs: Date.now(), part: this.driver.name, level, text });
  }

  #setState(state: BackendState['state'], more: { startedAtMs?: number; detail?: string }): void {
    const { driver, settings } = this.#options;
    this.#state = {
      role: driver.role,
      state,
      version: driver.version,
      port: portOf(settings.current, driver.servicePort),
      ...(this.pid === undefined ? {} : { handle: String(this.pid) }),
      ...more,
    };
    this.#options.events.onBackend(this.#state);
  }
}

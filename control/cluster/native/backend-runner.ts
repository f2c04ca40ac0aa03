/**
 * Runs one backend: starts or adopts its processes, proves that it serves, watches it and stops it.
 *
 * It moves: stopped → starting → running → stopping → stopped; starting → failed; running → failed (its process ended by itself);
 * failed → starting; running | failed → starting by a restart.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePorts, isPortFree } from '../../lib/free-port.ts';
import { lowerPriority } from '../../processes/priority.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';
import { sealed } from '../../processes/sealed.ts';
import type { ClusterEvents } from '../cluster.ts';
import type { BackendState } from '../../../contract/backends.ts';
import { FailureError } from '../../../contract/failure.ts';
import { type FoundProcess, type ProcessRegistry, killGroup } from '../../processes/process-registry.ts';
import { type ProcessIdentity, identify, isAlive, readProcStat } from '../../processes/process-table.ts';
import type { BackendDriver, ProcessPlan } from './backend.ts';
import {
  backendExited,
  chosenPortTaken,
  notReady,
  portTaken,
  strangePassword,
  throwIfCancelled,
  whenAborted,
} from './failures.ts';
import { lastLines, rotateLog, sizeOf, tailLog } from './log-tail.ts';
import type { ClusterSettings, PortName } from './settings.ts';
import { errorText } from '../../../services/shared/error-text.ts';

const PROBE_INTERVAL_MS = 40;
const PROBE_LIMIT_MS = 15_000;
const ADOPT_LIMIT_MS = 5_000;
const WATCH_INTERVAL_MS = 500;
const HELPER_STOP_LIMIT_MS = 5_000;
const INITIALISE_LIMIT_MS = 120_000;
/** ms that a sick backend may take to stop before it is killed: most often it can't stop. */
const RESTART_STOP_LIMIT_MS = 5_000;
const MAX_PORT_CHANGES = 4;
/** Answers to a password that is not the one of the data. */
const REFUSED = /password authentication failed|ACCESS_REFUSED|WRONGPASS/;
/** A stranger on our port refuses too, but then our own process ends, and that is seen well within this time. */
const REFUSED_LIMIT_MS = 3_000;

/** The settings that all backends of a cluster share. */
export interface SettingsKeeper {
  readonly current: ClusterSettings;
  /** Ports that a person has chosen: no other is taken in their place. */
  readonly fixedPorts: ReadonlySet<PortName>;
  replacePorts(ports: Readonly<Partial<Record<PortName, number>>>): void;
}

export interface BackendRunnerOptions {
  readonly driver: BackendDriver;
  readonly registry: ProcessRegistry;
  readonly settings: SettingsKeeper;
  readonly logPath: string;
  readonly events: ClusterEvents;
}

interface RunningProcess {
  readonly role: string;
  readonly identity: ProcessIdentity;
  /** Only of a process that this control centre spawned. */
  readonly exit?: Promise<string>;
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

  /** Pids of all its processes that it knows. */
  get pids(): number[] {
    return this.#processes.map((one) => one.identity.pid);
  }

  /** Whether this runner holds the backend, and it runs. */
  get isRunning(): boolean {
    const main = this.#processes.at(-1);
    return this.#state.state === 'running' && main !== undefined && isAlive(main.identity);
  }

  /**
   * Takes over processes that run already, when they are ours, configured as they would be now, and serve.
   * @returns whether it did
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
      // Ours, but it does not serve: it is cleared and started anew, which its step tells.
      return false;
    }
    for (const one of processes) registry.adopt(one);
    this.#unwatch();
    this.#processes = processes.map((one) => ({ role: one.role, identity: one }));
    this.#logFrom = sizeOf(this.#options.logPath);
    this.#watch();
    this.#log('running', { startedAtMs: processes.at(-1)?.recordedAtMs ?? Date.now(), detail: 'adopted' });
    return true;
  }

  /** Creates the backend's data where there are none yet. */
  async initialise(signal: AbortSignal): Promise<void> {
    const { driver, settings } = this.#options;
    await driver.initialise?.(settings.current, (plan) => this.#runToEnd(plan, signal));
  }

  /**
   * Starts the backend and waits until it serves. Takes other ports when somebody has taken its own.
   * @throws FailureError; nothing of it runs then
   */
  async start(signal: AbortSignal): Promise<void> {
    await this.#start(signal, false);
  }

  /**
   * Ends what is left of the backend and starts it again, on its own ports: the services know these.
   * @throws FailureError; nothing of it runs then
   */
  async restart(signal: AbortSignal): Promise<void> {
    this.#unwatch();
    await this.#stopProcesses(RESTART_STOP_LIMIT_MS);
    await this.#start(signal, true);
  }

  async #start(signal: AbortSignal, keepsPorts: boolean): Promise<void> {
    const { driver, settings } = this.#options;
    this.#log('starting', {});
    let isCautious = false;
    for (let changes = 0; ;) {
      throwIfCancelled(signal);
      await this.#replaceTakenPorts(keepsPorts);
      driver.configure(settings.current);
      try {
        await this.#startOnce(isCautious, signal);
        this.#watch();
        this.#log('running', { startedAtMs: Date.now() });
        return;
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error));
        await this.#stopProcesses(0);
        const isExit = failure instanceof FailureError && failure.failure.code === 'native.backendExited';
        if (isExit && (await this.#takenPorts()).length > 0) {
          if (++changes <= MAX_PORT_CHANGES) continue;
          throw this.#failed(
            portTaken(
              driver.title,
              driver.ports.map((name) => settings.current.ports[name]),
            ),
          );
        }
        if (isExit && !isCautious && driver.cautiousPlan) {
          this.#note('warn', `${driver.title} ended at once: trying the package's own start script`);
          isCautious = true;
          continue;
        }
        throw this.#failed(failure);
      }
    }
  }

  /** Stops the backend politely, then by force; its data stay. */
  async stop(): Promise<void> {
    this.#unwatch();
    if (this.#processes.length > 0) {
      this.#log('stopping', {});
      await this.#stopProcesses(this.driver.stopLimitMs);
    }
    this.#log('stopped', {});
  }

  /** Ends the backend as a crash would. */
  kill(): void {
    const main = this.#processes.at(-1);
    if (main) killGroup(main.identity);
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
    const untail = tailLog(logPath, this.#logFrom, driver.role, (line) => this.#options.events.onLog(line));
    this.#unwatch = untail;
    const deadline = performance.now() + driver.startLimitMs;
    for (const plan of plans) {
      const started = this.#spawn(plan);
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

  /** Repeats a check until it holds, or the process has ended, or time is up. */
  async #waitUntil(
    check: () => Promise<void>,
    process: RunningProcess,
    deadline: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { driver, logPath } = this.#options;
    let ended: string | undefined;
    // A check may wait for seconds for an answer that a process which has ended will never give, and that nobody wants after a cancel.
    const interrupted = Promise.race([
      process.exit ?? new Promise<never>(() => undefined),
      whenAborted(signal),
    ]);
    let refusedSince: number | undefined;
    void process.exit?.then((how) => (ended = how));
    for (;;) {
      throwIfCancelled(signal);
      let problem = '';
      try {
        await Promise.race([check(), interrupted.then(() => Promise.reject(new Error('interrupted')))]);
        if (ended === undefined) return;
      } catch (error) {
        problem = errorText(error);
      }
      if (ended !== undefined)
        throw backendExited(driver.title, ended, lastLines(logPath, this.#logFrom), logPath);
      refusedSince = REFUSED.test(problem) ? (refusedSince ?? performance.now()) : undefined;
      if (refusedSince !== undefined && performance.now() - refusedSince > REFUSED_LIMIT_MS)
        throw strangePassword(driver.title, problem);
      if (performance.now() > deadline)
        throw notReady(
          driver.title,
          driver.startLimitMs,
          problem,
          lastLines(logPath, this.#logFrom),
          logPath,
        );
      await sleep(PROBE_INTERVAL_MS);
    }
  }

  #spawn(plan: ProcessPlan): RunningProcess {
    const { registry, logPath } = this.#options;
    const log = openSync(logPath, 'a', 0o600);
    const { command, args } = sealed(plan.command, plan.args);
    let child: ChildProcess;
    try {
      child = spawn(command, args, {
        cwd: plan.workingDir,
        env: { ...plan.env, ...registry.environment(plan.role) },
        // A group of its own: the terminal's Ctrl-C reaches us, and we stop it in order.
        detached: true,
        stdio: ['ignore', log, log],
        ...(plan.user ? { uid: plan.user.uid, gid: plan.user.gid } : {}),
      });
    } finally {
      closeSync(log);
    }
    const exit = new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
    });
    child.unref();
    const { pid } = child;
    lowerPriority(pid);
    const identity = pid === undefined ? undefined : this.#record(plan, pid);
    // Not started at all, or ended before it could be looked at: the wait for it tells how.
    const started = { role: plan.role, identity: identity ?? { pid: pid ?? 0, startedAt: '' }, exit };
    this.#processes.push(started);
    return started;
  }

  /** A child that can't be recorded must not live: nobody would find it after a crash. */
  #record(plan: ProcessPlan, pid: number): ProcessIdentity | undefined {
    const { driver, registry, settings } = this.#options;
    try {
      return registry.record({
        pid,
        role: plan.role,
        command: [plan.command, ...plan.args].join(' '),
        fingerprint: driver.fingerprint(settings.current),
      });
    } catch (error) {
      const identity = identify(pid);
      if (identity) killGroup(identity);
      throw error;
    }
  }

  async #runToEnd(plan: ProcessPlan, signal: AbortSignal): Promise<void> {
    const { driver, logPath } = this.#options;
    throwIfCancelled(signal);
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
    this.#logFrom = sizeOf(logPath);
    const { exit, identity } = this.#spawn(plan);
    const how = await withLimit(
      Promise.race([exit ?? Promise.resolve(''), whenAborted(signal).then(() => 'cancelled')]),
      INITIALISE_LIMIT_MS,
      `${plan.role} took longer than ${INITIALISE_LIMIT_MS / 1000} s`,
    ).finally(() => this.#stopProcesses(0));
    this.#options.registry.remove(identity);
    throwIfCancelled(signal);
    if (how !== 'exit code 0')
      throw backendExited(`${driver.title} (${plan.role})`, how, lastLines(logPath, this.#logFrom), logPath);
  }

  /** Tells at once when the backend ends by itself, and passes its log on. */
  #watch(): void {
    const { driver, logPath, events, registry } = this.#options;
    const main = this.#processes.at(-1);
    if (!main) return;
    const isAdopted = main.exit === undefined;
    const untail = isAdopted
      ? tailLog(logPath, this.#logFrom, driver.role, (line) => events.onLog(line))
      : this.#unwatch;
    let isWatching = true;
    const onEnd = (how: string) => {
      if (!isWatching) return;
      this.#unwatch();
      registry.remove(main.identity);
      const lines = lastLines(logPath, this.#logFrom, 5);
      for (const line of lines) this.#note('warn', `its last words: ${line}`);
      this.#log('failed', { detail: `${driver.title} ended by itself (${how}).` });
    };
    void main.exit?.then(onEnd);
    // An adopted backend is nobody's child here, so nobody tells of its end.
    const timer = setInterval(() => {
      if (isAdopted && !isAlive(main.identity)) onEnd('its process is gone');
      else if (isWatching) this.#lookWhetherFrozen(main.identity.pid);
    }, WATCH_INTERVAL_MS);
    timer.unref();
    this.#unwatch = () => {
      isWatching = false;
      clearInterval(timer);
      untail();
      this.#unwatch = () => undefined;
    };
  }

  #lookWhetherFrozen(pid: number): void {
    const { state, startedAtMs } = this.#state;
    const isFrozen = readProcStat(pid)?.state === 'T';
    const started = startedAtMs === undefined ? {} : { startedAtMs };
    if (isFrozen && state === 'running') {
      const detail = `The process of ${this.driver.title} is frozen (SIGSTOP). It goes on with \`kill -CONT ${pid}\`.`;
      this.#note('warn', detail);
      this.#log('unhealthy', { ...started, detail });
    } else if (!isFrozen && state === 'unhealthy') this.#log('running', started);
  }

  async #stopProcesses(limitMs: number): Promise<void> {
    const processes = this.#processes;
    this.#processes = [];
    const main = processes.at(-1);
    const { registry, driver } = this.#options;
    // The backend first, then what it leans on.
    if (main) await registry.stopAll([main.identity], { signal: driver.stopSignal, limitMs });
    const helpers = processes.slice(0, -1).map((one) => one.identity);
    await registry.stopAll(helpers, { limitMs: Math.min(limitMs, HELPER_STOP_LIMIT_MS) });
  }

  async #takenPorts(): Promise<PortName[]> {
    const { driver, settings } = this.#options;
    const { ports } = settings.current;
    const checks = await Promise.all(driver.ports.map((name) => isPortFree(ports[name])));
    return driver.ports.filter((_, index) => !checks[index]);
  }

  async #replaceTakenPorts(keepsPorts: boolean): Promise<void> {
    const taken = await this.#takenPorts();
    if (taken.length === 0) return;
    const { driver, settings } = this.#options;
    if (keepsPorts)
      throw this.#failed(
        portTaken(
          driver.title,
          taken.map((name) => settings.current.ports[name]),
        ),
      );
    const fixed = taken.find((name) => settings.fixedPorts.has(name));
    if (fixed) throw this.#failed(chosenPortTaken(driver.title, settings.current.ports[fixed]));
    const fresh = await findFreePorts(taken.length);
    this.#options.settings.replacePorts(Object.fromEntries(taken.map((name, index) => [name, fresh[index]])));
  }

  #failed(error: Error): Error {
    this.#unwatch();
    this.#log('failed', { detail: error.message });
    return error;
  }

  #note(level: 'info' | 'warn', text: string): void {
    this.#options.events.onLog({ atMs: Date.now(), part: this.driver.role, level, text });
  }

  #log(state: BackendState['state'], more: { startedAtMs?: number; detail?: string }): void {
    const { driver, settings } = this.#options;
    this.#state = {
      role: driver.role,
      state,
      version: driver.version,
      port: settings.current.ports[driver.servicePort],
      ...(this.pid === undefined ? {} : { handle: String(this.pid) }),
      ...more,
    };
    this.#options.events.onBackend(this.#state);
  }
}

/** Whether something accepts connections on a port of the loopback address. */
function connectsTo(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => {
      socket.destroy();
      reject(new Error(`port ${port} does not answer`));
    });
    socket.once('error', reject);
  });
}

/**
 * One backend of a native cluster: a single process, or several members and their helpers, shown as one. It is
 * well while enough members run, whoever of them leads.
 */
import type { BackendRole, BackendState, MemberState } from '../../../contract/backends.ts';
import { BACKEND_TITLES } from '../../../contract/backends.ts';
import { FailureError } from '../../../contract/failure.ts';
import { refuseMember, type ClusterEvents } from '../cluster.ts';
import type { StepReporter } from '../steps.ts';
import type { SettingsKeeper } from './backend-ports.ts';
import { BackendRunner, type BackendRunnerOptions } from './backend-runner.ts';
import { throwIfCancelled } from './failures.ts';
import type { BackendLayout, MemberFacts } from './layouts.ts';
import { waitUntil } from './wait-until-ready.ts';

/** ms between two looks at who leads. */
const LOOK_INTERVAL_MS = 1_000;
/** ms that the members may take to find together. */
const TOGETHER_LIMIT_MS = 60_000;

export interface BackendGroupOptions {
  readonly layout: BackendLayout;
  readonly settings: SettingsKeeper;
  readonly events: ClusterEvents;
  runnerOptions(name: string): Pick<BackendRunnerOptions, 'host' | 'registry' | 'logPath'>;
}

export class BackendGroup {
  readonly role: BackendRole;
  /** Its processes, in the order of their stages. */
  readonly runners: readonly BackendRunner[];
  readonly #options: BackendGroupOptions;
  readonly #stages: readonly (readonly BackendRunner[])[];
  readonly #members: readonly BackendRunner[];
  /** Missing before the start and after the stop. */
  #startedAtMs: number | undefined;
  #facts: ReadonlyMap<string, MemberFacts> = new Map();
  #told = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BackendGroupOptions) {
    this.#options = options;
    const { layout, settings, events } = options;
    this.role = layout.role;
    const ownEvents: ClusterEvents = { ...events, onBackend: () => this.#tell() };
    this.#stages = layout.stages.map((stage) =>
      stage.map(
        (driver) =>
          new BackendRunner({ driver, settings, events: ownEvents, ...options.runnerOptions(driver.name) }),
      ),
    );
    this.runners = this.#stages.flat();
    this.#members = this.runners.filter(({ driver }) => layout.members.includes(driver.name));
  }

  get isSingle(): boolean {
    return this.runners.length === 1;
  }

  get state(): BackendState {
    const [first] = this.#members;
    if (this.isSingle && first) return first.state;
    const { needed } = this.#options.layout;
    const members = this.runners.flatMap((runner) => this.#memberState(runner));
    const ofMembers = this.#members.map((runner) => runner.state.state);
    const running = ofMembers.filter((state) => state === 'running').length;
    const { leading } = this;
    const port = leading?.state.port ?? first?.state.port;
    const handle = leading?.daemonPid ?? leading?.pid;
    const common = {
      role: this.role,
      ...(first ? { version: first.driver.version } : {}),
      ...(port === undefined ? {} : { port }),
      ...(handle === undefined ? {} : { handle: String(handle) }),
      members,
    };
    if (this.#startedAtMs === undefined) {
      const whole = ['stopping', 'failed', 'starting', 'running'] as const;
      const state = whole.find((one) => ofMembers.includes(one)) ?? 'stopped';
      return { ...common, state: state === 'running' ? 'starting' : state };
    }
    const isWhole = running === this.#members.length && members.length === running;
    const away = members.filter(({ state }) => state !== 'running').map(({ name }) => name);
    const detail = `${running} of ${this.#members.length} members run; ${away.join(', ')} ${away.length === 1 ? 'is' : 'are'} away.`;
    return {
      ...common,
      state: running < needed ? 'restarting' : 'running',
      startedAtMs: this.#startedAtMs,
      ...(isWhole ? {} : { detail }),
    };
  }

  /**
   * Starts what does not run yet, and waits until all have found together.
   * @throws FailureError
   */
  async start(step: StepReporter, signal: AbortSignal): Promise<void> {
    const [first] = this.runners;
    if (this.isSingle && first) {
      const where = () => `port ${first.state.port}, pid ${first.pid}`;
      if (first.isRunning) return step.skip(`adopted: ${where()}`);
      await first.initialise(signal);
      await first.start(signal);
      return step.done(where());
    }
    // Before any of them starts: they know each other by their ports.
    for (const runner of this.runners) if (!runner.isRunning) await runner.choosePorts();
    let count = 0;
    for (const stage of this.#stages) {
      await Promise.all(
        stage.map(async (runner) => {
          if (!runner.isRunning) {
            await runner.initialise(signal);
            await runner.restart(signal);
          }
          step.note(`${++count} of ${this.runners.length} processes serve`);
        }),
      );
      throwIfCancelled(signal);
    }
    const { prove } = this.#options.layout;
    const title = BACKEND_TITLES[this.role];
    if (prove)
      await waitUntil(
        `the members of ${title} to find together`,
        () => prove(this.#options.settings.current),
        {
          limitMs: TOGETHER_LIMIT_MS,
          signal,
        },
      );
    this.#startedAtMs = Date.now();
    await this.#look();
    this.#lookAgain();
    step.done(this.#members.map(({ driver, state }) => `${driver.name} on port ${state.port}`).join(', '));
  }

  /** Helpers that were started last are stopped first: what they watch may then go. */
  async stop(): Promise<void> {
    this.detach();
    for (const stage of [...this.#stages].reverse()) await Promise.all(stage.map((runner) => runner.stop()));
  }

  /** Stops looking; the processes live on. */
  detach(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#startedAtMs = undefined;
  }

  /**
   * The processes that a command means.
   * @param name of a member or a helper, or `leader`; all members by default
   * @throws FailureError `cluster.noMember`
   */
  async choose(name: string | undefined): Promise<readonly BackendRunner[]> {
    if (this.isSingle) refuseMember(this.role, name);
    if (name === undefined) return this.#members;
    if (name === 'leader') await this.#look();
    const isMeant = ({ driver }: BackendRunner) =>
      name === 'leader' ? this.#facts.get(driver.name)?.isLeader === true : driver.name === name;
    const chosen = this.runners.filter(isMeant);
    if (chosen.length > 0) return chosen;
    const title = BACKEND_TITLES[this.role];
    throw new FailureError({
      code: 'cluster.noMember',
      message: name === 'leader' ? `${title} has no leader now.` : `${title} has no member ${name}.`,
      fix: `Take one of ${this.runners.map(({ driver }) => driver.name).join(', ')}, or wait until one leads.`,
    });
  }

  /** The one that leads, or else the first that runs. */
  get leading(): BackendRunner | undefined {
    const running = this.#members.filter((runner) => runner.isRunning);
    return running.find(({ driver }) => this.#facts.get(driver.name)?.isLeader) ?? running[0];
  }

  #memberState(runner: BackendRunner): MemberState[] {
    const { name } = runner.driver;
    const { state, port, detail } = runner.state;
    const isMember = this.#members.includes(runner);
    // A helper is shown only while it is away.
    if (!isMember && (state === 'running' || this.#startedAtMs === undefined)) return [];
    const facts = state === 'running' ? this.#facts.get(name) : undefined;
    const told = state === 'running' ? facts?.detail : detail;
    const handle = runner.pid;
    return [
      {
        name,
        state,
        ...(port === undefined ? {} : { port }),
        ...(handle === undefined ? {} : { handle: String(handle) }),
        ...(facts ? { isLeader: facts.isLeader } : {}),
        ...(told === undefined ? {} : { detail: told }),
      },
    ];
  }

  async #look(): Promise<void> {
    const { layout, settings } = this.#options;
    // Nobody answers in the middle of a failover: then nobody is shown as the leader.
    this.#facts = (await layout.look?.(settings.current).catch(() => undefined)) ?? new Map();
    this.#tell();
  }

  #lookAgain(): void {
    this.#timer = setTimeout(() => {
      void this.#look().then(() => {
        if (this.#startedAtMs !== undefined) this.#lookAgain();
      });
    }, LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Tells the state when it is another one. */
  #tell(): void {
    const { state } = this;
    const told = JSON.stringify(state);
    if (told === this.#told) return;
    this.#told = told;
    this.#options.events.onBackend(state);
  }
}

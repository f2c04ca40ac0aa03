/** Follows the containers: reports changes of their states, their logs and their stats. */
import type Docker from 'dockerode';
import type { ClusterEvents } from '../cluster.ts';
import {
  type BackendRole,
  type BackendState,
  type BackendStats,
  BACKEND_TITLES,
} from '../../../contract/backends.ts';
import { ask, errorText, isNotFound } from './errors.ts';
import type { RunningBackend } from './backend-container.ts';
import { ROLES } from './labels.ts';
import { followLogs } from './logs.ts';
import { StatsReader } from './stats.ts';
import { EventWatch, type ContainerEvent } from './watch.ts';

const SIGKILL_EXIT = 137;

export class BackendMonitor {
  readonly #docker: Docker;
  readonly #clusterId: string;
  readonly #events: ClusterEvents;
  readonly #reader: StatsReader;
  readonly #states = new Map<BackendRole, BackendState>(
    ROLES.map((role) => [role, { role, state: 'absent' }]),
  );
  #running: readonly RunningBackend[] = [];
  #watch: EventWatch | undefined;
  #closeLogs: (() => void)[] = [];

  constructor(docker: Docker, clusterId: string, events: ClusterEvents) {
    this.#docker = docker;
    this.#clusterId = clusterId;
    this.#events = events;
    this.#reader = new StatsReader(docker);
  }

  states(): BackendState[] {
    return ROLES.map((role) => this.#states.get(role) ?? { role, state: 'absent' });
  }

  set(state: BackendState): void {
    this.#states.set(state.role, state);
    this.#events.onBackend(state);
  }

  async stats(): Promise<BackendStats[]> {
    return await this.#reader.read(
      this.#running.filter(({ role }) => this.#states.get(role)?.state === 'running'),
    );
  }

  /** Follows these containers until closed. */
  async open(running: readonly RunningBackend[]): Promise<void> {
    this.close();
    this.#running = running;
    this.#watch = await EventWatch.open(this.#docker, this.#clusterId, {
      onEvent: (event) => this.#onEvent(event),
      onLost: () => this.#onLost(),
      onBack: () => void this.#onBack(),
    });
    // Catches what happened before the watch was open.
    await Promise.all(running.map(async (backend) => await this.#follow(backend)));
    await this.#refresh();
    // The first reading, from which CPU is measured. Older daemons take a second for it; nothing waits for
    // it.
    void this.stats();
  }

  /** Stops following one container, which we now stop ourselves. */
  release(role: BackendRole): void {
    this.#running = this.#running.filter((backend) => backend.role !== role);
  }

  /** Follows the container that took another one's place. */
  async replace(backend: RunningBackend): Promise<void> {
    this.release(backend.role);
    this.#running = [...this.#running, backend];
    await this.#follow(backend);
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    for (const close of this.#closeLogs) close();
    this.#closeLogs = [];
    this.#running = [];
  }

  async #follow(backend: RunningBackend): Promise<void> {
    try {
      const follow = followLogs(this.#docker, backend.id, backend.role, (line) => this.#events.onLog(line));
      this.#closeLogs.push(
        await ask('docker.logs', `opening the logs of ${BACKEND_TITLES[backend.role]}`, () => follow),
      );
    } catch (error) {
      // A backend works without readable logs, too.
      this.#log('warn', errorText(error));
    }
  }

  #onEvent({ action, id, exitCode }: ContainerEvent): void {
    const backend = this.#running.find((candidate) => candidate.id === id);
    const present = backend && this.#states.get(backend.role);
    if (!backend || !present) return;
    const name = BACKEND_TITLES[backend.role];
    switch (action) {
      case 'die':
        return this.#fail(backend, present, deathOf(name, exitCode));
      case 'destroy':
        return this.#fail(backend, present, `The container of ${name} was removed.`);
      case 'oom':
        return this.#log('error', `${name} ran out of its memory limit.`);
      case 'pause':
        return this.set({ ...present, state: 'unhealthy', detail: `The container of ${name} is paused.` });
      case 'unpause':
      case 'start':
        void this.#refresh();
        return;
      default:
        return;
    }
  }

  #fail(backend: RunningBackend, present: BackendState, detail: string): void {
    if (present.state === 'failed') return;
    this.set({ ...present, state: 'failed', detail });
    this.#log('error', detail, backend.role);
  }

  #onLost(): void {
    const detail = 'The Docker daemon stopped answering. Start it again; then start the cluster.';
    this.#log('error', detail);
    for (const { role } of this.#running) {
      const present = this.#states.get(role);
      if (present?.state === 'running') this.set({ ...present, state: 'unhealthy', detail });
    }
  }

  async #onBack(): Promise<void> {
    this.#log('info', 'The Docker daemon answers again.');
    await this.#refresh();
  }

  /** Brings the states in line with what the daemon reports. */
  async #refresh(): Promise<void> {
    await Promise.all(
      this.#running.map(async (backend) => {
        const { role, id } = backend;
        const present = this.#states.get(role);
        if (!present) return;
        try {
          const { State } = await ask('docker.watch', `inspecting ${BACKEND_TITLES[role]}`, () =>
            this.#docker.getContainer(id).inspect(),
          );
          // A stop has reported another state meanwhile.
          if (!this.#running.includes(backend)) return;
          if (!State.Running)
            return this.#fail(backend, present, deathOf(BACKEND_TITLES[role], State.ExitCode));
          if (State.Paused || present.state === 'running') return;
          // Without the old detail, which described a trouble that is over.
          const { version, port, handle, startedAtMs } = present;
          this.set({
            role,
            state: 'running',
            ...(version === undefined ? {} : { version }),
            ...(port === undefined ? {} : { port }),
            ...(handle === undefined ? {} : { handle }),
            ...(startedAtMs === undefined ? {} : { startedAtMs }),
          });
        } catch (error) {
          if (isNotFound(error))
            this.#fail(backend, present, `The container of ${BACKEND_TITLES[role]} is gone.`);
          else this.#log('warn', errorText(error));
        }
      }),
    );
  }

  #log(level: 'info' | 'warn' | 'error', text: string, part: string = 'control'): void {
    this.#events.onLog({ atMs: Date.now(), part, level, text });
  }
}

function deathOf(name: string, exitCode: number | undefined): string {
  const how =
    exitCode === SIGKILL_EXIT ? 'was killed (exit code 137)' : `ended (exit code ${exitCode ?? 'unknown'})`;
  return `${name} ${how}.`;
}

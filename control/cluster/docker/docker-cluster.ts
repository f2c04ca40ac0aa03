/**
 * RabbitMQ, Redis and Postgres in containers of Docker or Podman.
 *
 * The labels at the daemon are the only record: the next process finds everything by them. A start adopts
 * what is as it should be and replaces what is not; a failed start removes what it made.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { FailureError } from '../../../contract/failure.ts';
import { refuseMember, type Cluster, type ClusterEvents, type Endpoints } from '../cluster.ts';
import {
  type BackendRole,
  type BackendState,
  type BackendStats,
  BACKEND_TITLES,
} from '../../../contract/backends.ts';
import { ReleaseStack } from '../../../services/shared/release-stack.ts';
import { createNativeCluster } from '../native/native-cluster.ts';
import { ClusterFile } from './cluster-file.ts';
import { BackendContainer, stopContainer, type Made, type RunningBackend } from './backend-container.ts';
import { backendSpecs, type DockerSettings, type BackendSpec } from './backend-spec.ts';
import { BackendMonitor } from './backend-monitor.ts';
import { ask, backendFailure, errorText } from './errors.ts';
import { ensureImage } from './images.ts';
import { runInContainer } from './run-in-container.ts';
import {
  ensureNetwork,
  listOurContainers,
  removeContainer,
  removeEverything,
  removeNetworks,
  removeVolume,
} from './inventory.ts';
import { removeMembers } from './members.ts';
import { CLUSTER_LABEL, networkName, ROLE_LABEL, ROLES, VERSION_LABEL } from './labels.ts';
import { StepReporter } from '../steps.ts';

/** Where a highly available cluster in containers has its data. */
export const membersDir = (dataDir: string) => join(dataDir, 'docker-ha');

export { findDockerDaemon } from './find-daemon.ts';
export { dockerFindings } from './findings.ts';

const PING_LIMIT_MS = 5_000;
const STOP_LIMIT_SEC = 20;
const UNDO_LIMIT_MS = 45_000;

export interface DockerClusterOptions {
  /** 1..40 of a-z, 0-9 and '-': part of all names and labels. */
  readonly clusterId: string;
  /** Folder for the passwords. */
  readonly dataDir: string;
  readonly settings: DockerSettings;
  readonly events: ClusterEvents;
  /** Of `findDockerDaemon`. */
  readonly docker: Docker;
  /** Containers of another version are replaced; their data is kept. */
  readonly appVersion: string;
}

export interface DockerCluster extends Cluster {
  /** Stops watching and leaves the backends running for the next start to adopt. */
  detach(): void;
}

/** A cluster of three containers. Nothing happens before `start`. */
export function createDockerCluster(options: DockerClusterOptions): DockerCluster {
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(options.clusterId))
    throw new RangeError(`cluster id ${JSON.stringify(options.clusterId)} must be 1..40 of a-z, 0-9 and '-'`);
  return new ContainerCluster(options);
}

class ContainerCluster implements DockerCluster {
  readonly provider = 'docker';
  readonly #options: DockerClusterOptions;
  readonly #monitor: BackendMonitor;
  /** Starts, stops and resets of this object never overlap. */
  #last: Promise<unknown> = Promise.resolve();
  #starting: { readonly abort: AbortController; readonly result: Promise<Endpoints> } | undefined;

  constructor(options: DockerClusterOptions) {
    this.#options = options;
    this.#monitor = new BackendMonitor(options.docker, options.clusterId, options.events);
  }

  start(signal: AbortSignal): Promise<Endpoints> {
    if (this.#starting) return this.#starting.result;
    const abort = new AbortController();
    const either = AbortSignal.any([signal, abort.signal]);
    const result = this.#oneAtATime(() => this.#start(either)).finally(() => (this.#starting = undefined));
    this.#starting = { abort, result };
    return result;
  }

  async stop(): Promise<void> {
    this.#starting?.abort.abort();
    await this.#oneAtATime(() => this.#stop());
  }

  async reset(): Promise<void> {
    this.#starting?.abort.abort();
    await this.#oneAtATime(async () => {
      await this.#stop();
      const { dataDir, events } = this.#options;
      const members = membersDir(dataDir);
      await createNativeCluster({ dataDir: members, events }).reset();
      rmSync(members, { recursive: true, force: true });
      await removeEverything(this.#options.docker, this.#options.clusterId, 'docker.reset');
      ClusterFile.remove(this.#options.dataDir);
      for (const role of ROLES) this.#monitor.set({ role, state: 'absent' });
    });
  }

  detach(): void {
    this.#monitor.close();
  }

  backends(): readonly BackendState[] {
    return this.#monitor.states();
  }

  async stats(): Promise<readonly BackendStats[]> {
    return await this.#monitor.stats();
  }

  async restart(role: BackendRole, signal: AbortSignal, member?: string): Promise<void> {
    refuseMember(role, member);
    await this.#oneAtATime(async () => {
      const { docker, clusterId, dataDir, settings, appVersion } = this.#options;
      const file = ClusterFile.open(dataDir, clusterId);
      const spec = backendSpecs(settings, file).find((candidate) => candidate.role === role);
      const port = this.#monitor.states().find((state) => state.role === role)?.port;
      if (!spec || port === undefined) throw new Error(`${role} has never run in this cluster`);
      this.#monitor.release(role);
      this.#monitor.set({ role, state: 'starting', port });
      // The caller reports how the restart goes.
      const step = new StepReporter(
        { onStep: () => undefined },
        `docker.container.${role}`,
        BACKEND_TITLES[role],
      );
      const made: Made = { containers: new Set(), started: new Set(), volumes: new Set() };
      try {
        const facts = await ensureImage(docker, spec.image, step, signal);
        const around = { docker, clusterId, appVersion, file };
        const running = await new BackendContainer(around, spec, facts, made, step).replace(port, signal);
        await this.#monitor.replace(running);
        this.#monitor.set(stateOf(running));
      } catch (error) {
        this.#monitor.set({ role, state: 'failed', port, detail: errorText(error) });
        throw backendFailure(error, 'docker.restart', `starting ${BACKEND_TITLES[role]} again`);
      }
    });
  }

  async kill(role: BackendRole, member?: string): Promise<void> {
    refuseMember(role, member);
    const container = await this.#container(role, ['running', 'paused']);
    await ask('docker.kill', `killing ${BACKEND_TITLES[role]}`, () => container.kill({ signal: 'SIGKILL' }));
  }

  async pause(role: BackendRole, member?: string): Promise<void> {
    refuseMember(role, member);
    const container = await this.#container(role, ['running']);
    await ask('docker.pause', `pausing ${BACKEND_TITLES[role]}`, () => container.pause());
  }

  async resume(role: BackendRole, member?: string): Promise<void> {
    refuseMember(role, member);
    // One that was restarted meanwhile is not paused any more.
    if (!(await this.isPaused(role))) return;
    const container = await this.#container(role, ['paused']);
    await ask('docker.pause', `resuming ${BACKEND_TITLES[role]}`, () => container.unpause());
  }

  async isPaused(role: BackendRole, member?: string): Promise<boolean> {
    refuseMember(role, member);
    const { docker, clusterId } = this.#options;
    const all = await listOurContainers(docker, clusterId, 'docker.pause');
    return all.some((info) => info.role === role && info.State === 'paused');
  }

  async run(role: BackendRole, script: string, member?: string): Promise<string> {
    refuseMember(role, member);
    const container = await this.#container(role, ['running']);
    return await runInContainer(container, `docker.run.${role}`, script);
  }

  async #container(role: BackendRole, states: readonly string[]): Promise<Docker.Container> {
    const { docker, clusterId } = this.#options;
    const found = (await listOurContainers(docker, clusterId, 'docker.kill')).find(
      (info) => info.role === role && states.includes(info.State),
    );
    if (found) return docker.getContainer(found.Id);
    throw new FailureError({
      code: 'docker.notRunning',
      message: `${BACKEND_TITLES[role]} does not run.`,
      fix: 'Start the cluster first.',
    });
  }

  #oneAtATime<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #start(signal: AbortSignal): Promise<Endpoints> {
    const undo = new ReleaseStack();
    this.#monitor.close();
    try {
      const running = await this.#bringUp(signal, undo);
      signal.throwIfAborted();
      await this.#monitor.open(running);
      return endpointsOf(running);
    } catch (error) {
      this.#monitor.close();
      await undo.release().catch((problem: unknown) => {
        this.#options.events.onLog({
          atMs: Date.now(),
          part: 'control',
          level: 'error',
          text: `undoing the start: ${errorText(problem)}`,
        });
      });
      for (const role of ROLES) this.#monitor.set({ role, state: signal.aborted ? 'stopped' : 'failed' });
      if (signal.aborted) {
        throw new FailureError({
          code: 'cluster.cancelled',
          message: 'The start was cancelled; what it had begun is undone.',
          fix: 'Start the cluster again when you like: images that are here are not fetched again.',
        });
      }
      throw backendFailure(error, 'docker.start', 'starting the containers');
    }
  }

  async #bringUp(signal: AbortSignal, undo: ReleaseStack): Promise<RunningBackend[]> {
    const { docker, clusterId, dataDir, settings, events, appVersion } = this.#options;
    const step = (id: string, title: string): StepReporter => new StepReporter(events, id, title);
    signal.throwIfAborted();
    await step('docker.daemon', 'Reach the Docker daemon').run(async (reach) => {
      const version = await ask(reach.id, 'asking for its version', () => docker.version(), PING_LIMIT_MS);
      reach.done(`version ${version.Version}`);
    });
    await removeMembers(docker, clusterId, 'docker.daemon');
    const file = ClusterFile.open(dataDir, clusterId);
    const specs = backendSpecs(settings, file);
    const plans = specs.map((spec) => ({
      spec,
      image: step(`docker.image.${spec.role}`, `Fetch ${spec.image}`),
      container: step(`docker.container.${spec.role}`, `Start ${BACKEND_TITLES[spec.role]}`),
    }));
    // One failed pull cancels the others: a start that can't succeed must not fill the disk.
    const images = await allOrCancel(signal, plans, async ({ spec, image }, inner) => ({
      spec,
      facts: await image.run(() => ensureImage(docker, spec.image, image, inner)),
    }));
    signal.throwIfAborted();

    await step('docker.network', 'Prepare the network').run(async (networkStep) => {
      const labels = { [CLUSTER_LABEL]: clusterId, [ROLE_LABEL]: 'network', [VERSION_LABEL]: appVersion };
      const outcome = await ensureNetwork(docker, clusterId, networkName(clusterId), labels, networkStep.id);
      if (outcome === 'made') {
        undo.add('network', () => removeNetworks(docker, clusterId, networkStep.id), UNDO_LIMIT_MS);
        networkStep.done(networkName(clusterId));
      } else networkStep.skip('already there');
    });
    const made: Made = { containers: new Set(), started: new Set(), volumes: new Set() };
    undo.add('containers and volumes', () => this.#undoMade(made, specs), UNDO_LIMIT_MS);
    const around = { docker, clusterId, appVersion, file };
    return await allOrCancel(signal, plans, async ({ spec, container: report }, inner) => {
      const facts = images.find((image) => image.spec.role === spec.role)?.facts;
      if (!facts) throw new Error(`no image for ${spec.role}`);
      this.#monitor.set({ role: spec.role, state: 'starting' });
      return await report.run(async () => {
        const running = await new BackendContainer(around, spec, facts, made, report).bringUp(inner);
        this.#monitor.set(stateOf(running));
        report.done(
          `${BACKEND_TITLES[spec.role]} ${running.version} on 127.0.0.1:${running.port}, ${running.how}`,
        );
        return running;
      });
    });
  }

  /** Undoes a start: removes what it made, keeps what it found, and stops everything. */
  async #undoMade(made: Made, specs: readonly BackendSpec[]): Promise<void> {
    const { docker, clusterId } = this.#options;
    const step = 'docker.undo';
    const all = await listOurContainers(docker, clusterId, step);
    await Promise.all(
      all.map(async ({ Id, role }) => {
        if (made.containers.has(Id)) await removeContainer(docker, Id, step);
        else
          await stopContainer(
            docker,
            Id,
            specs.find((spec) => spec.role === role)?.stopLimitSec ?? STOP_LIMIT_SEC,
            step,
          );
      }),
    );
    for (const name of made.volumes) await removeVolume(docker, clusterId, name, step);
  }

  async #stop(): Promise<void> {
    const { docker, clusterId, events } = this.#options;
    this.#monitor.close();
    let containers;
    try {
      await removeMembers(docker, clusterId, 'docker.stop');
      containers = await listOurContainers(docker, clusterId, 'docker.stop');
    } catch (error) {
      // Without a daemon no container runs: there is nothing to stop.
      events.onLog({ atMs: Date.now(), part: 'control', level: 'warn', text: errorText(error) });
      for (const role of ROLES) this.#monitor.set({ role, state: 'stopped', detail: errorText(error) });
      return;
    }
    await Promise.all(
      containers.map(async ({ Id, role }) => {
        this.#monitor.set({ role, state: 'stopping' });
        try {
          await stopContainer(docker, Id, STOP_LIMIT_SEC, 'docker.stop');
          this.#monitor.set({ role, state: 'stopped' });
        } catch (error) {
          this.#monitor.set({ role, state: 'failed', detail: errorText(error) });
          events.onLog({ atMs: Date.now(), part: role, level: 'error', text: errorText(error) });
        }
      }),
    );
  }
}

/** Runs work for all at once; the first failure cancels the others, waits for them, and is thrown. */
async function allOrCancel<Item, Value>(
  signal: AbortSignal,
  items: readonly Item[],
  work: (item: Item, signal: AbortSignal) => Promise<Value>,
): Promise<Value[]> {
  const failed = new AbortController();
  const inner = AbortSignal.any([signal, failed.signal]);
  let first: { readonly error: unknown } | undefined;
  const settled = await Promise.allSettled(
    items.map(async (item) => {
      try {
        return await work(item, inner);
      } catch (error) {
        first ??= { error };
        failed.abort();
        throw error;
      }
    }),
  );
  if (first) throw first.error;
  return settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

function stateOf({ role, version, port, id, startedAtMs }: RunningBackend): BackendState {
  return { role, state: 'running', version, port, handle: id.slice(0, 12), startedAtMs };
}

function endpointsOf(running: readonly RunningBackend[]): Endpoints {
  const url = (role: BackendRole): string => {
    const backend = running.find((candidate) => candidate.role === role);
    if (!backend) throw new Error(`no ${role} among the running backends`);
    return backend.url;
  };
  return { amqpUrl: url('rabbitmq'), redisUrl: url('redis'), postgresUrl: url('postgres') };
}

/**
 * One backend's container: adopted when it is as it should be, otherwise replaced, and then proven to serve.
 *
 * States: absent → created → running → proven. A container that was created and never ran may lack its
 * configuration, since the app may have died in between: it is made again.
 */
import type Docker from 'dockerode';
import type { ContainerInspectInfo } from 'dockerode';
import { FailureError } from '../../../contract/failure.ts';
import type { BackendRole } from '../../../contract/backends.ts';
import type { StepReporter } from '../steps.ts';
import { CONFIG_DIR, type BackendSpec, type ImageFacts } from './backend-spec.ts';
import { containerOptions, whyReplaced } from './container-config.ts';
import { containerExited, containerNotReady } from './container-failures.ts';
import { ensureVolume, wrongPassword } from './data-volume.ts';
import { ask, errorText, unless } from './errors.ts';
import { listOurContainers, removeContainer, removeVolume } from './inventory.ts';
import { partName } from './labels.ts';
import { backendUrl, waitUntilReady, WrongPasswordError } from './readiness.ts';
import type { BackendUse, Surrounding } from './surrounding.ts';
import { packTar } from './tar.ts';

/** ms that a backend may take until it serves. */
const READY_LIMIT_MS: Record<BackendRole, number> = { rabbitmq: 90_000, redis: 60_000, postgres: 60_000 };
/** ms for a backend that already ran: it serves at once, or is unhealthy. */
const ADOPTED_LIMIT_MS = 5_000;
const START_LIMIT_MS = 30_000;

export interface RunningBackend {
  readonly role: BackendRole;
  readonly id: string;
  readonly port: number;
  readonly url: string;
  readonly version: string;
  readonly startedAtMs: number;
  /** How it came to run, for the step's detail. */
  readonly how: string;
}

/** What a start made, so that a failed start can take it away again. */
export interface Made {
  readonly containers: Set<string>;
  readonly started: Set<string>;
  readonly volumes: Set<string>;
}

export class BackendContainer {
  readonly #around: Surrounding;
  readonly #spec: BackendSpec;
  readonly #image: ImageFacts;
  readonly #made: Made;
  readonly #step: StepReporter;
  readonly #name: string;
  #hostPorts: string;
  readonly #use: BackendUse;

  constructor(around: Surrounding, spec: BackendSpec, image: ImageFacts, made: Made, step: StepReporter) {
    this.#around = around;
    this.#spec = spec;
    this.#image = image;
    this.#made = made;
    this.#step = step;
    this.#name = partName(around.clusterId, spec.role);
    this.#hostPorts = spec.hostPorts;
    this.#use = { around, spec, facts: image, step };
  }

  /**
   * Adopts, starts or makes the container and waits until it serves.
   * @throws FailureError
   */
  async bringUp(signal: AbortSignal): Promise<RunningBackend> {
    const volumeId = await ensureVolume(this.#use, this.#made.volumes);
    const adopted = await this.#adopt();
    if (adopted?.wasRunning) {
      try {
        return await this.#prove(adopted.id, 'already running', ADOPTED_LIMIT_MS, volumeId, signal);
      } catch (error) {
        signal.throwIfAborted();
        this.#step.note(`unhealthy (${errorText(error)}): replaced`);
        await this.#remove(adopted.id);
      }
    } else if (adopted) {
      try {
        await this.#start(adopted.id);
        return await this.#prove(adopted.id, adopted.note, READY_LIMIT_MS[this.#spec.role], volumeId, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!this.#canDiscard(volumeId)) throw error;
        await this.#remove(adopted.id);
      }
    }
    return await this.#makeAndProve(volumeId, signal);
  }

  /**
   * Replaces the container by a new one with the same port and data, and waits until it serves. Docker would
   * give a container that is only started again another port.
   * @throws FailureError
   */
  async replace(port: number, signal: AbortSignal): Promise<RunningBackend> {
    this.#hostPorts = String(port);
    const volumeId = await ensureVolume(this.#use, this.#made.volumes);
    const present = await this.#find();
    if (present) await this.#stopAndRemove(present.Id);
    return await this.#makeAndProve(volumeId, signal);
  }

  async #makeAndProve(volumeId: string, signal: AbortSignal): Promise<RunningBackend> {
    const attempt = async (dataId: string): Promise<RunningBackend> => {
      const id = await this.#create(signal);
      await this.#start(id);
      return await this.#prove(id, 'new container', READY_LIMIT_MS[this.#spec.role], dataId, signal);
    };
    try {
      return await attempt(volumeId);
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#canDiscard(volumeId)) throw error;
    }
    // The data of a start that was killed half-way never served: nothing is lost with it.
    this.#step.note('data of an unfinished start: replaced');
    const { docker, clusterId } = this.#around;
    const left = await this.#find();
    if (left) await this.#remove(left.Id);
    await removeVolume(docker, clusterId, this.#name, this.#step.id);
    return await attempt(await ensureVolume(this.#use, this.#made.volumes));
  }

  /** Whether the volume was there before this start and has never been proven. */
  #canDiscard(volumeId: string): boolean {
    if (volumeId === '' || this.#made.volumes.has(this.#name)) return false;
    return !this.#around.file.isProven(this.#spec.role, volumeId);
  }

  async #find(): Promise<{ Id: string } | undefined> {
    const { docker, clusterId } = this.#around;
    const all = await listOurContainers(docker, clusterId, this.#step.id);
    return all.find(({ role }) => role === this.#spec.role);
  }

  /**
   * Finds a container that can be used as it is. Others of this role are removed; their data stays in the
   * volume.
   */
  async #adopt(): Promise<{ id: string; wasRunning: boolean; note: string } | undefined> {
    const { docker, clusterId } = this.#around;
    const present = (await listOurContainers(docker, clusterId, this.#step.id)).filter(
      ({ role }) => role === this.#spec.role,
    );
    let chosen: { id: string; wasRunning: boolean; note: string } | undefined;
    for (const { Id } of present) {
      const info = await ask(this.#step.id, `inspecting ${this.#name}`, () =>
        unless([404], docker.getContainer(Id).inspect()),
      );
      if (!info) continue;
      const reason = chosen
        ? 'a second one of the same role'
        : whyReplaced(info, this.#around, this.#spec, this.#image);
      if (reason === undefined) {
        chosen = { id: Id, wasRunning: info.State.Running, note: 'started again' };
        continue;
      }
      this.#step.note(`${reason}: replaced, the data is kept`);
      await this.#stopAndRemove(Id);
    }
    return chosen;
  }

  async #create(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const { docker } = this.#around;
    const container = await ask(this.#step.id, `making the container ${this.#name}`, () =>
      docker.createContainer(containerOptions(this.#around, this.#spec, this.#image, this.#hostPorts)),
    );
    this.#made.containers.add(container.id);
    signal.throwIfAborted();
    await ask(this.#step.id, `copying the configuration into ${this.#name}`, () =>
      // Into the volume, since the container's root is read-only.
      container.putArchive(packTar(this.#spec.files), { path: CONFIG_DIR }),
    );
    return container.id;
  }

  async #start(id: string): Promise<void> {
    this.#made.started.add(id);
    await ask(
      this.#step.id,
      `starting ${this.#name}`,
      // 304: it runs already.
      () => unless([304], this.#around.docker.getContainer(id).start()),
      START_LIMIT_MS,
    );
  }

  async #prove(
    id: string,
    how: string,
    limitMs: number,
    volumeId: string,
    signal: AbortSignal,
  ): Promise<RunningBackend> {
    const { role } = this.#spec;
    const { docker, file } = this.#around;
    this.#step.note('waiting until it serves');
    const inspect = (): Promise<ContainerInspectInfo> =>
      ask(this.#step.id, `inspecting ${this.#name}`, () => docker.getContainer(id).inspect());
    const info = await inspect();
    if (!info.State.Running) throw await containerExited(this.#use, id, info);
    const port = Number(info.NetworkSettings.Ports[`${this.#spec.port}/tcp`]?.[0]?.HostPort);
    if (!Number.isInteger(port) || port === 0)
      throw await containerNotReady(this.#use, id, `it has no port on 127.0.0.1`);
    const url = backendUrl(role, port, file.password(role));
    const checkAlive = async (): Promise<void> => {
      const now = await inspect();
      if (!now.State.Running) throw await containerExited(this.#use, id, now);
    };
    let version: string;
    try {
      version = await waitUntilReady(role, url, limitMs, checkAlive, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FailureError) throw error;
      if (error instanceof WrongPasswordError) throw wrongPassword(this.#use, error);
      throw await containerNotReady(this.#use, id, `${errorText(error)} after ${limitMs / 1000} s`, error);
    }
    file.setProven(role, volumeId);
    return { role, id, port, url, version, how, startedAtMs: Date.parse(info.State.StartedAt) || Date.now() };
  }

  async #stopAndRemove(id: string): Promise<void> {
    await stopContainer(this.#around.docker, id, this.#spec.stopLimitSec, this.#step.id);
    await this.#remove(id);
  }

  async #remove(id: string): Promise<void> {
    await removeContainer(this.#around.docker, id, this.#step.id);
  }
}

/** Asks a container to stop, and kills it after `limitSec`. Harmless when it is stopped or gone. */
export async function stopContainer(
  docker: Docker,
  id: string,
  limitSec: number,
  step: string,
): Promise<void> {
  await ask(
    step,
    `stopping the container ${id.slice(0, 12)}`,
    async () => {
      const container = docker.getContainer(id);
      const info = await unless([404], container.inspect());
      // A paused process does not receive the signal.
      if (info?.State.Paused) await unless([304, 404], container.unpause());
      if (info) await unless([304, 404], container.stop({ t: limitSec }));
    },
    (limitSec + 10) * 1_000,
  );
}

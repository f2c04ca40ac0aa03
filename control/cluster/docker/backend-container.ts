/**
 * One backend's container: adopted when it is as it should be, made anew when it is not, and then proven to serve.
 *
 * absent → created → running → proven. A container that only ever was `created` may lack its configuration (the app died in between)
 * and is made again; one that ran has it.
 */
import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import type { ContainerInspectInfo } from 'dockerode';
import { z } from 'zod';
import { FailureError } from '../../../contract/failure.ts';
import type { BackendRole } from '../../../contract/backends.ts';
import type { ClusterFile } from './cluster-file.ts';
import {
  CONFIG_DIR,
  CONFINEMENT,
  configHash,
  dataPath,
  dataVersion,
  type BackendSpec,
  type ImageFacts,
} from './backend-spec.ts';
import { ask, DISK_FULL, errorStatus, errorText, FIX_DISK, isNotFound } from './errors.ts';
import { listOurContainers, removeContainer, removeVolume } from './inventory.ts';
import {
  CLUSTER_LABEL,
  CONFIG_LABEL,
  DATA_LABEL,
  isOurs,
  networkName,
  partName,
  ROLE_LABEL,
  ROLE_NAME,
  SECRET_LABEL,
  VERSION_LABEL,
  VOLUME_ID_LABEL,
} from './labels.ts';
import { lastLines } from './logs.ts';
import { backendUrl, waitUntilReady, WrongPasswordError } from './readiness.ts';
import type { StepReporter } from '../steps.ts';
import { packTar } from './tar.ts';
import { commandLine } from '../../lib/command-line.ts';
import type { FailureCode } from '../../../contract/failures.ts';

/** ms that a backend may take until it serves. */
const READY_LIMIT_MS: Record<BackendRole, number> = { rabbitmq: 90_000, redis: 60_000, postgres: 60_000 };
/** A backend that was adopted while it ran serves already, or is unhealthy. */
const ADOPTED_LIMIT_MS = 5_000;
const START_LIMIT_MS = 30_000;
const SHARED_MEMORY_BYTES = 256 * 1024 * 1024;

const bindingsSchema = z.record(z.string(), z.array(z.object({ HostIp: z.string() })).nullable());

export interface Surrounding {
  readonly docker: Docker;
  readonly clusterId: string;
  readonly appVersion: string;
  readonly file: ClusterFile;
}

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

  constructor(around: Surrounding, spec: BackendSpec, image: ImageFacts, made: Made, step: StepReporter) {
    this.#around = around;
    this.#spec = spec;
    this.#image = image;
    this.#made = made;
    this.#step = step;
    this.#name = partName(around.clusterId, spec.role);
    this.#hostPorts = spec.hostPorts;
  }

  /**
   * Adopts, starts or makes the container and waits until it serves.
   * @throws FailureError
   */
  async bringUp(signal: AbortSignal): Promise<RunningBackend> {
    const volumeId = await this.#ensureVolume();
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
   * Replaces the container by a new one on the same port and with the same data, and waits until it serves. A container that is merely
   * started again gets another port, unless one was chosen.
   * @throws FailureError
   */
  async replace(port: number, signal: AbortSignal): Promise<RunningBackend> {
    this.#hostPorts = String(port);
    const volumeId = await this.#ensureVolume();
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
    // Half-initialised data of a start that was killed: it never served, so nothing is lost with it.
    this.#step.note('data of an unfinished start: made anew');
    const { docker, clusterId } = this.#around;
    const left = await this.#find();
    if (left) await this.#remove(left.Id);
    await removeVolume(docker, clusterId, this.#name, this.#step.id);
    return await attempt(await this.#ensureVolume());
  }

  /** Whether the volume was there before this start and has never been proven. */
  #canDiscard(volumeId: string): boolean {
    if (volumeId === '' || this.#made.volumes.has(this.#name)) return false;
    return !this.#around.file.isProven(this.#spec.role, volumeId);
  }

  /**
   * Has the volume.
   * @returns its id, which we gave it: the backend's own time of creation moves with every write (Docker 20.10)
   */
  async #ensureVolume(): Promise<string> {
    const { docker, clusterId, file } = this.#around;
    const { role } = this.#spec;
    const wanted = { secret: file.passwordHash(role), data: dataVersion(role, this.#image) };
    return await ask(this.#step.id, `preparing the volume ${this.#name}`, async () => {
      try {
        const info = await docker.getVolume(this.#name).inspect();
        this.#checkVolume(info.Labels, isOurs(info.Labels, clusterId), wanted);
        return info.Labels[VOLUME_ID_LABEL] ?? '';
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      // Noted before it is made: an answer that is lost must not leave it behind.
      this.#made.volumes.add(this.#name);
      const volumeId = randomUUID();
      await docker.createVolume({
        Name: this.#name,
        Labels: {
          ...this.#labels(),
          [VOLUME_ID_LABEL]: volumeId,
          [SECRET_LABEL]: wanted.secret,
          [DATA_LABEL]: wanted.data,
        },
      });
      return volumeId;
    });
  }

  #checkVolume(
    labels: Record<string, string> | null,
    isOur: boolean,
    wanted: { secret: string; data: string },
  ): void {
    const step = this.#step.id;
    if (!isOur) {
      throw new FailureError({
        code: 'docker.nameTaken',
        message: `There is a volume ${this.#name} that FlashGrid did not make.`,
        fix: `Rename or remove it yourself ("docker volume rm ${this.#name}"): FlashGrid never touches what lacks its label.`,
        step,
      });
    }
    if (labels?.[DATA_LABEL] !== wanted.data) {
      throw new FailureError({
        code: 'docker.dataVersion',
        message: `The volume ${this.#name} was written by ${labels?.[DATA_LABEL] ?? 'another version'}; the image ${this.#spec.image} (${wanted.data}) can't read it.`,
        fix: `Set the image back to that version in the settings, or give the data up with \`${commandLine('down --reset')}\`.`,
        step,
      });
    }
    if (labels[SECRET_LABEL] !== wanted.secret) throw this.#wrongPassword();
  }

  #wrongPassword(cause?: unknown): FailureError {
    return new FailureError(
      {
        code: 'docker.passwordLost',
        message: `The data of ${ROLE_NAME[this.#spec.role]} in the volume ${this.#name} was made with another password than the one in the data folder.`,
        fix: `Bring the data folder back, or give the data up with \`${commandLine('down --reset')}\`.`,
        step: this.#step.id,
      },
      cause === undefined ? undefined : { cause },
    );
  }

  async #find(): Promise<{ Id: string } | undefined> {
    const { docker, clusterId } = this.#around;
    const all = await listOurContainers(docker, clusterId, this.#step.id);
    return all.find(({ role }) => role === this.#spec.role);
  }

  /** A container that can be used as it is; any other of this role is removed, its data stays in the volume. */
  async #adopt(): Promise<{ id: string; wasRunning: boolean; note: string } | undefined> {
    const { docker, clusterId } = this.#around;
    const present = (await listOurContainers(docker, clusterId, this.#step.id)).filter(
      ({ role }) => role === this.#spec.role,
    );
    let chosen: { id: string; wasRunning: boolean; note: string } | undefined;
    for (const { Id } of present) {
      const info = await ask(this.#step.id, `inspecting ${this.#name}`, async () => {
        try {
          return await docker.getContainer(Id).inspect();
        } catch (error) {
          if (isNotFound(error)) return undefined;
          throw error;
        }
      });
      if (!info) continue;
      const reason = chosen ? 'a second one of the same role' : this.#whyNot(info);
      if (reason === undefined) {
        chosen = { id: Id, wasRunning: info.State.Running, note: 'started again' };
        continue;
      }
      this.#step.note(`${reason}: replaced, the data is kept`);
      await this.#stopAndRemove(Id);
    }
    return chosen;
  }

  /** Why a container can't be used as it is. */
  #whyNot(info: ContainerInspectInfo): string | undefined {
    const { Labels } = info.Config;
    const madeBy = Labels[VERSION_LABEL];
    const mount = info.Mounts.find(({ Name }) => Name === this.#name);
    const bindings = bindingsSchema.safeParse(info.HostConfig.PortBindings).data ?? {};
    const isOpenToOthers = Object.values(bindings).some((all) =>
      all?.some(({ HostIp }) => HostIp !== '127.0.0.1'),
    );
    const networks = Object.keys(info.NetworkSettings.Networks ?? {});
    if (info.State.Status === 'created') return 'never started';
    if (info.State.Paused || info.State.Dead || info.State.Restarting) return `is ${info.State.Status}`;
    if (madeBy !== this.#around.appVersion) return `made by FlashGrid ${madeBy ?? 'of an unknown version'}`;
    if (Labels[CONFIG_LABEL] !== configHash(this.#spec, this.#image)) return 'its settings have changed';
    if (info.HostConfig.Memory !== this.#spec.memoryBytes) return 'its memory limit was changed';
    if ((info.HostConfig.NanoCpus ?? 0) !== this.#spec.nanoCpus) return 'its CPU limit was changed';
    if (!mount || mount.Destination !== dataPath(this.#spec.role, this.#image))
      return 'its volume was changed';
    if (isOpenToOthers) return 'its ports were changed';
    if (!networks.includes(networkName(this.#around.clusterId))) return 'its network was changed';
    return undefined;
  }

  #labels(): Record<string, string> {
    return {
      [CLUSTER_LABEL]: this.#around.clusterId,
      [ROLE_LABEL]: this.#spec.role,
      [VERSION_LABEL]: this.#around.appVersion,
    };
  }

  async #create(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const { docker, clusterId } = this.#around;
    const { role, image, env, command, port, memoryBytes, nanoCpus, files } = this.#spec;
    const key = `${port}/tcp`;
    const container = await ask(this.#step.id, `making the container ${this.#name}`, () =>
      docker.createContainer({
        name: this.#name,
        // RabbitMQ names its data after the host: it has to stay the same.
        Hostname: role,
        Image: image,
        Env: [...env],
        Cmd: [...command],
        Labels: { ...this.#labels(), [CONFIG_LABEL]: configHash(this.#spec, this.#image) },
        ExposedPorts: { [key]: {} },
        HostConfig: {
          NetworkMode: networkName(clusterId),
          PortBindings: { [key]: [{ HostIp: '127.0.0.1', HostPort: this.#hostPorts }] },
          Mounts: [
            { Type: 'volume', Source: this.#name, Target: dataPath(role, this.#image) },
            // Without a name: it lives and goes with its container.
            {
              Type: 'volume',
              Source: '',
              Target: CONFIG_DIR,
              VolumeOptions: {
                NoCopy: true,
                Labels: this.#labels(),
                DriverConfig: { Name: 'local', Options: {} },
              },
            },
          ],
          ...CONFINEMENT,
          Memory: memoryBytes,
          // No swap beyond it: a backend that swaps is slower than one that says it is full.
          MemorySwap: memoryBytes,
          NanoCpus: nanoCpus,
          ShmSize: SHARED_MEMORY_BYTES,
          // The control centre decides what runs: a container that comes back by itself would hide a crash.
          RestartPolicy: { Name: 'no' },
          LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
        },
      }),
    );
    this.#made.containers.add(container.id);
    signal.throwIfAborted();
    await ask(this.#step.id, `copying the configuration into ${this.#name}`, () =>
      // Into the volume: the root itself is read-only from the beginning.
      container.putArchive(packTar(files), { path: CONFIG_DIR }),
    );
    return container.id;
  }

  async #start(id: string): Promise<void> {
    this.#made.started.add(id);
    await ask(
      this.#step.id,
      `starting ${this.#name}`,
      async () => {
        try {
          await this.#around.docker.getContainer(id).start();
        } catch (error) {
          // 304: it runs already.
          if (errorStatus(error) !== 304) throw error;
        }
      },
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
    if (!info.State.Running) throw await this.#exited(id, info);
    const port = Number(info.NetworkSettings.Ports[`${this.#spec.port}/tcp`]?.[0]?.HostPort);
    if (!Number.isInteger(port) || port === 0) throw await this.#notReady(id, `it has no port on 127.0.0.1`);
    const url = backendUrl(role, port, file.password(role));
    const checkAlive = async (): Promise<void> => {
      const now = await inspect();
      if (!now.State.Running) throw await this.#exited(id, now);
    };
    let version: string;
    try {
      version = await waitUntilReady(role, url, limitMs, checkAlive, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FailureError) throw error;
      if (error instanceof WrongPasswordError) throw this.#wrongPassword(error);
      throw await this.#notReady(id, `${errorText(error)} after ${limitMs / 1000} s`, error);
    }
    file.setProven(role, volumeId);
    return { role, id, port, url, version, how, startedAtMs: Date.parse(info.State.StartedAt) || Date.now() };
  }

  async #exited(id: string, info: ContainerInspectInfo): Promise<FailureError> {
    const { ExitCode, OOMKilled, Error: daemonError } = info.State;
    const lines = await lastLines(this.#around.docker, id);
    const name = ROLE_NAME[this.#spec.role];
    const tail =
      lines.length > 0 ? ` Its last words:\n${lines.join('\n')}` : daemonError ? ` ${daemonError}` : '';
    const failure = (code: FailureCode, message: string, fix: string): FailureError =>
      new FailureError({ code, message, fix, step: this.#step.id });
    if (DISK_FULL.test(tail))
      return failure('docker.diskFull', `The disk is full: ${name} ended at once.${tail}`, FIX_DISK);
    if (OOMKilled) {
      return failure(
        'docker.outOfMemory',
        `${name} was ended because it needed more than its ${this.#spec.memoryBytes / 1024 / 1024} MiB of memory.${tail}`,
        'Raise the memory limit in the settings, and the memory that Docker itself may use.',
      );
    }
    return failure(
      'docker.containerExited',
      `The container of ${name} (${this.#spec.image}) ended with exit code ${ExitCode} instead of serving.${tail}`,
      `Read its last words above. An image that is not made like the official one, or data of another version, is the usual cause: check the image in the settings, or start over with \`${commandLine('down --reset')}\`.`,
    );
  }

  async #notReady(id: string, why: string, cause?: unknown): Promise<FailureError> {
    const lines = await lastLines(this.#around.docker, id);
    const tail = lines.length > 0 ? ` Its last words:\n${lines.join('\n')}` : '';
    return new FailureError(
      {
        code: 'docker.notReady',
        message: `${ROLE_NAME[this.#spec.role]} runs in ${this.#name}, but does not serve: ${why}.${tail}`,
        fix: `Start again; if it stays so, look at the logs of the container, or start over with \`${commandLine('down --reset')}\`.`,
        step: this.#step.id,
      },
      { cause },
    );
  }

  async #stopAndRemove(id: string): Promise<void> {
    await stopContainer(this.#around.docker, id, this.#spec.stopLimitSec, this.#step.id);
    await this.#remove(id);
  }

  async #remove(id: string): Promise<void> {
    await removeContainer(this.#around.docker, id, this.#step.id);
  }
}

/** Stops politely, then by force; harmless for a container that is stopped or gone. */
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
      try {
        const info = await container.inspect();
        // A paused process can't hear that it should stop.
        if (info.State.Paused) await container.unpause();
        await container.stop({ t: limitSec });
      } catch (error) {
        if (errorStatus(error) !== 304 && !isNotFound(error)) throw error;
      }
    },
    (limitSec + 10) * 1_000,
  );
}

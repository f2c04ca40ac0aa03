/** How the container of a backend must be made, and why one that is there can't be used as it is. */
import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';
import { z } from 'zod';
import {
  CONFIG_DIR,
  CONFINEMENT,
  configHash,
  dataPath,
  type BackendSpec,
  type ImageFacts,
} from './backend-spec.ts';
import { CLUSTER_LABEL, CONFIG_LABEL, networkName, partName, ROLE_LABEL, VERSION_LABEL } from './labels.ts';
import type { Surrounding } from './surrounding.ts';

const SHARED_MEMORY_BYTES = 256 * 1024 * 1024;

const bindingsSchema = z.record(z.string(), z.array(z.object({ HostIp: z.string() })).nullable());

/** The labels of everything that belongs to a backend. */
export function labelsOf(
  { clusterId, appVersion }: Surrounding,
  { role }: BackendSpec,
): Record<string, string> {
  return { [CLUSTER_LABEL]: clusterId, [ROLE_LABEL]: role, [VERSION_LABEL]: appVersion };
}

/** What the daemon is asked to create. */
export function containerOptions(
  around: Surrounding,
  spec: BackendSpec,
  facts: ImageFacts,
  hostPorts: string,
): ContainerCreateOptions {
  const { role, image, env, command, port, memoryBytes, nanoCpus } = spec;
  const name = partName(around.clusterId, role);
  const labels = labelsOf(around, spec);
  const key = `${port}/tcp`;
  return {
    name,
    // RabbitMQ names its data after the host, so the name must stay the same.
    Hostname: role,
    Image: image,
    Env: [...env],
    Cmd: [...command],
    Labels: { ...labels, [CONFIG_LABEL]: configHash(spec, facts) },
    ExposedPorts: { [key]: {} },
    HostConfig: {
      NetworkMode: networkName(around.clusterId),
      PortBindings: { [key]: [{ HostIp: '127.0.0.1', HostPort: hostPorts }] },
      Mounts: [
        { Type: 'volume', Source: name, Target: dataPath(role, facts) },
        // An anonymous volume: it is removed with its container.
        {
          Type: 'volume',
          Source: '',
          Target: CONFIG_DIR,
          VolumeOptions: {
            NoCopy: true,
            Labels: labels,
            DriverConfig: { Name: 'local', Options: {} },
          },
        },
      ],
      ...CONFINEMENT,
      Memory: memoryBytes,
      // No swap: a backend that swaps gets slow, one that is full says so.
      MemorySwap: memoryBytes,
      NanoCpus: nanoCpus,
      ShmSize: SHARED_MEMORY_BYTES,
      // The control centre decides what runs. A container that restarts by itself would hide a crash.
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
    },
  };
}

/** Why a container can't be used as it is; `undefined` when it can. */
export function whyReplaced(
  info: ContainerInspectInfo,
  around: Surrounding,
  spec: BackendSpec,
  facts: ImageFacts,
): string | undefined {
  const name = partName(around.clusterId, spec.role);
  const { Labels } = info.Config;
  const madeBy = Labels[VERSION_LABEL];
  const mount = info.Mounts.find(({ Name }) => Name === name);
  const bindings = bindingsSchema.safeParse(info.HostConfig.PortBindings).data ?? {};
  const isOpenToOthers = Object.values(bindings).some((all) =>
    all?.some(({ HostIp }) => HostIp !== '127.0.0.1'),
  );
  const networks = Object.keys(info.NetworkSettings.Networks ?? {});
  if (info.State.Status === 'created') return 'never started';
  if (info.State.Paused || info.State.Dead || info.State.Restarting) return `is ${info.State.Status}`;
  if (madeBy !== around.appVersion) return `made by FlashGrid ${madeBy ?? 'of an unknown version'}`;
  if (Labels[CONFIG_LABEL] !== configHash(spec, facts)) return 'its settings have changed';
  if (info.HostConfig.Memory !== spec.memoryBytes) return 'its memory limit was changed';
  if ((info.HostConfig.NanoCpus ?? 0) !== spec.nanoCpus) return 'its CPU limit was changed';
  if (!mount || mount.Destination !== dataPath(spec.role, facts)) return 'its volume was changed';
  if (isOpenToOthers) return 'its ports were changed';
  if (!networks.includes(networkName(around.clusterId))) return 'its network was changed';
  return undefined;
}

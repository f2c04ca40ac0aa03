/** Lists and removes what the daemon holds of one cluster, by its labels. */
import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';
import type { BackendRole } from '../../../contract/backends.ts';
import { ask, unless } from './errors.ts';
import { isOurs, labelFilter, roleOf } from './labels.ts';

const REMOVE_LIMIT_MS = 30_000;

/** All containers of the cluster, in any state. */
export async function listOurContainers(
  docker: Docker,
  clusterId: string,
  step: string,
): Promise<(ContainerInfo & { role: BackendRole })[]> {
  const all = await ask(step, 'listing containers', () =>
    docker.listContainers({ all: true, filters: labelFilter(clusterId) }),
  );
  return all.flatMap((info) => {
    const role = roleOf(info.Labels, clusterId);
    return role ? [{ ...info, role }] : [];
  });
}

/** Removes a container and its anonymous volumes; harmless when it is gone. */
export async function removeContainer(docker: Docker, id: string, step: string): Promise<void> {
  await ask(
    step,
    `removing the container ${id.slice(0, 12)}`,
    // 409: it is already being removed.
    () => unless([404, 409], docker.getContainer(id).remove({ force: true, v: true })),
    REMOVE_LIMIT_MS,
  );
}

/** Removes a volume of ours; harmless when it is gone or not ours. */
export async function removeVolume(
  docker: Docker,
  clusterId: string,
  name: string,
  step: string,
): Promise<void> {
  await ask(step, `removing the volume ${name}`, async () => {
    const volume = docker.getVolume(name);
    const info = await unless([404], volume.inspect());
    if (info && isOurs(info.Labels, clusterId)) await unless([404], volume.remove());
  });
}

/** Removes the cluster's networks. */
export async function removeNetworks(docker: Docker, clusterId: string, step: string): Promise<void> {
  const networks = await ask(step, 'listing networks', () =>
    docker.listNetworks({ filters: labelFilter(clusterId) }),
  );
  for (const info of networks.filter(({ Labels }) => isOurs(Labels, clusterId))) {
    await ask(step, `removing the network ${info.Name}`, () =>
      unless([404], docker.getNetwork(info.Id).remove()),
    );
  }
}

/** Removes containers, volumes and networks of the cluster, and nothing that lacks its labels. */
export async function removeEverything(docker: Docker, clusterId: string, step: string): Promise<void> {
  const containers = await listOurContainers(docker, clusterId, step);
  await Promise.all(containers.map(({ Id }) => removeContainer(docker, Id, step)));
  const { Volumes } = await ask(step, 'listing volumes', () =>
    docker.listVolumes({ filters: labelFilter(clusterId) }),
  );
  // Podman and Docker give null for none.
  for (const { Name } of Volumes ?? []) await removeVolume(docker, clusterId, Name, step);
  await removeNetworks(docker, clusterId, step);
}

/** Network of the cluster, made when it is not there. */
export async function ensureNetwork(
  docker: Docker,
  clusterId: string,
  name: string,
  labels: Record<string, string>,
  step: string,
): Promise<'made' | 'found'> {
  const networks = await ask(step, 'listing networks', () =>
    docker.listNetworks({ filters: labelFilter(clusterId) }),
  );
  if (networks.some((info) => info.Name === name && isOurs(info.Labels, clusterId))) return 'found';
  await ask(step, `making the network ${name}`, () =>
    docker.createNetwork({ Name: name, CheckDuplicate: true, Labels: labels }),
  );
  return 'made';
}

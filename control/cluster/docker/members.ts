/** The containers of a highly available cluster, found by their labels. */
import type Docker from 'dockerode';
import { stopContainer } from './backend-container.ts';
import { ask, unless } from './errors.ts';
import { listOurContainers, removeContainer } from './inventory.ts';
import { MEMBER_LABEL } from './labels.ts';

const STOP_LIMIT_SEC = 5;

/** The containers of its processes when it is highly available. */
export async function listMembers(docker: Docker, clusterId: string, step: string) {
  const all = await listOurContainers(docker, clusterId, step);
  return all.filter(({ Labels }) => Labels[MEMBER_LABEL] !== undefined);
}

/** Stops and removes the containers of members, but those whose first process is kept. */
export async function removeMembers(
  docker: Docker,
  clusterId: string,
  step: string,
  keptPids: ReadonlySet<number> = new Set(),
): Promise<void> {
  const all = await listMembers(docker, clusterId, step);
  await Promise.all(
    all.map(async ({ Id }) => {
      const info = await ask(step, 'inspecting a container', () =>
        unless([404], docker.getContainer(Id).inspect()),
      );
      if (!info || (info.State.Running && keptPids.has(info.State.Pid))) return;
      if (info.State.Running) await stopContainer(docker, Id, STOP_LIMIT_SEC, step);
      await removeContainer(docker, Id, step);
    }),
  );
}

/**
 * A highly available cluster in containers: that of the machine's own backends, with each process in a container
 * of an image of ours. Its data lie in folders, as theirs do.
 */
import { mkdirSync } from 'node:fs';
import type { Cluster } from '../cluster.ts';
import { findHaproxy, type HighAvailabilityBinaries } from '../native/find-programs.ts';
import { createNativeCluster } from '../native/native-cluster.ts';
import { StepReporter } from '../steps.ts';
import { imageName } from './backend-spec.ts';
import { ContainerHost } from './container-host.ts';
import { createDockerCluster, type DockerClusterOptions, membersDir } from './docker-cluster.ts';
import { ensureImage } from './images.ts';
import { ensureMemberImage, lookIntoImage } from './member-image.ts';

/** Nothing happens before `start`. */
export function createHighlyAvailableDocker(options: DockerClusterOptions): Cluster {
  const { docker, clusterId, appVersion, events, settings } = options;
  const dataDir = membersDir(options.dataDir);
  const single = createDockerCluster(options);
  const host = new ContainerHost({ docker, clusterId, appVersion, dataDir });
  const step = (id: string, title: string) => new StepReporter(events, id, title);
  let helpers: HighAvailabilityBinaries | undefined;
  const cluster = createNativeCluster({
    dataDir,
    events,
    host,
    highlyAvailable: true,
    ...(settings.backendPorts ? { ports: settings.backendPorts } : {}),
    async find(signal) {
      // Before anything is fetched.
      await findHaproxy();
      // What an earlier start left, with a single container of each backend.
      await single.stop();
      mkdirSync(dataDir, { recursive: true });
      const base = imageName(settings.images.registry, settings.images.debian);
      const { id } = await step('docker.image.debian', `Fetch ${base}`).run((own) =>
        ensureImage(docker, base, own, signal),
      );
      host.image = await step('docker.image.members', 'Make the image of all members').run((own) =>
        ensureMemberImage(docker, { name: base, id }, own, signal),
      );
      const found = await step('docker.image.look', 'Look into the image').run((own) =>
        lookIntoImage(docker, host.image, own),
      );
      helpers = found.helpers;
      return found.backends;
    },
    findHelpers: () =>
      Promise.resolve(helpers).then((found) => found ?? Promise.reject(new Error('not found yet'))),
  });
  // All that the provider has, whichever way it was started.
  cluster.reset = async () => {
    await cluster.stop();
    await single.reset();
  };
  return cluster;
}

/** Makes the cluster of a provider, and asks what this machine offers. The one place that knows all three. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Settings } from '../../contract/settings.ts';
import { notHighlyAvailable, type ProviderProbe } from './choose-provider.ts';
import { FailureError } from '../../contract/failure.ts';
import { backendRoleSchema, type Provider } from '../../contract/backends.ts';
import type { Cluster, ClusterEvents } from './cluster.ts';
import { createDockerCluster, findDockerDaemon } from './docker/docker-cluster.ts';
import { createHighlyAvailableDocker } from './docker/highly-available.ts';
import { listOurContainers } from './docker/inventory.ts';
import { MEMBER_LABEL } from './docker/labels.ts';
import { createExternalCluster } from './external/external-cluster.ts';
import { createNativeCluster } from './native/native-cluster.ts';
import { findPrograms, installHint } from './native/find-programs.ts';
import { ProcessRegistry } from '../processes/process-registry.ts';

export interface ProvidersOptions {
  readonly dataDir: string;
  /** The app's: containers of another version are replaced. */
  readonly version: string;
  settings(): Settings;
}

export interface KeptBackends {
  readonly provider: Provider;
  readonly highlyAvailable: boolean;
}

export interface Providers {
  readonly probe: ProviderProbe;
  /**
   * @throws FailureError when the provider itself is not there; `cluster.notHighlyAvailable` when it has no such
   * cluster
   */
  create(provider: Provider, events: ClusterEvents, highlyAvailable?: boolean): Promise<Cluster>;
  /**
   * The provider whose backends all run on this data folder with nobody to answer for them: kept on purpose,
   * or left by a crash.
   */
  findKept(): Promise<KeptBackends | undefined>;
}

/**
 * The id in the names and labels of a data folder's containers, so that two FlashGrids never touch each
 * other's.
 */
export function clusterIdOf(dataDir: string): string {
  return createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 12);
}

export function createProviders({ dataDir, version, settings }: ProvidersOptions): Providers {
  return {
    probe: {
      docker: async () => {
        const search = await findDockerDaemon();
        // Each place that was tried is the doctor's business; here one sentence is enough.
        if (!search.found)
          return {
            isThere: false,
            why: search.failure.message.split('\n')[0] ?? '',
          };
        return { isThere: true, where: search.found.where, version: search.found.version };
      },
      native: async () => {
        const found = await findPrograms();
        const missing = (['rabbitmq', 'redis', 'postgres'] as const).filter((role) => !found[role]);
        if (missing.length === 0) return { missing };
        return {
          missing,
          failure: {
            code: 'native.backendMissing',
            message: `missing: ${missing.join(', ')}`,
            fix: `Start Docker, or install the backends. ${installHint(missing)}`,
          },
        };
      },
    },
    findKept: async () => {
      const isAll = (found: readonly { readonly role: string }[], suffix = '') =>
        backendRoleSchema.options.every((role) => found.some((one) => one.role === `${role}${suffix}`));
      const orphans = new ProcessRegistry(dataDir).findProcesses().filter(({ isOwned }) => !isOwned);
      for (const [suffix, highlyAvailable] of [['', false] as const, ['-1', true] as const])
        if (isAll(orphans, suffix)) return { provider: 'native', highlyAvailable };
      const { found } = await findDockerDaemon();
      const containers = found && (await listOurContainers(found.docker, clusterIdOf(dataDir), 'provider'));
      const running = (containers ?? []).filter(({ State }) => State === 'running');
      const highlyAvailable = running.some(({ Labels }) => Labels[MEMBER_LABEL] !== undefined);
      return isAll(running) ? { provider: 'docker', highlyAvailable } : undefined;
    },
    create: async (provider, events, highlyAvailable = false) => {
      if (highlyAvailable && provider === 'external') throw notHighlyAvailable();
      const { images, limits, external, backendPorts } = settings();
      if (provider === 'native')
        return createNativeCluster({ dataDir, events, ports: backendPorts, highlyAvailable });
      if (provider === 'docker') {
        const search = await findDockerDaemon();
        if (!search.found) throw new FailureError({ ...search.failure, step: 'provider' });
        if (highlyAvailable && search.found.kind === 'podman') throw notHighlyAvailable('podman');
        return (highlyAvailable ? createHighlyAvailableDocker : createDockerCluster)({
          clusterId: clusterIdOf(dataDir),
          dataDir,
          settings: { images, limits, backendPorts },
          events,
          docker: search.found.docker,
          appVersion: version,
        });
      }
      const missing = Object.entries(external).find(([, url]) => url === '');
      if (missing) {
        throw new FailureError({
          code: 'external.urlMissing',
          message: `The external provider needs ${missing[0]}.`,
          fix: 'Give all three URLs in the settings, or choose another provider.',
          field: `external.${missing[0]}`,
          step: 'provider',
        });
      }
      return createExternalCluster({ endpoints: external, events });
    },
  };
}

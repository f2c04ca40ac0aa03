/** What a run took place on: measurements mean nothing without their machine. */
import os from 'node:os';
import process from 'node:process';
import type { Cluster } from '../cluster/cluster.ts';
import type { ServiceState } from '../../contract/state.ts';
import { openFileLimit } from '../../services/shared/open-files.ts';
import type { Environment } from '../../contract/run-record.ts';

/** The build puts it in (electron.vite.config.ts); empty without Git. */
declare const SOURCE_COMMIT: string;
const commit = typeof SOURCE_COMMIT === 'undefined' ? '' : SOURCE_COMMIT;

/** Describes the machine, the backends and how many services ran. */
export async function describeEnvironment(
  version: string,
  cluster: { readonly provider: Environment['provider']; readonly backends: Cluster['backends'] },
  services: readonly ServiceState[],
): Promise<Environment> {
  const versionOf = (role: string) =>
    cluster.backends().find((backend) => backend.role === role)?.version ?? 'unknown';
  const openFiles = await openFileLimit();
  const memoryLimit = process.constrainedMemory();
  return {
    flashgrid: version,
    node: process.versions.node,
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    ...(commit === '' ? {} : { commit }),
    ...(openFiles === undefined ? {} : { openFiles }),
    // Without a limit Node gives 0, or more than the machine has.
    ...(memoryLimit > 0 && memoryLimit < os.totalmem() ? { memoryLimitBytes: memoryLimit } : {}),
    provider: cluster.provider,
    ...(cluster.backends().some(({ members = [] }) => members.length > 1) ? { highlyAvailable: true } : {}),
    backends: { rabbitmq: versionOf('rabbitmq'), redis: versionOf('redis'), postgres: versionOf('postgres') },
    gateways: services.filter((service) => service.role === 'gateway').length,
    workers: services.filter((service) => service.role === 'worker').length,
  };
}

/** What a run took place on: measurements mean nothing without their machine. */
import os from 'node:os';
import process from 'node:process';
import type { Cluster } from '../cluster/cluster.ts';
import type { ServiceState } from '../../contract/state.ts';
import type { Environment } from '../../contract/run-record.ts';

/** Describes the machine, the backends and how many services ran. */
export function describeEnvironment(
  version: string,
  cluster: Pick<Cluster, 'provider' | 'backends'>,
  services: readonly ServiceState[],
): Environment {
  const versionOf = (role: string) =>
    cluster.backends().find((backend) => backend.role === role)?.version ?? 'unknown';
  return {
    flashgrid: version,
    node: process.versions.node,
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    provider: cluster.provider,
    backends: { rabbitmq: versionOf('rabbitmq'), redis: versionOf('redis'), postgres: versionOf('postgres') },
    gateways: services.filter((service) => service.role === 'gateway').length,
    workers: services.filter((service) => service.role === 'worker').length,
  };
}

/** Names and labels of what FlashGrid makes. Nothing without both labels is ever stopped or removed. */
import type { BackendRole } from '../../../contract/backends.ts';

export const CLUSTER_LABEL = 'flashgrid.cluster';
export const ROLE_LABEL = 'flashgrid.role';
/** On the containers of a highly available cluster: which process it is, as `redis-2`. */
export const MEMBER_LABEL = 'flashgrid.member';
export const VERSION_LABEL = 'flashgrid.app-version';
export const CONFIG_LABEL = 'flashgrid.config-hash';
/** On volumes: tells one from a later one of the same name. */
export const VOLUME_ID_LABEL = 'flashgrid.volume-id';
/** On volumes: which password the data was made with (a hash), and which major version wrote it. */
export const SECRET_LABEL = 'flashgrid.secret-hash';
export const DATA_LABEL = 'flashgrid.data-version';

export const ROLES: readonly BackendRole[] = ['rabbitmq', 'redis', 'postgres'];

type Labels = Readonly<Record<string, string>> | null | undefined;

/** Name of the network, and prefix of all other names. */
export function networkName(clusterId: string): string {
  return `flashgrid-${clusterId}`;
}

/** Name of a role's container and of its volume. */
export function partName(clusterId: string, role: BackendRole): string {
  return `${networkName(clusterId)}-${role}`;
}

/** The role of something that is ours; `undefined` for anything else. */
export function roleOf(labels: Labels, clusterId: string): BackendRole | undefined {
  if (!isOurs(labels, clusterId)) return undefined;
  return ROLES.find((role) => role === labels?.[ROLE_LABEL]);
}

/** Whether labels say that this cluster made it. */
export function isOurs(labels: Labels, clusterId: string): boolean {
  return labels?.[CLUSTER_LABEL] === clusterId && labels[ROLE_LABEL] !== undefined;
}

/** Filter for the daemon's lists; what comes back is checked once more with `isOurs`. */
export function labelFilter(clusterId: string): { label: string[] } {
  return { label: [`${CLUSTER_LABEL}=${clusterId}`, ROLE_LABEL] };
}

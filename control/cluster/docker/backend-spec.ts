/** What each container is made of: image, environment, configuration, where its data lies. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resourceDir } from '../../../services/shared/resources.ts';
import type { Settings } from '../../../contract/settings.ts';
import type { BackendRole } from '../../../contract/backends.ts';
import type { ClusterFile } from './cluster-file.ts';
import { ROLES } from './labels.ts';
import type { TarFile } from './tar.ts';

export const BACKEND_USER = 'flashgrid';
export const BACKEND_DATABASE = 'flashgrid';
/** Raise it when containers are made in another way: older ones are then replaced. */
const LAYOUT = 2;
/** Where configuration and passwords lie: a volume of the container's own, since its root is read-only. */
export const CONFIG_DIR = '/etc/flashgrid';
const MIB = 1024 * 1024;
const TMPFS = 'rw,nosuid,nodev,noexec,mode=1777,size=64m';

export interface DockerSettings {
  readonly images: Settings['images'];
  readonly limits: Settings['limits'];
  /** A port of its own for each backend on 127.0.0.1; 0 leaves it to `ports`. */
  readonly backendPorts?: Settings['backendPorts'] | undefined;
  /** Ports that may be used on 127.0.0.1; absent: any that the daemon finds free. */
  readonly ports?: { readonly first: number; readonly last: number } | undefined;
}

export interface BackendSpec {
  readonly role: BackendRole;
  readonly image: string;
  /** Holds no secret: everybody who may inspect containers reads it. */
  readonly env: readonly string[];
  readonly command: readonly string[];
  readonly files: readonly TarFile[];
  /** Port inside the container. */
  readonly port: number;
  readonly memoryBytes: number;
  /** Billionths of a core; 0 is no limit. */
  readonly nanoCpus: number;
  readonly hostPorts: string;
  /** ms between the request to stop and the kill. */
  readonly stopLimitSec: number;
}

/**
 * What a container of ours may do. The entrypoints of the official images start as root, give the data to the
 * image's user and switch to that user. They need these capabilities for it; the backend itself then has
 * none.
 */
export const CONFINEMENT = {
  CapDrop: ['ALL'],
  CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'],
  SecurityOpt: ['no-new-privileges:true'],
  ReadonlyRootfs: true,
  // Sockets, pid files and temporary files.
  Tmpfs: Object.fromEntries(['/tmp', '/run/postgresql', '/var/log/rabbitmq'].map((path) => [path, TMPFS])),
};

/** The part of an image's description that decides where data lies. */
export interface ImageFacts {
  readonly id: string;
  readonly volumes: readonly string[];
  readonly env: readonly string[];
}

/** An image's full name: the registry's prefix, if any, before it. */
export function imageName(registry: string, image: string): string {
  const prefix = registry.trim().replace(/\/+$/, '');
  return prefix === '' ? image : `${prefix}/${image}`;
}

/** The three containers, as settings and passwords make them. */
export function backendSpecs(settings: DockerSettings, file: ClusterFile): BackendSpec[] {
  return ROLES.map((role) => ({
    role,
    image: imageName(settings.images.registry, settings.images[role]),
    memoryBytes: settings.limits.memoryMb * MIB,
    nanoCpus: Math.round(settings.limits.cpus * 1e9),
    hostPorts: settings.backendPorts?.[role]
      ? String(settings.backendPorts[role])
      : settings.ports
        ? `${settings.ports.first}-${settings.ports.last}`
        : '',
    ...PARTS[role](settings.limits.memoryMb, file.password(role)),
  }));
}

type Part = Pick<BackendSpec, 'env' | 'command' | 'files' | 'port' | 'stopLimitSec'>;

const PARTS: Record<BackendRole, (memoryMb: number, password: string) => Part> = {
  rabbitmq: (memoryMb, password) => ({
    // Erlang sizes its port table by the limit of open files: Docker's default, unlimited, costs gigabytes
    // and seconds.
    env: ['ERL_MAX_PORTS=65536', `RABBITMQ_CONFIG_FILES=${CONFIG_DIR}/*.conf`],
    command: ['rabbitmq-server'],
    files: [
      config('rabbitmq.conf', [
        `default_user = ${BACKEND_USER}`,
        `default_pass = ${password}`,
        `vm_memory_high_watermark.absolute = ${Math.floor(memoryMb * 0.6)}MiB`,
      ]),
    ],
    port: 5672,
    stopLimitSec: 20,
  }),
  redis: (memoryMb, password) => ({
    env: [],
    command: ['redis-server', `${CONFIG_DIR}/redis.conf`],
    files: [
      // The rest of the memory is for the copy that Redis makes when it rewrites its log.
      config('redis.conf', [`requirepass ${password}`, `maxmemory ${Math.floor(memoryMb * 0.6)}mb`]),
    ],
    port: 6379,
    stopLimitSec: 10,
  }),
  postgres: (memoryMb, password) => ({
    env: [
      `POSTGRES_USER=${BACKEND_USER}`,
      `POSTGRES_DB=${BACKEND_DATABASE}`,
      `POSTGRES_PASSWORD_FILE=${CONFIG_DIR}/postgres-password`,
    ],
    command: ['postgres', '-c', `config_file=${CONFIG_DIR}/postgresql.conf`],
    files: [
      config('postgresql.conf', [`shared_buffers = ${Math.min(512, Math.floor(memoryMb / 4))}MB`]),
      { path: 'postgres-password', text: password, mode: 0o444 },
    ],
    port: 5432,
    stopLimitSec: 20,
  }),
};

/**
 * A file of `docker/` with lines of this cluster added. All users inside the container can read it, since
 * each image runs under a user of its own choice. From outside, only those who may use the Docker daemon can.
 */
function config(path: string, lines: readonly string[]): TarFile {
  const text = readFileSync(join(resourceDir('docker'), path), 'utf8');
  return { path, text: `${text.trimEnd()}\n\n# Added by FlashGrid\n${lines.join('\n')}\n`, mode: 0o444 };
}

/**
 * Folder of the role's data. The official Postgres images moved it in version 18; the image itself names it.
 */
export function dataPath(role: BackendRole, image: ImageFacts): string {
  if (role === 'redis') return '/data';
  if (role === 'rabbitmq') return '/var/lib/rabbitmq';
  const old = '/var/lib/postgresql/data';
  return image.volumes.includes(old) ? old : '/var/lib/postgresql';
}

/** Version of the data format: only Postgres' major versions can't read each other's data. */
export function dataVersion(role: BackendRole, image: ImageFacts): string {
  const major = image.env.find((entry) => entry.startsWith('PG_MAJOR='))?.slice('PG_MAJOR='.length);
  return role === 'postgres' && major ? `postgres-${major}` : role;
}

/** A hash that differs when a container made now would differ from an earlier one. */
export function configHash(spec: BackendSpec, image: ImageFacts): string {
  const { files, ...rest } = spec;
  const text = JSON.stringify([LAYOUT, rest, files, image.id, dataPath(spec.role, image)]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

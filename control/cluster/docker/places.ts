/** Where a Docker or Podman daemon may answer on this machine, in the order in which they are preferred. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { DockerOptions } from 'dockerode';
import { z } from 'zod';
import { readJson } from '../../lib/read-json.ts';

export interface Place {
  /** As a person writes it: `unix:///var/run/docker.sock`. */
  readonly where: string;
  /** Who named it: `DOCKER_HOST`, `docker context colima`, `Docker Desktop`… */
  readonly source: string;
  /** How to reach it; absent when the address can't be used, and then `problem` says why. */
  readonly options?: DockerOptions;
  readonly problem?: string;
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** User id, of the per-user sockets; absent on Windows. */
  readonly uid?: number | undefined;
}

const configSchema = z.object({ currentContext: z.string().optional() });
const contextSchema = z.object({
  Endpoints: z.object({ docker: z.object({ Host: z.string().min(1) }) }),
});

/** What this process sees of its machine. */
export function ownSurroundings(): Surroundings {
  return { env: process.env, home: homedir(), platform: process.platform, uid: process.getuid?.() };
}

/**
 * All places, best first. An address that the user has set in DOCKER_HOST is the only one.
 */
export function daemonPlaces(around: Surroundings): Place[] {
  const { env } = around;
  const given = env['DOCKER_HOST'];
  if (given) return [placeOf(given, 'DOCKER_HOST', tlsFolder(around))];
  const places: Place[] = [];
  const context = currentContext(around);
  if (context) places.push(contextPlace(around, context));
  const podmanHost = env['CONTAINER_HOST'];
  for (const [path, source] of usualSockets(around)) places.push(placeOf(path, source));
  if (podmanHost) places.push(placeOf(podmanHost, 'CONTAINER_HOST'));
  return places.filter((place, index) => places.findIndex((other) => other.where === place.where) === index);
}

function usualSockets({ env, home, platform, uid }: Surroundings): [string, string][] {
  if (platform === 'win32') {
    return [
      ['npipe:////./pipe/docker_engine', 'Docker Desktop'],
      ['npipe:////./pipe/dockerDesktopLinuxEngine', 'Docker Desktop'],
      ['npipe:////./pipe/podman-machine-default', 'Podman'],
    ];
  }
  const runtimeDir = env['XDG_RUNTIME_DIR'] ?? (uid === undefined ? undefined : `/run/user/${uid}`);
  const sockets: [string, string][] = [['/var/run/docker.sock', 'Docker']];
  if (runtimeDir) sockets.push([join(runtimeDir, 'docker.sock'), 'Docker (rootless)']);
  sockets.push(
    [join(home, '.docker/run/docker.sock'), 'Docker Desktop'],
    [join(home, '.docker/desktop/docker.sock'), 'Docker Desktop'],
    [join(home, '.colima/default/docker.sock'), 'Colima'],
    [join(home, '.config/colima/default/docker.sock'), 'Colima'],
    [join(home, '.rd/docker.sock'), 'Rancher Desktop'],
  );
  if (runtimeDir) sockets.push([join(runtimeDir, 'podman/podman.sock'), 'Podman (rootless)']);
  sockets.push(['/run/podman/podman.sock', 'Podman']);
  if (platform === 'darwin') {
    sockets.push([join(home, '.local/share/containers/podman/machine/podman.sock'), 'Podman machine']);
    const temporary = env['TMPDIR'];
    if (temporary)
      sockets.push([join(temporary, 'podman/podman-machine-default-api.sock'), 'Podman machine']);
  }
  return sockets.map(([path, source]) => [`unix://${path}`, source]);
}

function currentContext(around: Surroundings): string | undefined {
  const named =
    around.env['DOCKER_CONTEXT'] ??
    readJson(join(dockerFolder(around), 'config.json'), configSchema)?.currentContext;
  return named === undefined || named === '' || named === 'default' ? undefined : named;
}

function contextPlace(around: Surroundings, name: string): Place {
  // The docker command names a context's folder after the hash of its name.
  const id = createHash('sha256').update(name).digest('hex');
  const contexts = join(dockerFolder(around), 'contexts');
  const meta = readJson(join(contexts, 'meta', id, 'meta.json'), contextSchema);
  const source = `docker context ${name}`;
  if (!meta) return { where: source, source, problem: `the context ${name} has no readable description` };
  return placeOf(meta.Endpoints.docker.Host, source, join(contexts, 'tls', id, 'docker'));
}

function dockerFolder({ env, home }: Surroundings): string {
  return env['DOCKER_CONFIG'] ?? join(home, '.docker');
}

function tlsFolder({ env, home }: Surroundings): string | undefined {
  if (env['DOCKER_CERT_PATH']) return env['DOCKER_CERT_PATH'];
  return env['DOCKER_TLS_VERIFY'] ? dockerFolder({ env, home, platform: process.platform }) : undefined;
}

/** Sets every option that docker-modem would otherwise take from DOCKER_HOST. */
const NOTHING_INHERITED: DockerOptions = {
  host: undefined,
  port: undefined,
  protocol: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
  username: undefined,
};

/** Reads `unix://`, `npipe://`, `tcp://` and `http(s)://` addresses. */
export function placeOf(address: string, source: string, tls?: string): Place {
  const where = address.includes('://') ? address : `tcp://${address}`;
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(where)?.[1];
  if (socket) return { where, source, options: { ...NOTHING_INHERITED, socketPath: socket } };
  if (where.startsWith('ssh://')) {
    const problem =
      'daemons behind ssh are not supported: their ports are on the other machine; start the daemons there and use the provider "external"';
    return { where, source, problem };
  }
  if (!/^(?:tcp|https?):\/\//.test(where) || !URL.canParse(where)) {
    return { where, source, problem: 'the address is not one of unix://, npipe://, tcp://' };
  }
  const url = new URL(where.replace(/^tcp:/, 'http:'));
  const certificates = tls ? readCertificates(tls) : undefined;
  const isTls = url.protocol === 'https:' || certificates !== undefined;
  const options: DockerOptions = {
    ...NOTHING_INHERITED,
    host: url.hostname,
    port: url.port || (isTls ? '2376' : '2375'),
    protocol: isTls ? 'https' : 'http',
    ...certificates,
  };
  // Ports are bound to the daemon's 127.0.0.1: only a daemon on this machine makes them reachable here.
  if (!isLoopback(url.hostname)) {
    const problem = `${url.hostname} is another machine: the daemons' ports would be bound to its loopback; use the provider "external"`;
    return { where, source, problem };
  }
  return { where, source, options };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

function readCertificates(folder: string): Pick<DockerOptions, 'ca' | 'cert' | 'key'> | undefined {
  try {
    return {
      ca: readFileSync(join(folder, 'ca.pem')),
      cert: readFileSync(join(folder, 'cert.pem')),
      key: readFileSync(join(folder, 'key.pem')),
    };
  } catch {
    // Without certificates no TLS is used; a daemon that needs it reports that itself.
    return undefined;
  }
}

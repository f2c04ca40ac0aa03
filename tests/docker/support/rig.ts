/** What the tests of the Docker cluster share: a cluster of their own, what it told, and a look at what the backend holds. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { inject, onTestFinished } from 'vitest';
import { FailureError, type Failure } from '../../../contract/failure.ts';
import type { BackendState, Step } from '../../../contract/backends.ts';
import type { LogLine } from '../../../contract/state.ts';
import { createDockerCluster, type DockerCluster } from '../../../control/cluster/docker/docker-cluster.ts';
import type { DockerSettings } from '../../../control/cluster/docker/backend-spec.ts';
import type { TestBackend } from './global-setup.ts';

/** Whether there is no backend, outside CI only: see global-setup.ts. */
export const hasNoDaemon = inject('dockerDaemon') === null;

export function testBackend(): TestBackend {
  const backend = inject('dockerDaemon');
  if (!backend) throw new Error('no container runtime');
  return backend;
}

export function testDocker(host = testBackend().host): Docker {
  const socketPath = host.replace(/^unix:\/\//, '');
  return new Docker({ socketPath, host: undefined, port: undefined, protocol: undefined });
}

/** Settings that use the test images. */
export function testSettings(change: Partial<DockerSettings['images']> = {}): DockerSettings {
  const { prefix, tag } = testBackend();
  const image = (name: string): string => `${prefix}/${name}:${tag}`;
  return {
    images: {
      registry: '',
      rabbitmq: image('rabbitmq'),
      redis: image('redis'),
      postgres: image('postgres'),
      debian: image('base'),
      ...change,
    },
    limits: { memoryMb: 768, cpus: 0 },
  };
}

export interface Rig {
  readonly cluster: DockerCluster;
  readonly clusterId: string;
  readonly dataDir: string;
  readonly docker: Docker;
  readonly steps: Step[];
  readonly backends: BackendState[];
  readonly logs: LogLine[];
}

export interface RigOptions {
  readonly settings?: DockerSettings;
  readonly appVersion?: string;
  readonly docker?: Docker;
  /** The backend that is cleaned in the end; not `docker`, which may be a broken one on purpose. */
  readonly cleanWith?: Docker;
  /** Another process' cluster, so to say: same id, same data. */
  readonly like?: Rig;
  readonly clusterId?: string;
  readonly dataDir?: string;
}

/** A cluster of its own for a test; reset when the test ends. */
export function rig(options: RigOptions = {}): Rig {
  const clusterId = options.clusterId ?? options.like?.clusterId ?? `t${randomBytes(4).toString('hex')}`;
  const dataDir =
    options.dataDir ?? options.like?.dataDir ?? mkdtempSync(join(tmpdir(), 'flashgrid-docker-'));
  const docker = options.docker ?? testDocker();
  const steps: Step[] = [];
  const backends: BackendState[] = [];
  const logs: LogLine[] = [];
  const cluster = createDockerCluster({
    clusterId,
    dataDir,
    docker,
    settings: options.settings ?? testSettings(),
    appVersion: options.appVersion ?? '1.2.3',
    events: {
      onStep: (step) => steps.push(step),
      onBackend: (backend) => backends.push(backend),
      onLog: (line) => logs.push(line),
    },
  });
  onTestFinished(async () => {
    cluster.detach();
    if (!existsSync(dataDir)) return;
    const last = createDockerCluster({
      clusterId,
      dataDir,
      docker: options.cleanWith ?? testDocker(),
      settings: testSettings(),
      appVersion: '1.2.3',
      events: { onStep: () => undefined, onBackend: () => undefined, onLog: () => undefined },
    });
    await last.reset();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { cluster, clusterId, dataDir, docker, steps, backends, logs };
}

/** A signal that nothing aborts. */
export function noAbort(): AbortSignal {
  return new AbortController().signal;
}

/** The failure that a start ends in. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  throw new Error('it did not fail');
}

export interface Holdings {
  readonly containers: string[];
  readonly volumes: string[];
  readonly networks: string[];
}

/** Everything the backend holds, or what carries one cluster's label. */
export async function holdings(docker: Docker, clusterId?: string): Promise<Holdings> {
  const filters = clusterId === undefined ? {} : { label: [`flashgrid.cluster=${clusterId}`] };
  const [containers, { Volumes }, networks] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters }),
    docker.listNetworks({ filters }),
  ]);
  return {
    containers: containers.map(({ Names, Id }) => Names[0] ?? Id).sort(),
    volumes: (Volumes ?? []).map(({ Name }) => Name).sort(),
    networks: networks.map(({ Name }) => Name).sort(),
  };
}

export const NOTHING: Holdings = { containers: [], volumes: [], networks: [] };

/** Waits for a condition. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await sleep(25);
  }
}

export interface Gate {
  readonly port: number;
  /** Bytes that went to the clients so far. */
  passedBytes(): number;
  /** From now on connections end after so many bytes in all; `undefined` lets everything through. */
  limit(bytes: number | undefined): void;
  /** Holds everything back from now on, without closing: a backend or registry that hangs. */
  hang(): void;
}

/** A way to the registry, or to the backend's socket, that can be cut or held. */
export async function openGate(target: { port: number } | { path: string }): Promise<Gate> {
  const sockets = new Set<Socket>();
  let passed = 0;
  let limitBytes: number | undefined;
  let isHanging = false;
  const server: Server = createServer((client) => {
    const remote = connect(
      'port' in target ? { host: '127.0.0.1', port: target.port } : { path: target.path },
    );
    for (const socket of [client, remote]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    }
    client.on('close', () => remote.destroy());
    remote.on('close', () => client.destroy());
    client.on('data', (chunk) => isHanging || remote.write(chunk));
    remote.on('data', (chunk) => {
      if (isHanging) return;
      passed += chunk.length;
      if (limitBytes !== undefined && passed > limitBytes) {
        client.destroy();
        return;
      }
      if (!client.write(chunk)) {
        remote.pause();
        client.once('drain', () => remote.resume());
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gate has no port');
  return {
    port: address.port,
    passedBytes: () => passed,
    limit: (bytes) => {
      passed = 0;
      limitBytes = bytes;
    },
    hang: () => {
      isHanging = true;
    },
  };
}

/**
 * Runs rendered Kubernetes objects with Podman: an image of this tree, made without a registry, and `podman kube play`. Storage, secrets
 * and containers are in a folder of their own.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { z } from 'zod';
import { runtimeStage } from '../docker/support/services-image.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAUSE = 'localhost/flashgrid-pause:1';
const run = promisify(execFile);

const LEFT_OUT = ['ports', 'startupProbe', 'livenessProbe', 'readinessProbe', 'lifecycle'];
const objectSchema = z.looseObject({ kind: z.string() });
const workloadSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    replicas: z.number().optional(),
    template: z.looseObject({
      metadata: z.looseObject({}),
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number().optional(),
        containers: z.array(
          z.looseObject({
            name: z.string(),
            env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
          }),
        ),
      }),
    }),
  }),
});

export interface PlayedPod {
  readonly component: string;
  /** The name of its only container, as Podman makes it. */
  readonly container: string;
  readonly url: string;
  readonly graceSec: number;
  readonly yaml: string;
}

/**
 * The Deployments and Jobs among rendered objects as Podman 4.3 takes them, one pod for each replica. What is changed: a pod shares the
 * machine's network, so each has a port of its own and declares none; Podman runs probes and hooks by a shell in the image, so they are
 * left out; a Job is a pod that ends. Services, policies and autoscalers mean nothing to it.
 */
export function asPods(objects: readonly unknown[], ports: readonly number[]): PlayedPod[] {
  const free = [...ports];
  return objects.flatMap((object) => {
    if (!/^(Deployment|Job)$/.test(String(objectSchema.parse(object).kind))) return [];
    const { metadata, spec } = workloadSchema.parse(object);
    const { containers, ...pod } = spec.template.spec;
    return Array.from({ length: spec.replicas ?? 1 }, (_, at): PlayedPod => {
      const port = free.shift();
      const name = `${metadata.name}-${at + 1}`;
      const adapted = containers.map(({ env, ...container }) => ({
        ...Object.fromEntries(Object.entries(container).filter(([field]) => !LEFT_OUT.includes(field))),
        env: env.map((each) => (each.name.endsWith('_PORT') ? { ...each, value: String(port) } : each)),
      }));
      return {
        component: containers[0]?.name ?? '',
        container: `${name}-${containers[0]?.name}`,
        url: `http://127.0.0.1:${port}`,
        graceSec: pod.terminationGracePeriodSeconds ?? 30,
        yaml: stringify({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { ...spec.template.metadata, name },
          spec: { ...pod, containers: adapted },
        }),
      };
    });
  });
}

export class KubePlay {
  readonly #dir = mkdtempSync(join(tmpdir(), 'flashgrid-kube-'));
  // Sockets' paths are limited to 107 characters.
  readonly #run = mkdtempSync('/run/fg-kube-');
  readonly #env: NodeJS.ProcessEnv;

  constructor() {
    const storage = `[storage]\ndriver = "overlay"\ngraphroot = "${this.#dir}/storage"\nrunroot = "${this.#run}"\n`;
    // Podman asks for a million open files and processes; a test machine may allow fewer. cgroupfs and runc work without systemd as well.
    const files =
      /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '1024';
    const containers =
      `[containers]\ndefault_ulimits = ["nofile=${files}:${files}", "nproc=4096:4096"]\n` +
      `[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\ninfra_image = "${PAUSE}"\n`;
    writeFileSync(join(this.#dir, 'storage.conf'), storage);
    writeFileSync(join(this.#dir, 'containers.conf'), containers);
    this.#env = {
      ...process.env,
      CONTAINERS_STORAGE_CONF: join(this.#dir, 'storage.conf'),
      CONTAINERS_CONF: join(this.#dir, 'containers.conf'),
    };
  }

  /** Runs Podman; what it said goes into the error. */
  async podman(...args: readonly string[]): Promise<string> {
    return (await run('podman', args, { env: this.#env, timeout: 120_000 })).stdout.trim();
  }

  /** The image of docker/Dockerfile's last stage, on this machine's own Node and its libraries. */
  async buildImage(name: string): Promise<void> {
    const context = join(this.#dir, 'context');
    const config = ['--config', 'docker/vite.config.mjs', '--outDir', join(context, 'out/services')];
    await run('npx', ['vite', 'build', ...config, '--logLevel', 'warn'], { cwd: ROOT });
    const node = process.execPath;
    const libraries = (await run('ldd', [node])).stdout.match(/\/\S+/g) ?? [];
    for (const [from, to] of [
      [node, '/usr/local/bin/node'],
      ...libraries.map((path) => [path, path]),
    ] as const) {
      mkdirSync(join(context, 'base', dirname(to)), { recursive: true });
      cpSync(from, join(context, 'base', to), { dereference: true });
    }
    mkdirSync(join(context, 'base/etc'));
    writeFileSync(join(context, 'base/etc/passwd'), 'node:x:1000:1000::/:/none\n');
    for (const folder of ['prisma/migrations', 'lua'])
      cpSync(join(ROOT, folder), join(context, folder), { recursive: true });
    const base = 'FROM scratch\nCOPY base /';
    const wait = `CMD ["node", "-e", "process.on('SIGTERM', process.exit); setInterval(() => {}, 1e9)"]`;
    writeFileSync(join(context, 'pause'), `${base}\n${wait}`);
    writeFileSync(join(context, 'services'), runtimeStage(base));
    await this.podman('build', '-q', '-f', join(context, 'pause'), '-t', PAUSE, context);
    await this.podman('build', '-q', '-f', join(context, 'services'), '-t', name, context);
    rmSync(context, { recursive: true });
  }

  /** A secret as Podman 4.3 keeps those of Kubernetes: JSON, with values in base64. */
  async addSecret(name: string, values: Readonly<Record<string, string>>): Promise<void> {
    const file = join(this.#dir, 'secret.json');
    const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    writeFileSync(file, JSON.stringify(Object.fromEntries(data)), { mode: 0o600 });
    await this.podman('secret', 'create', name, file);
    rmSync(file);
  }

  async play({ container, yaml }: PlayedPod): Promise<void> {
    const file = join(this.#dir, `${container}.yaml`);
    writeFileSync(file, yaml);
    await this.podman('kube', 'play', '--network', 'host', file);
  }

  /** Ends a container as the kubelet does. @returns its exit code */
  async stop({ container, graceSec }: PlayedPod): Promise<number> {
    await this.podman('stop', '-t', String(graceSec), container);
    return Number(await this.podman('inspect', '-f', '{{.State.ExitCode}}', container));
  }

  async close(): Promise<void> {
    await this.podman('pod', 'rm', '-a', '-f', '-t', '0');
    // What Podman keeps mounted below its folders.
    await this.podman('umount', '--all');
    await run('umount', [join(this.#dir, 'storage/overlay')]).catch(() => undefined);
    for (const folder of [this.#dir, this.#run]) rmSync(folder, { recursive: true, force: true });
  }
}

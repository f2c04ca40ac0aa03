/** The image of all members of a highly available cluster: made here once, since no registry has one with Patroni. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { z } from 'zod';
import { FailureError } from '../../../contract/failure.ts';
import { parseJson } from '../../../services/shared/parse-json.ts';
import { resourceDir } from '../../../services/shared/resources.ts';
import { readLines } from '../../logs/log-reader.ts';
import type { BackendPrograms, HighAvailabilityBinaries } from '../native/find-programs.ts';
import type { StepReporter } from '../steps.ts';
import { MEMBER_CONFINEMENT } from './container-host.ts';
import { ask, backendFailure } from './errors.ts';
import { imageFacts } from './images.ts';
import { removeContainer } from './inventory.ts';
import { lastLines } from './logs.ts';
import { packTar } from './tar.ts';

const FILE = 'highly-available.Dockerfile';
const LOOK_LIMIT_MS = 120_000;
const LOG_LINES = 8;
const messageSchema = z.object({ stream: z.string().optional(), error: z.string().optional() });

/**
 * Makes the image on `base`, unless it is here.
 * @returns its name
 * @throws FailureError `docker.refused` with the last lines of the build
 */
export async function ensureMemberImage(
  docker: Docker,
  base: { readonly name: string; readonly id: string },
  step: StepReporter,
  signal: AbortSignal,
): Promise<string> {
  const text = readFileSync(join(resourceDir('docker'), FILE), 'utf8');
  const key = createHash('sha256').update(`${base.id}\n${text}`).digest('hex').slice(0, 12);
  const image = `flashgrid/highly-available:${key}`;
  if (await imageFacts(docker, image, step.id)) {
    step.skip('already here');
    return image;
  }
  step.note('installing Debian’s packages');
  const startedAtMs = Date.now();
  const stream = await ask(step.id, `building ${image}`, () =>
    docker.buildImage(Readable.from([packTar([{ path: 'Dockerfile', text, mode: 0o644 }])]), {
      t: image,
      buildargs: { BASE: base.name },
      // The containers have this machine's network, too.
      networkmode: 'host',
      abortSignal: signal,
    }),
  );
  const said: string[] = [];
  const problem = await problemOf(stream, said, signal);
  signal.throwIfAborted();
  if (problem !== undefined || !(await imageFacts(docker, image, step.id)))
    throw backendFailure(
      new Error([problem ?? 'the image is not there', ...said.slice(-LOG_LINES)].join('\n')),
      step.id,
      `building ${image}`,
    );
  step.done(`${image}, built in ${((Date.now() - startedAtMs) / 1_000).toFixed(0)} s`);
  return image;
}

/** Reads a build to its end; gives its error, if it has one. */
function problemOf(
  stream: NodeJS.ReadableStream,
  said: string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let problem: string | undefined;
    readLines(stream, (line) => {
      const message = parseJson(line, messageSchema);
      if (message?.stream?.trim()) said.push(message.stream.trim());
      problem ??= message?.error;
    });
    stream.once('error', (error) => resolve(error.message));
    for (const end of ['end', 'close']) stream.once(end, () => resolve(problem));
    signal.addEventListener('abort', () => resolve('cancelled'), { once: true });
  });
}

/** One line for each fact. By the first three we know whether the daemon's machine is ours. */
const LOOK = `
cat /proc/sys/kernel/random/boot_id
readlink /proc/self/ns/net
readlink /proc/self/ns/pid
redis-server --version
echo /usr/lib/postgresql/*/bin
/usr/lib/postgresql/*/bin/postgres --version
echo /usr/lib/rabbitmq/lib/rabbitmq_server-*
patroni --version
etcd --version | head -n 1
haproxy -v | head -n 1`;

export interface ImagePrograms {
  readonly backends: BackendPrograms;
  readonly helpers: HighAvailabilityBinaries;
}

/**
 * Looks what the image has, and where it would run.
 * @throws FailureError `cluster.notHighlyAvailable` when that is not this machine
 */
export async function lookIntoImage(
  docker: Docker,
  image: string,
  step: StepReporter,
): Promise<ImagePrograms> {
  const container = await ask(step.id, 'looking into the image', () =>
    docker.createContainer({
      Image: image,
      Entrypoint: ['/bin/sh', '-c', LOOK],
      HostConfig: { ...MEMBER_CONFINEMENT, PidMode: 'host' },
    }),
  );
  let lines: string[];
  try {
    lines = await ask(
      step.id,
      'looking into the image',
      async () => {
        await container.start();
        await container.wait();
        return await lastLines(docker, container.id);
      },
      LOOK_LIMIT_MS,
    );
  } finally {
    await removeContainer(docker, container.id, step.id);
  }
  const [bootId, network, pids, redis, binDir = '', postgres, home = '', patroni, etcd, haproxy] = lines;
  if (JSON.stringify([bootId, network, pids]) !== JSON.stringify(ownMachine())) throw notThisMachine(step.id);
  const version = (line: string | undefined) => /(\d+(?:\.\d+)+)/.exec(line ?? '')?.[1] ?? '';
  step.done(`Redis ${version(redis)}, Postgres ${version(postgres)}, RabbitMQ ${version(home)}`);
  return {
    backends: {
      redis: { server: 'redis-server', version: version(redis) },
      postgres: { binDir, version: version(postgres) },
      rabbitmq: {
        home,
        version: version(home),
        erl: 'erl',
        epmd: 'epmd',
        erlCall: 'erl_call',
        isInImage: true,
      },
      searched: { redis: [], postgres: [], rabbitmq: [] },
      problems: {},
    },
    helpers: {
      patroni: { program: 'patroni', version: version(patroni) },
      etcd: { program: 'etcd', version: version(etcd) },
      haproxy: { program: 'haproxy', version: version(haproxy) },
    },
  };
}

function ownMachine(): string[] | undefined {
  try {
    return [
      readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      readlinkSync('/proc/self/ns/net'),
      readlinkSync('/proc/self/ns/pid'),
    ];
  } catch {
    // No Linux.
    return undefined;
  }
}

function notThisMachine(step: string): FailureError {
  return new FailureError({
    code: 'cluster.notHighlyAvailable',
    message:
      'This Docker daemon runs its containers in another machine, or apart from this one’s network and processes, as Docker Desktop and rootless Docker do: the members of a highly available cluster would not see each other.',
    fix: 'Choose the provider `native`, use the Docker Engine of this Linux itself, or leave the option out.',
    field: 'highlyAvailable',
    step,
  });
}

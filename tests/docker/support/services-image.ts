/** The image of gateway and worker, as docker/Dockerfile makes it, on the test's own Node image: npm has no place in that one. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestBackend } from './global-setup.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Runs a program; what it said goes into the error. */
export function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  limitMs = 300_000,
): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: limitMs,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return stdout;
  throw new Error(
    `${command} ${args.join(' ')} ended with ${status ?? String(error)}:\n${stdout}\n${stderr}`,
  );
}

/** The last stage of docker/Dockerfile as a file of its own, with its COPY lines pointed at a tree in place of the build stage. */
export function runtimeStage(base: string): string {
  const dockerfile = readFileSync(join(ROOT, 'docker/Dockerfile'), 'utf8');
  const stage = dockerfile.slice(dockerfile.indexOf(' AS runtime'));
  const lines = stage.replaceAll('COPY --from=build /app/', 'COPY ').split('\n').slice(1);
  return [base, ...lines].join('\n');
}

/**
 * Builds the services and the last stage of docker/Dockerfile.
 * @returns the image's name
 */
export function buildServicesImage({ host, prefix, tag }: TestBackend): string {
  run('npx', ['vite', 'build', '--config', 'docker/vite.config.mjs', '--logLevel', 'warn']);
  const context = mkdtempSync(join(tmpdir(), 'flashgrid-image-'));
  try {
    writeFileSync(join(context, 'Dockerfile'), runtimeStage(`FROM ${prefix}/node:${tag}`));
    for (const folder of ['out/services', 'prisma/migrations', 'lua']) {
      mkdirSync(join(context, folder, '..'), { recursive: true });
      cpSync(join(ROOT, folder), join(context, folder), { recursive: true });
    }
    const image = `${prefix}/services:${tag}`;
    run('docker', ['build', '--quiet', '-t', image, context], { DOCKER_HOST: host, DOCKER_BUILDKIT: '0' });
    return image;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

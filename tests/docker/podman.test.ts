import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findDockerDaemon } from '../../control/cluster/docker/docker-cluster.ts';
import {
  failureOf,
  hasNoDaemon,
  holdings,
  noAbort,
  NOTHING,
  rig,
  testBackend,
  testSettings,
  until,
} from './support/rig.ts';
import { run } from './support/services-image.ts';

const hasPodman = spawnSync('podman', ['--version']).status === 0;
// The set-up installs it for root; elsewhere Podman's own user mode would need more than a test may change.
const canRun = !hasNoDaemon && hasPodman && process.getuid?.() === 0;

describe.skipIf(!canRun)('Podman', () => {
  const state = { folder: '', host: '', stop: async (): Promise<void> => undefined };

  /** A `podman system service` with storage of its own. */
  beforeAll(async () => {
    const { cache, host, prefix, tag } = testBackend();
    const storage = join(cache, 'podman');
    // Sockets' paths are limited to 107 characters.
    const folder = mkdtempSync('/run/fg-podman-');
    mkdirSync(storage, { recursive: true });
    writeFileSync(
      join(folder, 'storage.conf'),
      `[storage]\ndriver = "overlay"\ngraphroot = "${storage}"\nrunroot = "${folder}/run"\n`,
    );
    // Podman asks for a million open files and processes; a test machine may allow fewer. cgroupfs and runc work without systemd as well.
    const own = readFileSync('/proc/self/limits', 'utf8');
    const files = /^Max open files\s+\d+\s+(\d+)/m.exec(own)?.[1] ?? '1024';
    const limits = `"nofile=${files}:${files}", "nproc=4096:4096"`;
    writeFileSync(
      join(folder, 'containers.conf'),
      `[containers]\ndefault_ulimits = [${limits}]\n[backend]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n`,
    );
    const env = {
      CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
      CONTAINERS_CONF: join(folder, 'containers.conf'),
    };
    const images = ['rabbitmq', 'redis', 'postgres'].map((name) => `${prefix}/${name}:${tag}`);
    for (const image of images) {
      if (
        spawnSync('podman', ['image', 'exists', `localhost/${image}`], { env: { ...process.env, ...env } })
          .status === 0
      )
        continue;
      run('bash', ['-o', 'pipefail', '-c', `docker save ${image} | podman load`], {
        ...env,
        DOCKER_HOST: host,
      });
    }
    const socket = join(folder, 'podman.sock');
    const child = spawn('podman', ['system', 'service', '--time=0', `unix://${socket}`], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    state.folder = folder;
    state.host = `unix://${socket}`;
    state.stop = async () => {
      child.kill('SIGTERM');
      await ended;
      // What Podman keeps mounted below its folders.
      spawnSync('podman', ['umount', '--all'], { env: { ...process.env, ...env } });
      spawnSync('umount', [join(storage, 'overlay')]);
    };
    await until('Podman answers', async () => (await search()).found !== undefined);
  }, 180_000);

  afterAll(async () => {
    await state.stop();
    rmSync(state.folder, { recursive: true, force: true });
  }, 60_000);

  const search = async () =>
    await findDockerDaemon({
      around: { env: { DOCKER_HOST: state.host }, home: state.folder, platform: 'linux', uid: 0 },
    });

  test('is found, runs the cluster, tells of a death, adopts, and leaves nothing after a reset', async () => {
    const { found } = await search();
    if (!found) throw new Error('not found');
    expect(found.kind).toBe('podman');
    // Podman names images that were loaded from a file after this registry.
    const settings = { ...testSettings(), images: { ...testSettings().images, registry: 'localhost' } };
    const one = rig({ docker: found.docker, cleanWith: found.docker, settings });
    const endpoints = await one.cluster.start(noAbort());
    expect((await one.cluster.stats()).map(({ role }) => role)).toEqual(['rabbitmq', 'redis', 'postgres']);
    const again = rig({ docker: found.docker, cleanWith: found.docker, settings, like: one });
    expect(await again.cluster.start(noAbort())).toEqual(endpoints);
    again.cluster.detach();
    await one.cluster.kill('redis');
    await until('the death shows', () =>
      one.cluster.backends().some(({ role, state: now }) => role === 'redis' && now === 'failed'),
    );
    await one.cluster.start(noAbort());
    expect(one.cluster.backends().map(({ state: now }) => now)).toEqual(['running', 'running', 'running']);
    await one.cluster.reset();
    expect(await holdings(found.docker, one.clusterId)).toEqual(NOTHING);
  });

  test('tells why a pull failed, as Docker does', async () => {
    const { found } = await search();
    if (!found) throw new Error('not found');
    const one = rig({
      docker: found.docker,
      cleanWith: found.docker,
      settings: testSettings({
        redis: '127.0.0.1:9/redis:1',
        postgres: '127.0.0.1:9/p:1',
        rabbitmq: '127.0.0.1:9/r:1',
      }),
    });
    expect((await failureOf(one.cluster.start(noAbort()))).code).toBe('docker.pullNetwork');
    expect(await holdings(found.docker, one.clusterId)).toEqual(NOTHING);
  });
});

import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { describe, expect, onTestFinished, test } from 'vitest';
import { dataVersion } from '../../control/cluster/docker/backend-spec.ts';
import { ClusterFile } from '../../control/cluster/docker/cluster-file.ts';
import { bringUpTestBackend } from './support/global-setup.ts';
import {
  failureOf,
  hasNoDaemon,
  holdings,
  noAbort,
  NOTHING,
  openGate,
  rig,
  testDocker,
  testBackend,
  testSettings,
  until,
} from './support/rig.ts';

const registryPort = (): number => Number(testBackend().registry.split(':')[1]);

/** A way to the registry of this test alone, and the image behind it, which is removed again. */
async function gatedImage(): Promise<{ gate: Awaited<ReturnType<typeof openGate>>; image: string }> {
  const gate = await openGate({ port: registryPort() });
  const image = `127.0.0.1:${gate.port}/pull-redis:${testBackend().tag}`;
  onTestFinished(async () => {
    await testDocker()
      .getImage(image)
      .remove({ force: true })
      .catch(() => undefined);
  });
  return { gate, image };
}

describe.skipIf(hasNoDaemon)('a pull', () => {
  test('shows bytes, total and speed, and its image is never pulled again', async () => {
    const { gate, image } = await gatedImage();
    const one = rig({ settings: testSettings({ redis: image }) });
    await one.cluster.start(noAbort());
    const pulls = one.steps.filter(({ id }) => id === 'docker.image.redis');
    expect(pulls.at(-1)).toMatchObject({ state: 'done' });
    const progress = pulls.at(-1)?.progress;
    expect(progress?.totalBytes).toBeGreaterThan(36_000_000);
    expect(progress?.doneBytes).toBeGreaterThan(12_000_000);
    expect(pulls.some((step) => (step.progress?.bytesPerSec ?? 0) > 0)).toBe(true);
    const bytes = gate.passedBytes();
    const again = rig({ like: one, settings: testSettings({ redis: image }) });
    await again.cluster.start(noAbort());
    expect(gate.passedBytes()).toBe(bytes);
    expect(
      again.steps.find(({ id, state }) => id === 'docker.image.redis' && state === 'skipped')?.detail,
    ).toBe('already here');
    await again.cluster.reset();
  });

  test('that is cut at half says that it was the network, leaves nothing, and works when the network is back', async () => {
    const { gate, image } = await gatedImage();
    const one = rig({ settings: testSettings({ redis: image }) });
    gate.limit(18_000_000);
    const failure = await failureOf(one.cluster.start(noAbort()));
    expect(failure).toMatchObject({ code: 'docker.pullNetwork', step: 'docker.image.redis' });
    expect(failure.message).toContain(image);
    expect(await holdings(one.docker, one.clusterId)).toEqual(NOTHING);
    gate.limit(undefined);
    await one.cluster.start(noAbort());
    expect(one.cluster.backends().map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    await one.cluster.reset();
  });

  test('that the network breaks off once is resumed by itself', async () => {
    const { gate, image } = await gatedImage();
    const one = rig({ settings: testSettings({ redis: image }) });
    gate.limit(18_000_000);
    const started = one.cluster.start(noAbort());
    await until('it was broken off', () =>
      one.steps.some(({ detail }) => detail?.startsWith('broken off') ?? false),
    );
    gate.limit(undefined);
    await started;
    expect(one.steps.findLast(({ id }) => id === 'docker.image.redis')?.state).toBe('done');
    await one.cluster.reset();
  });

  test('can be cancelled at once, also when the registry hangs', async () => {
    const { gate, image } = await gatedImage();
    const one = rig({ settings: testSettings({ redis: image }) });
    const abort = new AbortController();
    const started = failureOf(one.cluster.start(abort.signal));
    await until('it runs', () =>
      one.steps.some(({ id, state }) => id === 'docker.image.redis' && state === 'running'),
    );
    gate.hang();
    abort.abort();
    expect((await started).code).toBe('cluster.cancelled');
    expect(await holdings(one.docker, one.clusterId)).toEqual(NOTHING);
    const images = await one.docker.listImages({ filters: { reference: [image] } });
    expect(images).toEqual([]);
  });

  test('of a name that does not exist says so', async () => {
    const image = `${testBackend().registry}/no-such-image:1`;
    const one = rig({ settings: testSettings({ postgres: image }) });
    const failure = await failureOf(one.cluster.start(noAbort()));
    expect(failure).toMatchObject({ code: 'docker.pullName', step: 'docker.image.postgres' });
    expect(failure.message).toContain(image);
    expect(one.steps.findLast(({ id }) => id === 'docker.image.postgres')?.state).toBe('failed');
    expect(await holdings(one.docker, one.clusterId)).toEqual(NOTHING);
  });

  test('from a registry that nobody runs, or that wants a login, says so', async () => {
    const dead = rig({ settings: testSettings({ redis: '127.0.0.1:9/redis:1' }) });
    expect(await failureOf(dead.cluster.start(noAbort()))).toMatchObject({
      code: 'docker.pullNetwork',
      step: 'docker.image.redis',
    });

    const port = await guardedRegistry();
    const guarded = rig({ settings: testSettings({ redis: `127.0.0.1:${port}/redis:1` }) });
    expect(await failureOf(guarded.cluster.start(noAbort()))).toMatchObject({
      code: 'docker.pullCredentials',
      step: 'docker.image.redis',
    });
  });

  test('onto a full disk says that the disk is full', async ({ skip }) => {
    if (!testBackend().isOwned) skip('needs a backend of its own, as the test set-up starts one for root');
    const small = await smallBackend();
    const { image } = await gatedImage();
    const one = rig({
      docker: small,
      settings: testSettings({ redis: image, postgres: image, rabbitmq: image }),
    });
    const failure = await failureOf(one.cluster.start(noAbort()));
    expect(failure.code).toBe('docker.pullDisk');
    expect(failure.fix).toContain('docker system prune');
  });
});

describe.skipIf(hasNoDaemon)('a start', () => {
  test('without a free port says so and leaves nothing', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void squatter.close());
    const address = squatter.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const one = rig({ settings: { ...testSettings(), ports: { first: port, last: port } } });
    const failure = await failureOf(one.cluster.start(noAbort()));
    expect(failure.code).toBe('docker.noFreePort');
    expect(failure.step).toMatch(/^docker\.container\./);
    expect(await holdings(one.docker, one.clusterId)).toEqual(NOTHING);
  });

  test('of a container that ends at once gives its last words', async () => {
    // The image of Redis has no Postgres in it.
    const one = rig({ settings: testSettings({ postgres: testSettings().images.redis }) });
    const failure = await failureOf(one.cluster.start(noAbort()));
    expect(failure).toMatchObject({ code: 'docker.containerExited', step: 'docker.container.postgres' });
    expect(failure.message).toMatch(/exit code 127[\s\S]*postgres/);
    expect(await holdings(one.docker, one.clusterId)).toEqual(NOTHING);
  });

  test('on a full disk says that the disk is full', async () => {
    const one = rig();
    const file = ClusterFile.open(one.dataDir, one.clusterId);
    const name = `flashgrid-${one.clusterId}-postgres`;
    const { Config } = await one.docker.getImage(testSettings().images.postgres).inspect();
    await one.docker.createVolume({
      Name: name,
      DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=8m' },
      Labels: {
        'flashgrid.cluster': one.clusterId,
        'flashgrid.role': 'postgres',
        'flashgrid.secret-hash': file.passwordHash('postgres'),
        'flashgrid.data-version': dataVersion('postgres', { id: '', volumes: [], env: Config.Env }),
      },
    });
    const failure = await failureOf(one.cluster.start(noAbort()));
    expect(failure).toMatchObject({ code: 'docker.diskFull', step: 'docker.container.postgres' });
    expect(failure.fix).toContain('docker system df');
  });

  test('with a backend that hangs ends within its limit', async () => {
    const gate = await openGate({ path: testBackend().host.replace('unix://', '') });
    gate.hang();
    const hanging = new Docker({
      host: '127.0.0.1',
      port: gate.port,
      protocol: 'http',
      socketPath: undefined,
    });
    const one = rig({ docker: hanging });
    const failure = await failureOf(one.cluster.start(noAbort()));
    expect(failure).toMatchObject({ code: 'docker.timeout', step: 'docker.daemon' });
  });

  test('works again after the backend was restarted, and the loss shows at once', async ({ skip }) => {
    const { isOwned, dockerdPid } = testBackend();
    if (!isOwned) skip('the backend of this machine is not ours to restart');
    const one = rig();
    await one.cluster.start(noAbort());
    process.kill(dockerdPid, 'SIGTERM');
    await until('the loss shows', () =>
      one.logs.some(({ text }) => text.includes('Docker daemon stopped answering')),
    );
    expect(one.cluster.backends().every(({ state }) => state !== 'running')).toBe(true);
    await until('it has ended', () => !existsSync(`/proc/${dockerdPid}`));
    const lost = await failureOf(one.cluster.start(noAbort()));
    expect(lost).toMatchObject({ code: 'docker.backendLost', step: 'docker.daemon' });
    bringUpTestBackend();
    await one.cluster.start(noAbort());
    expect(one.cluster.backends().map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A registry that refuses whoever does not log in. */
async function guardedRegistry(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'flashgrid-registry-'));
  const port = await freePort();
  // Of a password that nobody is told.
  const hash = '$2b$04$UgpAmo2XZBytYcv7xznP2.WdUA9Ws7CRvJGmIgrl/ZSpDs0W.J8Ga';
  writeFileSync(join(folder, 'users'), `somebody:${hash}\n`);
  const config = [
    'version: 0.1',
    'log: { level: error }',
    `storage: { filesystem: { rootdirectory: ${folder} } }`,
    `auth: { htpasswd: { realm: test, path: ${folder}/users } }`,
    `http: { addr: "127.0.0.1:${port}" }`,
  ];
  writeFileSync(join(folder, 'config.yml'), config.join('\n'));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  await until('the registry answers', async () => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/v2/`)).status === 401;
    } catch {
      return false;
    }
  });
  return port;
}

/** A second backend whose disk holds 40 MB. */
async function smallBackend(): Promise<Docker> {
  const folder = mkdtempSync(join(tmpdir(), 'fg-small-'));
  const disk = join(folder, 'disk');
  const run = (command: string, ...rest: string[]): void => {
    const { status, stderr } = spawnSync(command, rest, { encoding: 'utf8', timeout: 20_000 });
    if (status !== 0) throw new Error(`${command} ${rest.join(' ')}: ${stderr}`);
  };
  run('mkdir', '-p', disk);
  run('mount', '-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk);
  const socket = join(folder, 'docker.sock');
  const child = spawn(
    'dockerd',
    [
      '--data-root',
      disk,
      '--exec-root',
      join(folder, 'exec'),
      '--pidfile',
      join(folder, 'pid'),
      '--host',
      `unix://${socket}`,
      '--bridge',
      'none',
      '--iptables=false',
      '--max-download-attempts',
      '1',
    ],
    { stdio: 'ignore' },
  );
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await Promise.race([new Promise((resolve) => child.once('exit', resolve)), sleep(15_000)]);
    // Lazy: what the backend mounted below goes with it.
    spawnSync('umount', ['-l', disk]);
    rmSync(folder, { recursive: true, force: true });
  });
  const docker = testDocker(`unix://${socket}`);
  await until('the small backend answers', async () => {
    try {
      await docker.ping();
      return true;
    } catch {
      return false;
    }
  });
  return docker;
}

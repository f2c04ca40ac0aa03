import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  hasNoDaemon,
  holdings,
  noAbort,
  NOTHING,
  openGate,
  rig,
  testBackend,
  testSettings,
  type Rig,
} from './support/rig.ts';

const PROGRAM = join(import.meta.dirname, 'support/start-and-report.ts');

/** Starts the cluster of `one` in another process and kills that with SIGKILL at the first line that matches. */
async function killAt(one: Rig, line: RegExp, settings: ReturnType<typeof testSettings>): Promise<void> {
  const given = JSON.stringify({
    host: testBackend().host,
    clusterId: one.clusterId,
    dataDir: one.dataDir,
    settings,
  });
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', PROGRAM, given], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  if (!child.stdout) throw new Error('no output');
  const seen: string[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    seen.push(text);
    if (!line.test(text)) continue;
    child.kill('SIGKILL');
    await ended;
    return;
  }
  throw new Error(`it ended before ${String(line)}: ${seen.join('\n')}`);
}

describe.skipIf(hasNoDaemon)('after kill -9 of the app', () => {
  test.each([
    ['while the network is made', /^docker\.network running/],
    ['when the first container is about to be made', /^docker\.container\.\w+ running/],
    ['when the first backend serves', /^docker\.container\.\w+ done/],
    ['while RabbitMQ boots', /^docker\.container\.rabbitmq running waiting/],
    ['when everything runs', /^started/],
  ])('%s, the next start works and leaves no orphan', async (_, line) => {
    const one = rig();
    await killAt(one, line, testSettings());
    await one.cluster.start(noAbort());
    const held = await holdings(one.docker, one.clusterId);
    const names = ['postgres', 'rabbitmq', 'redis'].map((role) => `flashgrid-${one.clusterId}-${role}`);
    // Each container has a volume without a name for its configuration besides.
    expect(held.volumes).toHaveLength(2 * names.length);
    expect({ ...held, volumes: held.volumes.filter((name) => names.includes(name)) }).toEqual({
      containers: names.map((name) => `/${name}`),
      volumes: names,
      networks: [`flashgrid-${one.clusterId}`],
    });
    await one.cluster.reset();
    expect(await holdings(one.docker, one.clusterId)).toEqual(NOTHING);
  });

  test('while an image is pulled, the next start pulls it', async () => {
    const { registry, tag } = testBackend();
    const gate = await openGate({ port: Number(registry.split(':')[1]) });
    const image = `127.0.0.1:${gate.port}/pull-redis:${tag}`;
    const settings = testSettings({ redis: image });
    const one = rig({ settings });
    onTestFinished(async () => {
      await one.cluster.reset();
      await one.docker.getImage(image).remove({ force: true });
    });
    gate.limit(undefined);
    await killAt(one, /^docker\.image\.redis running .*layers ready/, settings);
    await one.cluster.start(noAbort());
    expect(one.cluster.backends().map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  });

  test('a half-initialised volume that never served is made anew', async () => {
    const one = rig();
    await killAt(one, /^docker\.container\.postgres running waiting/, testSettings());
    // The machine goes down with it: initdb ends in the middle.
    const containers = await one.docker.listContainers({
      filters: { label: [`flashgrid.cluster=${one.clusterId}`] },
    });
    await Promise.all(containers.map(({ Id }) => one.docker.getContainer(Id).kill({ signal: 'SIGKILL' })));
    await one.cluster.start(noAbort());
    expect(one.cluster.backends().map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  });
});

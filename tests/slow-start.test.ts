/** A backend that reads its data for longer than its start may take is not ended: it would begin again, and never be ready. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { backendUrl, waitUntilReady as waitForContainer } from '../control/cluster/docker/readiness.ts';
import { findPrograms } from '../control/cluster/native/find-programs.ts';
import { waitUntilReady } from '../control/cluster/native/wait-until-ready.ts';
import { probeRedis } from '../control/cluster/probes.ts';
import { findFreePorts } from '../control/lib/free-port.ts';
import { createRedis } from '../services/shared/redis.ts';

const LIMIT_MS = 300;
/** µs that Redis waits for each of these keys: a setting of its own, for tests. */
const KEY_DELAY_US = 500;
/** It answers once in 1,024 of them. */
const KEYS = 4_000;

it('waits for a Redis that reads its file, natively and in a container', async () => {
  const { redis } = await findPrograms();
  const [port = 0] = await findFreePorts(1);
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-slow-start-'));
  const start = (...more: string[]) => {
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--appendonly', 'yes', '--save', ''];
    const args = [...options, '--requirepass', 'slow', '--dir', dir, ...more];
    const child = spawn(redis?.server ?? '', args, { stdio: 'ignore' });
    const exit = new Promise<string>((resolve) => child.once('exit', () => resolve('by a signal')));
    return {
      exit,
      kill: () => (child.kill('SIGKILL'), exit),
      identity: { pid: child.pid ?? 0, startedAt: '' },
    };
  };
  const url = backendUrl('redis', port, 'slow');
  const never = new AbortController().signal;
  const first = start();
  onTestFinished(async () => {
    await first.kill();
    rmSync(dir, { recursive: true });
  });
  await waitForContainer('redis', url, 10_000, () => Promise.resolve(), never);
  const client = createRedis(url, { role: 'control', onError: () => undefined });
  const keys = client.pipeline();
  for (let at = 0; at < KEYS; at++) keys.set(`key-${at}`, 'value');
  await keys.exec();
  client.disconnect();
  await first.kill();

  const slow = start('--key-load-delay', String(KEY_DELAY_US));
  onTestFinished(async () => void (await slow.kill()));
  const began = performance.now();
  await Promise.all([
    waitForContainer('redis', url, LIMIT_MS, () => Promise.resolve(), never),
    waitUntilReady({
      title: 'Redis',
      process: { role: 'redis', identity: slow.identity, exit: slow.exit },
      check: async () => void (await probeRedis(url)),
      deadlineMs: began + LIMIT_MS,
      limitMs: LIMIT_MS,
      logPath: '',
      lastLines: () => [],
      signal: never,
    }),
  ]);
  // Else the limit was not passed, and nothing is shown.
  expect(performance.now() - began).toBeGreaterThan(2 * LIMIT_MS);
});

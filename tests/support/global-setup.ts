/**
 * The live engines of the test run: those that FLASHGRID_TEST_ENDPOINTS names, else a native cluster of its own in a temporary
 * folder, stopped and removed at the end.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { z } from 'zod';
import { createNativeCluster } from '../../electron/control/cluster/native.ts';

const START_LIMIT_MS = 120_000;
const endpointsSchema = z.strictObject({
  amqpUrl: z.string(),
  redisUrl: z.string(),
  postgresUrl: z.string(),
});

/** Provides `endpoints`; see engines.ts. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['FLASHGRID_TEST_ENDPOINTS'];
  if (given) {
    project.provide('endpoints', endpointsSchema.parse(JSON.parse(given)));
    return undefined;
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'flashgrid-test-'));
  const words: string[] = [];
  const cluster = createNativeCluster({
    dataDir,
    events: {
      onStep: ({ title, state, detail }) => {
        if (state === 'failed') words.push(`${title}: ${detail ?? ''}`);
      },
      onEngine: () => undefined,
      onLog: () => undefined,
    },
  });
  const teardown = async () => {
    await cluster.reset();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    project.provide('endpoints', await cluster.start(AbortSignal.timeout(START_LIMIT_MS)));
  } catch (error) {
    await teardown();
    throw new Error(`the test run has no engines: ${words.join('; ')}`, { cause: error });
  }
  return teardown;
}

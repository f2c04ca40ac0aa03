/**
 * The live backends of the test run: those that FLASHGRID_TEST_ENDPOINTS names, else a native cluster of its own in a temporary
 * folder, stopped and removed at the end.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { z } from 'zod';
import type { ClusterEvents } from '../../control/cluster/cluster.ts';
import { acquireLock } from '../../control/cluster/data-dir-lock.ts';
import { createNativeCluster } from '../../control/cluster/native/native-cluster.ts';

const START_LIMIT_MS = 120_000;
const PREFIX = 'flashgrid-test-';
/** Before this age a folder without a lock may be one whose run is just about to lock it. */
const ABANDONED_AGE_MS = 60_000;
const SILENT: ClusterEvents = { onStep: () => undefined, onBackend: () => undefined, onLog: () => undefined };
const endpointsSchema = z.strictObject({
  amqpUrl: z.string(),
  redisUrl: z.string(),
  postgresUrl: z.string(),
});

/** Provides `endpoints`; see backends.ts. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['FLASHGRID_TEST_ENDPOINTS'];
  if (given) {
    project.provide('endpoints', endpointsSchema.parse(JSON.parse(given)));
    return undefined;
  }
  await removeAbandoned();
  const dataDir = await mkdtemp(join(tmpdir(), PREFIX));
  const unlock = acquireLock(dataDir);
  const words: string[] = [];
  const cluster = createNativeCluster({
    dataDir,
    events: {
      ...SILENT,
      onStep: ({ title, state, detail }) => {
        if (state === 'failed') words.push(`${title}: ${detail ?? ''}`);
      },
    },
  });
  const teardown = async () => {
    await cluster.reset();
    unlock();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    project.provide('endpoints', await cluster.start(AbortSignal.timeout(START_LIMIT_MS)));
  } catch (error) {
    await teardown();
    throw new Error(`the test run has no backends: ${words.join('; ')}`, { cause: error });
  }
  return teardown;
}

/** A test run that was killed could not stop its backends: the next one does. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const dataDir = join(tmpdir(), name);
    try {
      if (Date.now() - (await stat(dataDir)).mtimeMs < ABANDONED_AGE_MS) continue;
      acquireLock(dataDir);
      await createNativeCluster({ dataDir, events: SILENT }).reset();
      await rm(dataDir, { recursive: true, force: true });
    } catch {
      // In use by another test run, or another user's: not ours to remove, and no reason for this run to fail.
    }
  }
}

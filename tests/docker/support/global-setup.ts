/** A container runtime for the run: whatever answers, else our own dockerd, with test images and a registry on loopback. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { z } from 'zod';

const SETUP = join(import.meta.dirname, '../../../scripts/docker-test-setup.sh');
/** From nothing: packages, debootstrap, five images. */
const SETUP_LIMIT_MS = 15 * 60_000;

const testBackendSchema = z.object({
  host: z.string(),
  /** Whether the backend was started by the set-up, and may be restarted. */
  isOwned: z.boolean(),
  dockerdPid: z.number(),
  registry: z.string(),
  /** Debian's release in the images. */
  suite: z.enum(['trixie', 'bookworm']),
  prefix: z.string(),
  tag: z.string(),
  cache: z.string(),
  run: z.string(),
});
export type TestBackend = z.infer<typeof testBackendSchema>;

declare module 'vitest' {
  interface ProvidedContext {
    dockerDaemon: TestBackend | null;
  }
}

/** Runs the set-up script; harmless when everything is up. */
export function bringUpTestBackend(): TestBackend {
  const { status, stdout, error } = spawnSync(SETUP, ['up'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: SETUP_LIMIT_MS,
  });
  if (status !== 0) {
    throw new Error(
      `no container runtime for the tests: ${SETUP} ended with ${status ?? String(error)}; see its lines above`,
    );
  }
  return testBackendSchema.parse(JSON.parse(stdout));
}

export default function setup(project: TestProject): (() => void) | undefined {
  try {
    const backend = bringUpTestBackend();
    project.provide('dockerDaemon', backend);
    // FLASHGRID_TEST_KEEP: the next run finds the backend up.
    if (!backend.isOwned || process.env['FLASHGRID_TEST_KEEP']) return undefined;
    return () => {
      spawnSync(SETUP, ['down'], { stdio: 'inherit', timeout: 60_000 });
    };
  } catch (error) {
    // CI and root can always have one: there a missing backend is a failure. Elsewhere the tests say that they were left out.
    if (process.env['CI'] || process.getuid?.() === 0) throw error;
    console.warn(String(error));
    project.provide('dockerDaemon', null);
    return undefined;
  }
}

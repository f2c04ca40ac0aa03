import { defineConfig } from 'vitest/config';

/** Tests that need a container engine: one file at a time, since they share it and the machine's cores. */
export default defineConfig({
  test: {
    name: 'docker',
    root: `${import.meta.dirname}/../..`,
    include: ['tests/docker/**/*.test.ts'],
    globalSetup: ['tests/docker/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

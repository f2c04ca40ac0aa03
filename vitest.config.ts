import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Two cores carry the engines, the services and the generator: tests of live engines run one file at a time.
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{electron,services,renderer,scripts}/**/*.test.{ts,tsx}',
            'tests/{structure,bench}/**/*.test.ts',
          ],
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'engines',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/{structure,bench}/**'],
          globalSetup: ['tests/support/global-setup.ts'],
          pool: 'forks',
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
